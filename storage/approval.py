"""What an approver looks at: a round's outcomes, the disputed ones first, with their contents."""

from __future__ import annotations

import json
from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true

from domain.ids import RecordId, RoundId
from domain.outcomes import HELD, How
from domain.records import Content
from domain.tasks import ReviewStatus, TaskKind
from storage.reviews import DecidedOutcome, outcome_of_row
from storage.tables import batch_records, outcomes, records, reviews, rounds, superseded_records
from storage.visibility import visible


class Show(StrEnum):
    """Which outcomes to look at."""

    ALL = "all"
    DISPUTED = "disputed"
    """People differed, or nobody settled the record in time."""
    AGREED = "agreed"
    UNLABELLED = "unlabelled"
    """Excluded, ambiguous or held: what the dataset will not train on."""


_DISPUTED = or_(
    outcomes.c.how != How.AGREEMENT.value, func.coalesce(outcomes.c.label_confidence, 1.0) < 1.0
)
_WANTED: dict[Show, ColumnElement[bool]] = {
    Show.ALL: true(),
    Show.DISPUTED: _DISPUTED,
    Show.AGREED: ~_DISPUTED,
    Show.UNLABELLED: outcomes.c.label.is_(None),
}


def count_outcomes(connection: Connection, round_id: RoundId) -> dict[Show, int]:
    """How many outcomes of the round there are to see, of each choice."""
    columns = [func.count().filter(wanted).label(show) for show, wanted in _WANTED.items()]
    here = and_(outcomes.c.round_id == round_id, visible(connection, outcomes))
    row = connection.execute(select(*columns).where(here)).one()
    return {show: row._mapping[show] for show in Show}  # noqa: SLF001 -- its public name


def outcomes_to_check(
    connection: Connection, round_id: RoundId, show: Show, *, offset: int = 0, limit: int = 50
) -> list[DecidedOutcome]:
    """Outcomes, those that nobody settled first, then adjudicated, then disputed, by record id."""
    urgency = case(
        (outcomes.c.how.in_(HELD), 0),
        (outcomes.c.how == How.ADJUDICATION.value, 1),
        (_DISPUTED, 2),
        else_=3,
    )
    rows = connection.execute(
        select(outcomes)
        .where(outcomes.c.round_id == round_id, _WANTED[show], visible(connection, outcomes))
        .order_by(urgency, outcomes.c.record_id)
        .offset(offset)
        .limit(limit)
    )
    return [outcome_of_row(row) for row in rows]


def batch_contents(
    connection: Connection, round_id: RoundId, record_ids: Collection[RecordId]
) -> dict[RecordId, Content]:
    """The records' contents as the round selected them, whatever was imported since."""
    wanted = batch_records.c.content_digest
    before = (
        select(superseded_records.c.content)
        .where(
            superseded_records.c.pool_id == rounds.c.pool_id,
            superseded_records.c.record_id == batch_records.c.record_id,
            superseded_records.c.content_digest == wanted,
        )
        .order_by(superseded_records.c.superseded_at.desc())
        .limit(1)
        .lateral("before")
    )
    rows = connection.execute(
        select(
            batch_records.c.record_id,
            func.coalesce(records.c.content, before.c.content).label("content"),
        )
        .join(rounds, rounds.c.round_id == batch_records.c.round_id)
        .outerjoin(
            records,
            and_(
                records.c.pool_id == rounds.c.pool_id,
                records.c.record_id == batch_records.c.record_id,
                records.c.content_digest == wanted,
            ),
        )
        .outerjoin(before, true())
        .where(
            batch_records.c.round_id == round_id,
            batch_records.c.record_id.in_(list(record_ids)),
            visible(connection, batch_records),
        )
    )
    return {
        RecordId(row.record_id): Content(json.loads(row.content))
        for row in rows
        if row.content is not None
    }


def judged_twice(connection: Connection, round_id: RoundId) -> int:
    """Records of the round that somebody reviewed and adjudicated as well."""
    reviewed, settled = reviews.alias("reviewed"), reviews.alias("settled")
    counted = connection.scalar(
        select(func.count(settled.c.record_id.distinct()))
        .join(
            reviewed,
            and_(
                reviewed.c.round_id == settled.c.round_id,
                reviewed.c.record_id == settled.c.record_id,
                reviewed.c.account_id == settled.c.account_id,
            ),
        )
        .where(
            settled.c.round_id == round_id,
            settled.c.kind == TaskKind.ADJUDICATION.value,
            settled.c.status == ReviewStatus.ACCEPTED.value,
            reviewed.c.kind == TaskKind.REVIEW.value,
        )
    )
    return counted or 0
