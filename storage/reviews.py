"""What people said and what came of it, as the shards decided: written once, then only read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.ids import AccountId, RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.outcomes import How, Outcome
from domain.reviews import Verdict
from domain.tasks import RETRACTED, ProjectedReview, Retraction, ReviewStatus, TaskKind
from storage.documents import from_json, plain_text, to_json
from storage.settlements import (
    give_back_undone,
    reopen_refused,
    retract_reviews,
    settle_accepted,
    settle_corrections,
)
from storage.tables import outcomes, review_receipts, reviews, tasks
from storage.visibility import visible

# Made once: building a statement takes longer than running it, and every claim runs these.
_ACCEPTED = select(func.count()).where(
    reviews.c.account_id == bindparam("account"), reviews.c.status == ReviewStatus.ACCEPTED
)
_ACCEPTED_IN_ROUND = _ACCEPTED.where(reviews.c.round_id == bindparam("round"))


@dataclass(frozen=True, kw_only=True)
class Review:
    """A submission as it is shown: to adjudicators, to the team, to auditors."""

    review_id: ReviewId
    round_id: RoundId
    shard: int
    sequence: int
    task_id: TaskId
    record_id: RecordId
    kind: TaskKind
    account_id: AccountId
    reviewer: str
    verdict: Verdict
    answer: str
    confidence: float | None
    rationale: str
    seconds: float
    guideline: str
    submitted_at: Timestamp
    decided_at: Timestamp
    look: int
    status: ReviewStatus
    refusal: str
    corrects: ReviewId | None
    retracted_at: Timestamp | None
    """Since when it does not stand any more: undone or corrected."""


@dataclass(frozen=True, kw_only=True)
class DecidedOutcome:
    round_id: RoundId
    shard: int
    outcome: Outcome
    decided_at: Timestamp


def project_reviews(
    connection: Connection,
    *,
    round_id: RoundId,
    shard: int,
    decided: Iterable[ProjectedReview],
    retracted: Iterable[Retraction] = (),
    at: Timestamp | None = None,
) -> int:
    """Writes the reviews that are not there yet and says how many.

    A task whose review is accepted is done. One whose review is refused, though it still waits for
    an answer, goes back to the queue; one whose review was undone goes back to its author.
    """
    rows = [_review_row(round_id, shard, each, at) for each in decided]
    retractions = {each.review_id: each.status for each in retracted}
    if not rows and not retractions:
        return 0
    earlier = select(reviews.c.task_id).where(reviews.c.review_id.in_(retractions))
    # Locked in one order, so that two projections cannot wait for each other.
    connection.execute(
        select(tasks.c.task_id)
        .where(
            or_(tasks.c.task_id.in_({row["task_id"] for row in rows}), tasks.c.task_id.in_(earlier))
        )
        .order_by(tasks.c.task_id)
        .with_for_update()
    )
    undone = retract_reviews(connection, retractions, at=at)
    new: Sequence[ReviewId] = ()
    if rows:
        new = connection.scalars(
            insert(reviews)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["review_id"])
            .returning(reviews.c.review_id)
        ).all()
    connection.execute(
        update(review_receipts)
        .where(review_receipts.c.review_id.in_(new), review_receipts.c.acknowledged_at.is_(None))
        .values(acknowledged_at=func.now())
    )
    give_back_undone(connection, [*undone, *new], at=at)
    settle_accepted(connection, new)
    settle_corrections(connection, new)
    reopen_refused(connection, new)
    return len(new)


def project_outcomes(
    connection: Connection,
    *,
    round_id: RoundId,
    shard: int,
    outcomes_: Iterable[Outcome],
    at: Timestamp,
) -> None:
    """Writes the outcomes; one of an earlier look, or decided earlier, replaces none."""
    rows = [
        {
            "round_id": round_id,
            "record_id": outcome.record_id,
            "shard": shard,
            "verdict": None if outcome.verdict is None else to_json(outcome.verdict),
            "label": None if outcome.verdict is None else outcome.verdict.label,
            "how": outcome.how.value,
            "label_confidence": outcome.label_confidence,
            "reviews": outcome.reviews,
            "look": outcome.look,
            "decided_at": at,
        }
        for outcome in outcomes_
    ]
    if not rows:
        return
    statement = insert(outcomes).values(rows)
    new = statement.excluded
    changed = ("shard", "verdict", "label", "how", "label_confidence", "reviews", "look")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["round_id", "record_id"],
            set_={name: new[name] for name in (*changed, "decided_at")},
            where=tuple_(outcomes.c.look, outcomes.c.decided_at)
            <= tuple_(new.look, new.decided_at),
        )
    )


def withdraw_outcomes(
    connection: Connection,
    record_ids: Collection[RecordId],
    *,
    round_id: RoundId,
    look: int,
    at: Timestamp,
) -> None:
    """Takes away what this look, or one before it, concluded of these records by then."""
    connection.execute(
        delete(outcomes).where(
            outcomes.c.round_id == round_id,
            outcomes.c.record_id.in_(record_ids),
            outcomes.c.look <= look,
            outcomes.c.decided_at <= at,
        )
    )


def reviews_of(
    connection: Connection,
    round_id: RoundId,
    record_id: RecordId | None = None,
    *,
    after: tuple[int, int] = (-1, -1),
    limit: int = 1_000,
) -> list[Review]:
    """Reviews in the order of their shards' ledgers, refused ones included.

    `after` is the `(shard, sequence)` of the last one seen.
    """
    query = (
        select(reviews)
        .where(
            reviews.c.round_id == round_id,
            tuple_(reviews.c.shard, reviews.c.sequence) > tuple_(*after),
            visible(connection, reviews),
        )
        .order_by(reviews.c.shard, reviews.c.sequence)
        .limit(limit)
    )
    if record_id is not None:
        query = query.where(reviews.c.record_id == record_id)
    return [review_of_row(row) for row in connection.execute(query)]


def reviews_by_record(
    connection: Connection, round_id: RoundId, record_ids: Collection[RecordId]
) -> dict[RecordId, list[Review]]:
    """The reviews of these records, each record's in the order of its shards' ledgers."""
    rows = connection.execute(
        select(reviews)
        .where(
            reviews.c.round_id == round_id,
            reviews.c.record_id.in_(record_ids),
            visible(connection, reviews),
        )
        .order_by(reviews.c.shard, reviews.c.sequence)
    )
    found: dict[RecordId, list[Review]] = {record_id: [] for record_id in record_ids}
    for row in rows:
        found[row.record_id].append(review_of_row(row))
    return found


def get_review(connection: Connection, review_id: ReviewId) -> Review | None:
    """The review as the shard decided on it; none before it has."""
    row = connection.execute(
        select(reviews).where(reviews.c.review_id == review_id, visible(connection, reviews))
    ).one_or_none()
    return None if row is None else review_of_row(row)


def latest_of(connection: Connection, account_id: AccountId, *, limit: int) -> list[Review]:
    """What this person has said last, the newest first, refused answers included."""
    rows = connection.execute(
        select(reviews)
        .where(reviews.c.account_id == account_id, visible(connection, reviews))
        .order_by(reviews.c.submitted_at.desc(), reviews.c.sequence.desc())
        .limit(limit)
    )
    return [review_of_row(row) for row in rows]


def count_accepted(
    connection: Connection, account_id: AccountId, round_id: RoundId | None = None
) -> int:
    """How many answers of this person were accepted, in one round or in all."""
    accepted = _ACCEPTED if round_id is None else _ACCEPTED_IN_ROUND
    return connection.execute(accepted, {"account": account_id, "round": round_id}).scalar_one()


def answered_by(connection: Connection, round_id: RoundId) -> frozenset[AccountId]:
    """Everybody who reviewed or adjudicated in the round, if only to take it back."""
    found = connection.scalars(
        select(reviews.c.account_id)
        .distinct()
        .where(reviews.c.round_id == round_id, reviews.c.status != ReviewStatus.REFUSED)
    )
    return frozenset(map(AccountId, found))


def outcomes_of(
    connection: Connection,
    round_id: RoundId,
    *,
    after: RecordId | None = None,
    limit: int = 1_000,
) -> list[DecidedOutcome]:
    """Outcomes by record id, from the one that follows `after`."""
    query = select(outcomes).where(outcomes.c.round_id == round_id, visible(connection, outcomes))
    if after is not None:
        query = query.where(outcomes.c.record_id > after)
    rows = connection.execute(query.order_by(outcomes.c.record_id).limit(limit))
    return [outcome_of_row(row) for row in rows]


def get_outcome(connection: Connection, round_id: RoundId, record_id: RecordId) -> Outcome | None:
    """What the round concludes of the record, as far as it has."""
    row = connection.execute(
        select(outcomes).where(
            outcomes.c.round_id == round_id,
            outcomes.c.record_id == record_id,
            visible(connection, outcomes),
        )
    ).one_or_none()
    return None if row is None else outcome_of_row(row).outcome


def _review_row(
    round_id: RoundId, shard: int, each: ProjectedReview, at: Timestamp | None
) -> dict[str, object]:
    message = each.message
    return {
        "review_id": plain_text(message.review_id),
        "round_id": round_id,
        "shard": shard,
        "sequence": each.sequence,
        "task_id": plain_text(message.task_id),
        "record_id": plain_text(message.record_id),
        "kind": each.kind.value,
        "account_id": message.actor.account_id,
        "reviewer": message.actor.name,
        "verdict": to_json(message.verdict),
        "answer": plain_text(message.verdict.answer),
        "confidence": message.confidence,
        "rationale": plain_text(message.rationale),
        "seconds": message.seconds,
        "guideline": plain_text(message.guideline),
        "submitted_at": message.submitted_at,
        "decided_at": each.decided_at,
        "look": each.look,
        "status": each.status.value,
        "refusal": plain_text(each.refusal),
        "corrects": message.corrects and plain_text(message.corrects),
        "retracted_at": at if each.status in RETRACTED else None,
    }


def review_of_row(row: Row[*tuple[object, ...]]) -> Review:
    facts = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for it
    del facts["level"]  # what guards the row, and no part of what was said
    return Review(
        **facts
        | {
            "kind": TaskKind(row.kind),
            "verdict": from_json(Verdict, row.verdict),
            "status": ReviewStatus(row.status),
        }
    )


def outcome_of_row(row: Row[*tuple[object, ...]]) -> DecidedOutcome:
    return DecidedOutcome(
        round_id=row.round_id,
        shard=row.shard,
        outcome=Outcome(
            record_id=row.record_id,
            verdict=None if row.verdict is None else from_json(Verdict, row.verdict),
            how=How(row.how),
            label_confidence=row.label_confidence,
            reviews=row.reviews,
            look=row.look,
        ),
        decided_at=row.decided_at,
    )
