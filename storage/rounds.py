"""The read model of rounds: phase, what is awaited, what is known so far, and the batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Row, false, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from domain.canonical import Sha256
from domain.errors import Conflict, NotFound
from domain.gold import GOLD_ARM
from domain.ids import Document, PoolId, RecordId, RoundId, Timestamp
from domain.records import Json
from domain.rounds import Phase, RoundPlan
from domain.selections import Selection
from storage.copying import copy_rows
from storage.documents import from_json, to_json
from storage.lanes import close_lanes
from storage.tables import batch_records, rounds
from storage.tasks import close_all_tasks
from storage.visibility import visible


@dataclass(frozen=True, kw_only=True)
class Round:
    plan: RoundPlan
    phase: Phase
    awaiting: Document | None
    summary: Document
    failure: Document | None
    ledger_head: Sha256 | None
    ledger_length: int | None
    created_at: Timestamp
    updated_at: Timestamp | None
    """Workflow time of the latest projection; none before the first."""
    closed_at: Timestamp | None
    archived_at: Timestamp | None

    @property
    def round_id(self) -> RoundId:
        return self.plan.round_id


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """One record of a round's batch and where it was routed."""

    selection: Selection
    content_digest: Sha256
    """Of the content alone, as the round's snapshot has it."""
    shard: int
    lane: int = 0


def create_round(connection: Connection, plan: RoundPlan) -> Round:
    """The round of this plan, made if it is not there.

    Raises Conflict if its id belongs to another plan.
    """
    connection.execute(
        insert(rounds)
        .values(
            round_id=plan.round_id,
            pool_id=plan.pool_id,
            dataset=plan.dataset,
            plan=to_json(plan),
            requested_by=plan.requested_by.account_id,
            phase=Phase.SNAPSHOT.value,
            created_at=plan.requested_at,
        )
        .on_conflict_do_nothing(index_elements=["round_id"])
    )
    round_ = get_round(connection, plan.round_id)
    if round_.plan != plan:
        raise Conflict("this round id belongs to another plan", round_id=plan.round_id)
    return round_


def get_round(connection: Connection, round_id: RoundId) -> Round:
    """The round. Raises NotFound."""
    row = connection.execute(select(rounds).where(rounds.c.round_id == round_id)).one_or_none()
    if row is None:
        raise NotFound("no such round", hint="labelwright round list shows them", round_id=round_id)
    return _round(row)


def list_rounds(
    connection: Connection,
    *,
    after: RoundId | None = None,
    limit: int = 50,
    pool_id: PoolId | None = None,
    only_open: bool = False,
) -> list[Round]:
    """Rounds, the newest first, from the one that follows `after`."""
    query = select(rounds).order_by(rounds.c.created_at.desc(), rounds.c.round_id.desc())
    if after is not None:
        last = select(rounds.c.created_at, rounds.c.round_id).where(rounds.c.round_id == after)
        query = query.where(tuple_(rounds.c.created_at, rounds.c.round_id) < last.scalar_subquery())
    if pool_id is not None:
        query = query.where(rounds.c.pool_id == pool_id)
    if only_open:
        query = query.where(rounds.c.closed_at.is_(None))
    return [_round(row) for row in connection.execute(query.limit(limit))]


def all_rounds(connection: Connection) -> list[RoundId]:
    """Every round, the oldest first."""
    return list(
        connection.scalars(
            select(rounds.c.round_id).order_by(rounds.c.created_at, rounds.c.round_id)
        )
    )


def open_rounds(connection: Connection) -> list[RoundId]:
    """Every round that has not ended, the oldest first."""
    return list(
        connection.scalars(
            select(rounds.c.round_id)
            .where(rounds.c.closed_at.is_(None))
            .order_by(rounds.c.created_at, rounds.c.round_id)
        )
    )


