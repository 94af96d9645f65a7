"""Shows the batch in the read model, so that tasks can be opened on its records."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine
from temporalio import activity

from activities.heartbeat import beating
from domain.canonical import Sha256
from domain.errors import RecordsTaken
from domain.ids import RecordId, RoundId
from domain.rounds import Batch
from domain.selections import Selection
from storage import rounds
from storage.artifacts import ArtifactStore
from storage.rounds import BatchRow


@dataclass(frozen=True, kw_only=True)
class Route:
    round_id: RoundId
    batch: Batch
    shard_size: int


@dataclass(frozen=True, kw_only=True)
class RouteAgain:
    round_id: RoundId
    batch: Batch
    records: tuple[RecordId, ...]
    """Those to look at again; what is not in the batch is left out."""
    first_shard: int
    shard_size: int


@dataclass(frozen=True, kw_only=True)
class Again:
    artifact: Sha256
    records: int


class RoutingActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def route_batch(self, request: Route) -> None:
        """Reserves the records. Raises RecordsTaken if a round beside this one was quicker."""
        rows = batch_rows(self._store.get_table(request.batch.artifact), size=request.shard_size)
        with beating(), self._engine.begin() as connection:
            pool_id = rounds.get_round(connection, request.round_id).plan.pool_id
            rounds.lock_pool(connection, pool_id)
            taken = rounds.reserved_records(connection, pool_id, besides=request.round_id)
            if overlap := taken & {row.selection.record_id for row in rows}:
                raise RecordsTaken(
                    f"{len(overlap):,} of the records are in the batch of another open round",
                    hint="start the round again: it will choose others",
                )
            rounds.put_batch(connection, request.round_id, rows)

    @activity.defn
    def route_again(self, request: RouteAgain) -> Again:
        table = self._store.get_table(request.batch.artifact)
        wanted = pa.array(sorted(set(request.records)), pa.string())
        again = table.filter(pc.is_in(table["record_id"], wanted))
        rows = batch_rows(again, size=request.shard_size, first_shard=request.first_shard)
        with beating(), self._engine.begin() as connection:
            rounds.put_batch(connection, request.round_id, rows)
        return Again(artifact=self._store.put_table(again), records=again.num_rows)


def batch_rows(table: pa.Table, *, size: int, first_shard: int = 0) -> list[BatchRow]:
    """The batch as rows of the read model, `size` records to a shard."""
    return [
        BatchRow(
            selection=Selection(
                ordinal=row["ordinal"],
                record_id=row["record_id"],
                arm=row["arm"],
                rank=row["rank"],
                score=row["score"],
                propensity=row["propensity"],
                reason=row["reason"],
                predicted=row["predicted"],
            ),
            content_digest=row["content_digest"],
            shard=first_shard + position // size,
        )
        for position, row in enumerate(table.to_pylist())
    ]
