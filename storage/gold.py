"""Answers to gold records: in rounds and in calibrations, and what they say of people."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.accounts import SYSTEM
from domain.gold import GoldRules, Paused, below_floor, passes
from domain.ids import AccountId, PoolId, RecordId, ReviewId, RoundId
from domain.labels import LabelSchema
from domain.profiles import Standing
from domain.records import KnownRole, Record
from domain.tasks import Projection, ReviewStatus, TaskKind
from storage.pools import record as stored_record
from storage.profiles import get_standing, put_standing
from storage.rounds import get_round
from storage.tables import gold_answers, records, reviews, rounds, standings
from storage.visibility import everything, visible


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How far somebody is with the calibration set of a label schema."""

    answered: int
    right: int
    wanted: int
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class DoubtfulReview:
    """A review by somebody whose answers are not relied on any more."""

    record_id: RecordId
    review_id: ReviewId
    reviewer: str
    answer: str


# -- in a round -------------------------------------------------------------------------------


def judge_reviewers(connection: Connection, projection: Projection) -> list[Paused]:
    """Writes down how gold was answered, and pauses whoever falls below the floor; those people."""
    retracted = [each.review_id for each in projection.retracted]
    if retracted:
        # What its author took back or corrected measures nobody.
        connection.execute(delete(gold_answers).where(gold_answers.c.answer_id.in_(retracted)))
    if not projection.judged:
        return []
    plan = get_round(connection, projection.round_id).plan
    schema = plan.schema.name
    rows = [
        {
            "answer_id": each.review_id,
            "account_id": each.account_id,
            "schema_name": schema,
            "round_id": projection.round_id,
            "record_id": each.record_id,
            "correct": each.correct,
            "answered_at": each.at,
        }
        for each in projection.judged
    ]
    connection.execute(
        insert(gold_answers).values(rows).on_conflict_do_nothing(index_elements=["answer_id"])
    )
    people = sorted({each.account_id for each in projection.judged})
    paused = (_paused(connection, account_id, plan.gold, schema) for account_id in people)
    return [each for each in paused if each is not None]


def _paused(
    connection: Connection, account_id: AccountId, rules: GoldRules, schema: str
) -> Paused | None:
    answers = _latest(connection, account_id, schema, rules.window)
    if not below_floor(answers, rules):
        return None
    anew = put_standing(
        connection,
        account_id,
        schema,
        Standing.PAUSED,
        changed_by=SYSTEM.account_id,
        reason=f"{sum(answers)} of the last {len(answers)} known answers were right",
    )
    if not anew:
        return None
    return Paused(account_id=account_id, answered=len(answers), right=sum(answers))


def doubtful_reviews(
    connection: Connection, round_id: RoundId, *, limit: int = 1_000
) -> list[DoubtfulReview]:
    """The round's accepted reviews by people who are paused under its label schema."""
    schema = rounds.c.plan["schema"]["name"].astext
    rows = connection.execute(
        select(reviews.c.record_id, reviews.c.review_id, reviews.c.reviewer, reviews.c.answer)
        .join(rounds, rounds.c.round_id == reviews.c.round_id)
        .join(
            standings,
            and_(
                standings.c.account_id == reviews.c.account_id,
                standings.c.schema_name == schema,
                standings.c.standing == Standing.PAUSED.value,
            ),
        )
        .where(
            reviews.c.round_id == round_id,
            reviews.c.kind == TaskKind.REVIEW.value,
            reviews.c.status == ReviewStatus.ACCEPTED.value,
            visible(connection, reviews),
        )
        .order_by(reviews.c.reviewer, reviews.c.record_id)
        .limit(limit)
    )
    return [
        DoubtfulReview(
            record_id=row.record_id,
            review_id=row.review_id,
            reviewer=row.reviewer,
            answer=row.answer,
        )
        for row in rows
    ]


# -- in a calibration -------------------------------------------------------------------------


def next_to_calibrate(
    connection: Connection, account_id: AccountId, pool_id: PoolId, schema: LabelSchema
) -> Record | None:
    """A gold record of the pool that this person has not answered yet, another one for each."""
    answered = exists().where(
        gold_answers.c.record_id == records.c.record_id,
        gold_answers.c.account_id == account_id,
        gold_answers.c.schema_name == schema.name,
    )
    row = connection.execute(
        select(records)
        .where(
            records.c.pool_id == pool_id,
            records.c.role == KnownRole.GOLD.value,
            ~answered,
            visible(connection, records),
            *([] if schema.multiple else [records.c.label.in_(schema.labels)]),
        )
        .order_by(func.md5(func.concat(account_id, records.c.record_id)))
        .limit(1)
    ).one_or_none()
    return None if row is None else stored_record(row)


def note_calibrated(
    connection: Connection,
    account_id: AccountId,
    record_id: RecordId,
    rules: GoldRules,
    *,
    schema: str,
    correct: bool,
) -> Calibration:
    """Writes the answer down; once the set is complete, the person has passed or is paused."""
    connection.execute(
        insert(gold_answers)
        .values(
            answer_id=f"{account_id}/{schema}/{record_id}",
            account_id=account_id,
            schema_name=schema,
            record_id=record_id,
            correct=correct,
            answered_at=func.clock_timestamp(),
        )
        .on_conflict_do_nothing(index_elements=["answer_id"])
    )
    answers = _calibrating(connection, account_id, schema)
    verdict = passes(answers, rules)
    if verdict is not None and get_standing(connection, account_id, schema) is Standing.UNTRIED:
        put_standing(
            connection,
            account_id,
            schema,
            Standing.PASSED if verdict else Standing.PAUSED,
            changed_by=SYSTEM.account_id,
            reason=f"calibration: {sum(answers)} of {len(answers)} right",
        )
    return calibration(connection, account_id, rules, schema=schema)


def calibration(
    connection: Connection, account_id: AccountId, rules: GoldRules, *, schema: str
) -> Calibration:
    answers = _calibrating(connection, account_id, schema)
    return Calibration(
        answered=len(answers),
        right=sum(answers),
        wanted=rules.calibrate,
        standing=get_standing(connection, account_id, schema),
    )


def _calibrating(connection: Connection, account_id: AccountId, schema: str) -> list[bool]:
    query = (
        select(gold_answers.c.correct)
        .where(
            gold_answers.c.account_id == account_id,
            gold_answers.c.schema_name == schema,
            gold_answers.c.round_id.is_(None),
        )
        .order_by(gold_answers.c.answered_at)
    )
    # What somebody has answered counts, also where they may not see the record any more.
    with everything(connection):
        return list(connection.scalars(query))


def _latest(connection: Connection, account_id: AccountId, schema: str, window: int) -> list[bool]:
    """Whether the person's latest answers to gold records were right, the latest last."""
    found = connection.scalars(
        select(gold_answers.c.correct)
        .where(
            gold_answers.c.account_id == account_id,
            gold_answers.c.schema_name == schema,
        )
        .order_by(gold_answers.c.answered_at.desc(), gold_answers.c.answer_id)
        .limit(window)
    ).all()
    return list(reversed(found))