def never_started(connection: Connection, *, older_than: timedelta, limit: int) -> list[Round]:
    """Rounds that were written down that long ago and whose workflow has not shown itself."""
    rows = connection.execute(
        select(rounds)
        .where(
            rounds.c.updated_at.is_(None),
            rounds.c.closed_at.is_(None),
            rounds.c.created_at < func.now() - older_than,
        )
        .order_by(rounds.c.created_at)
        .limit(limit)
    )
    return [_round(row) for row in rows]


def project_phase(
    connection: Connection,
    round_id: RoundId,
    phase: Phase,
    *,
    summary: dict[str, Json],
    awaiting: dict[str, Json] | None,
    at: Timestamp,
) -> bool:
    """Shows the phase; the top-level keys of `summary` are added to what is known.

    A projection that is older than what the round shows, or comes after its end, changes nothing.
    Answers whether the round has entered the phase by this one.
    """
    before = connection.execute(
        select(rounds.c.phase, rounds.c.updated_at)
        .where(
            rounds.c.round_id == round_id,
            rounds.c.closed_at.is_(None),
            or_(rounds.c.updated_at.is_(None), rounds.c.updated_at <= at),
        )
        .with_for_update()
    ).one_or_none()
    if before is None:
        return False
    connection.execute(
        update(rounds)
        .where(rounds.c.round_id == round_id)
        .values(
            phase=phase.value,
            summary=rounds.c.summary.op("||")(literal(to_json(summary), JSONB)),
            awaiting=None if awaiting is None else to_json(awaiting),
            updated_at=at,
        )
    )
    return before.updated_at is None or before.phase != phase


def close_round(
    connection: Connection,
    round_id: RoundId,
    phase: Phase,
    *,
    ledger_head: Sha256 | None,
    ledger_length: int | None,
    failure: dict[str, Json] | None,
    at: Timestamp,
    summary: dict[str, Json] | None = None,
) -> None:
    """Ends the round in the read model. Tasks that a fault left open are closed with it.

    The keys of `summary` are added to what is known.

    Again with a longer ledger, it shows what the workflow was told in its last moment. A round
    that could not write its end down has no ledger head.
    """
    longer = false() if ledger_length is None else rounds.c.ledger_length < ledger_length
    connection.execute(
        update(rounds)
        .where(rounds.c.round_id == round_id, or_(rounds.c.closed_at.is_(None), longer))
        .values(
            phase=phase.value,
            awaiting=None,
            ledger_head=ledger_head,
            ledger_length=ledger_length,
            failure=None if failure is None else to_json(failure),
            summary=rounds.c.summary.op("||")(literal(to_json(summary or {}), JSONB)),
            updated_at=at,
            closed_at=func.coalesce(rounds.c.closed_at, at),
        )
    )
    close_all_tasks(connection, round_id, reason=f"the round is {phase}", at=at)
    close_lanes(connection, round_id)


def open_rounds_without_archive(connection: Connection, limit: int) -> list[RoundId]:
    """Rounds that have ended and whose histories are not archived, the longest ended first."""
    return list(
        connection.scalars(
            select(rounds.c.round_id)
            .where(rounds.c.closed_at.is_not(None), rounds.c.archived_at.is_(None))
            .order_by(rounds.c.closed_at)
            .limit(limit)
        )
    )


def mark_archived(connection: Connection, round_id: RoundId) -> None:
    connection.execute(
        update(rounds)
        .where(rounds.c.round_id == round_id)
        .values(archived_at=func.coalesce(rounds.c.archived_at, func.now()))
    )


# -- the batch --------------------------------------------------------------------------------


def lock_pool(connection: Connection, pool_id: PoolId) -> None:
    """Until this transaction ends nobody else reserves records of the pool."""
    lock = func.hashtextextended(f"pool/{pool_id}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))


def reserved_records(
    connection: Connection, pool_id: PoolId, *, besides: RoundId
) -> frozenset[RecordId]:
    """Records of the pool that another open round has selected. Gold is anybody's."""
    found = connection.scalars(
        select(batch_records.c.record_id)
        .join(rounds, rounds.c.round_id == batch_records.c.round_id)
        .where(
            rounds.c.pool_id == pool_id,
            rounds.c.closed_at.is_(None),
            rounds.c.round_id != besides,
            batch_records.c.arm != GOLD_ARM,
        )
    )
    return frozenset(map(RecordId, found))


def put_batch(connection: Connection, round_id: RoundId, rows: Iterable[BatchRow]) -> int:
    """Stores the rows and says how many are new or moved: a later look has another shard.

    Their lanes must be stored.
    """
    staged = copy_rows(
        connection,
        batch_records,
        (
            {
                "round_id": round_id,
                "record_id": row.selection.record_id,
                "ordinal": row.selection.ordinal,
                "content_digest": row.content_digest,
                "arm": row.selection.arm,
                "rank": row.selection.rank,
                "score": row.selection.score,
                "propensity": row.selection.propensity,
                "reason": row.selection.reason,
                "predicted": row.selection.predicted,
                "shard": row.shard,
                "lane": row.lane,
            }
            for row in rows
        ),
    )
    statement = insert(batch_records).from_select(list(staged.c.keys()), select(staged))
    return connection.execute(
        statement.on_conflict_do_update(
            index_elements=["round_id", "record_id"],
            set_={"shard": statement.excluded.shard},
            where=batch_records.c.shard != statement.excluded.shard,
        )
    ).rowcount


def get_batch(
    connection: Connection, round_id: RoundId, *, after: int = -1, limit: int = 1_000
) -> list[BatchRow]:
    """Rows of the batch in the order of selection, from the ordinal that follows `after`."""
    rows = connection.execute(
        select(batch_records)
        .where(
            batch_records.c.round_id == round_id,
            batch_records.c.ordinal > after,
            visible(connection, batch_records),
        )
        .order_by(batch_records.c.ordinal)
        .limit(limit)
    )
    return [_batch_row(row) for row in rows]


def batch_record(connection: Connection, round_id: RoundId, record_id: RecordId) -> BatchRow:
    """The record's row in the batch. Raises NotFound."""
    row = connection.execute(
        select(batch_records).where(
            batch_records.c.round_id == round_id,
            batch_records.c.record_id == record_id,
            visible(connection, batch_records),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("the record is not in this round's batch", record_id=record_id)
    return _batch_row(row)


def predictions(connection: Connection, dataset: str) -> list[tuple[RecordId, str]]:
    """What models took the records of the dataset's ended rounds for, by record id.

    Of a record that two rounds chose, the later prediction.
    """
    found = connection.execute(
        select(batch_records.c.record_id, batch_records.c.predicted)
        .ext(distinct_on(batch_records.c.record_id))
        .join(rounds, rounds.c.round_id == batch_records.c.round_id)
        .where(
            rounds.c.dataset == dataset,
            rounds.c.closed_at.is_not(None),
            batch_records.c.predicted.is_not(None),
        )
        .order_by(batch_records.c.record_id, rounds.c.closed_at.desc())
    )
    return [(RecordId(row.record_id), row.predicted) for row in found]


def _round(row: Row[*tuple[object, ...]]) -> Round:
    return Round(
        plan=from_json(RoundPlan, row.plan),
        phase=Phase(row.phase),
        awaiting=row.awaiting,
        summary=row.summary,
        failure=row.failure,
        ledger_head=row.ledger_head,
        ledger_length=row.ledger_length,
        created_at=row.created_at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
        archived_at=row.archived_at,
    )


def _batch_row(row: Row[*tuple[object, ...]]) -> BatchRow:
    return BatchRow(
        selection=Selection(
            ordinal=row.ordinal,
            record_id=row.record_id,
            arm=row.arm,
            rank=row.rank,
            score=row.score,
            propensity=row.propensity,
            reason=row.reason,
            predicted=row.predicted,
        ),
        content_digest=row.content_digest,
        shard=row.shard,
        lane=row.lane,
    )
