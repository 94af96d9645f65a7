"""Routes the batch: where each record goes, shown in the read model before tasks are opened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine
from temporalio import activity

from activities.clock import now
from activities.heartbeat import beating
from activities.snapshot import GOLD
from domain.access import level_of
from domain.canonical import Sha256
from domain.errors import RecordsTaken
from domain.gold import GOLD_ARM, GoldRecord, mixed_in
from domain.ids import RecordId
from domain.round_notices import too_few_people
from domain.rounds import Batch, Partition, RoundPlan, Routed, Unserved
from domain.routing import Lane, Route, Router, Routing, lanes_of, nobody_barred
from domain.selections import Selection
from storage import lanes, rounds
from storage.artifacts import ArtifactStore, ReadableArtifacts
from storage.notices import tell
from storage.rounds import BatchRow

EXPECTED = pa.field("expected", pa.string())
"""The right label of a gold record; null for every other."""

ROUTES = {"lane": pa.int32(), "reviews": pa.int32(), "seconds": pa.float64()}
RULES_ONLY = ("expected", "reviews", "seconds")
"""Columns that a routed batch has besides those of the read model."""


@dataclass(frozen=True, kw_only=True)
class RouteBatch:
    plan: RoundPlan
    batch: Batch
    partitions: tuple[Partition, ...]
    """The snapshot's: the rules look at the metadata that the round pinned."""


@dataclass(frozen=True, kw_only=True)
class RouteAgain:
    plan: RoundPlan
    routed: Sha256
    records: tuple[RecordId, ...]
    """Those to look at again; what is not in the batch is left out."""
    first_shard: int


@dataclass(frozen=True, kw_only=True)
class Again:
    artifact: Sha256
    records: int


class RoutingActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def route_batch(self, request: RouteBatch) -> Routed:
        """Reserves the records and opens their lanes; tasks are the shards' to open.

        Raises RecordsTaken if a round beside this one was quicker.
        """
        plan = request.plan
        with beating():
            made, table = routed(self._store, request)
            artifact = self._store.put_table(table)
            with self._engine.begin() as connection:
                _reserve(connection, plan, table)
                lanes.put_lanes(
                    connection,
                    plan.round_id,
                    made,
                    schema=plan.schema.name,
                    calibrated=plan.gold.calibrate > 0,
                )
                rounds.put_batch(connection, plan.round_id, batch_rows(table, size=plan.shard_size))
                unserved = tuple(_unserved(connection, plan, made, table))
                told = [too_few_people(plan, each) for each in unserved]
                tell(connection, told, round_id=plan.round_id, at=now())
        return Routed(
            artifact=artifact,
            records=table.num_rows,
            lanes=tuple(made),
            unserved=unserved,
            by_level=True,
        )

    @activity.defn
    def route_again(self, request: RouteAgain) -> Again:
        """Sends records of the batch to the reviewers once more, each by the route it had."""
        plan = request.plan
        table = self._store.get_table(request.routed)
        wanted = pa.array(sorted(set(request.records)), pa.string())
        again = table.filter(pc.is_in(table["record_id"], wanted))
        rows = batch_rows(again, size=plan.shard_size, first_shard=request.first_shard)
        with beating(), self._engine.begin() as connection:
            rounds.put_batch(connection, plan.round_id, rows)
        return Again(artifact=self._store.put_table(again), records=again.num_rows)


def routed(
    store: ReadableArtifacts, request: RouteBatch, *, by_level: bool = True
) -> tuple[list[Lane], pa.Table]:
    """The lanes that the batch needs, and the batch with gold mixed in and a route for each record.

    Follows from the plan and the artifacts alone, so that an audit comes to the same; for rounds
    that were routed before records had levels it says that they are not routed `by_level`.
    """
    plan, batch = request.plan, store.get_table(request.batch.artifact)
    batch = with_gold(plan, batch, snapshot_gold(store, request.partitions, plan))
    looks = by_level or _looks_at_metadata(plan.routing)
    metadata = _snapshot_metadata(store, request.partitions, batch) if looks else {}
    router = Router(
        plan.routing,
        reviews=plan.reviews_per_record,
        seconds=plan.review_seconds,
        floor=level_of if by_level else nobody_barred,
    )
    routes: list[Route] = [
        router.route(
            {**metadata.get(row["record_id"], {}), "arm": row["arm"], "predicted": row["predicted"]}
        )
        for row in batch.select(["record_id", "arm", "predicted"]).to_pylist()
    ]
    made, numbers = lanes_of(routes)
    columns: dict[str, Sequence[int | float]] = {
        "lane": numbers,
        "reviews": [route.reviews for route in routes],
        "seconds": [route.seconds for route in routes],
    }
    for name, values in columns.items():
        batch = batch.append_column(name, pa.array(values, ROUTES[name]))
    # A round that selected nothing still has the lane that its tasks would be in.
    return made or [Lane(number=0)], batch


def snapshot_gold(
    store: ReadableArtifacts, partitions: Iterable[Partition], plan: RoundPlan
) -> list[GoldRecord]:
    """The snapshot's gold records whose answer is a label of the round's schema."""
    if not plan.gold.share:
        return []
    found: list[GoldRecord] = []
    for partition in partitions:
        columns = ["record_id", "content_digest", "label", "eligibility"]
        table = store.get_table(partition.artifact, columns=columns)
        gold = table.filter(pc.equal(table["eligibility"], GOLD)).drop(["eligibility"])
        found.extend(GoldRecord(**row) for row in gold.to_pylist())
    return [each for each in found if plan.schema.knows(each.label)]


def with_gold(plan: RoundPlan, batch: pa.Table, known: Sequence[GoldRecord]) -> pa.Table:
    """The batch with gold records at places of their own, and with what their answer is."""
    placed: list[tuple[float, dict[str, object]]] = [
        (float(place), row | {"expected": None}) for place, row in enumerate(batch.to_pylist())
    ]
    gold = mixed_in(known, records=batch.num_rows, share=plan.gold.share, round_id=plan.round_id)
    placed += [(place, _gold_row(each, rank)) for rank, (place, each) in enumerate(gold)]
    rows = [row for _, row in sorted(placed, key=lambda pair: pair[0])]
    for ordinal, row in enumerate(rows):
        row["ordinal"] = ordinal
    return pa.Table.from_pylist(rows, schema=batch.schema.append(EXPECTED))


def _gold_row(each: GoldRecord, rank: int) -> dict[str, object]:
    return {
        "record_id": each.record_id,
        "arm": GOLD_ARM,
        "rank": rank,
        "score": None,
        "propensity": None,
        "reason": "its answer is known: it measures reviewers",
        "predicted": None,
        "content_digest": each.content_digest,
        "expected": each.label,
    }


def _looks_at_metadata(routing: Routing) -> bool:
    return any(rule.when or rule.language for rule in routing.rules)


def _snapshot_metadata(
    store: ReadableArtifacts, partitions: Iterable[Partition], batch: pa.Table
) -> Mapping[str, Mapping[str, object]]:
    """The metadata of the batch's records, as the snapshot has them."""
    wanted = batch["record_id"].combine_chunks()
    found: dict[str, Mapping[str, object]] = {}
    for partition in partitions:
        table = store.get_table(partition.artifact, columns=["record_id", "metadata"])
        chosen = table.filter(pc.is_in(table["record_id"], wanted))
        pairs = zip(chosen["record_id"].to_pylist(), chosen["metadata"].to_pylist(), strict=True)
        found.update((record_id, json.loads(metadata)) for record_id, metadata in pairs)
    return found


def _reserve(connection: Connection, plan: RoundPlan, batch: pa.Table) -> None:
    rounds.lock_pool(connection, plan.pool_id)
    taken = rounds.reserved_records(connection, plan.pool_id, besides=plan.round_id)
    selected = batch.filter(pc.is_null(batch["expected"]))
    if overlap := taken & set(selected["record_id"].to_pylist()):
        raise RecordsTaken(
            f"{len(overlap):,} of the records are in the batch of another open round",
            hint="start the round again: it will choose others",
        )


def _unserved(
    connection: Connection, plan: RoundPlan, made: Iterable[Lane], table: pa.Table
) -> Iterator[Unserved]:
    """The lanes for whose records fewer people qualify than are to judge each of them."""
    records = Counter(table["lane"].to_pylist())
    wanted: dict[int, int] = {}
    for number, reviews in zip(
        table["lane"].to_pylist(), table["reviews"].to_pylist(), strict=True
    ):
        wanted[number] = max(wanted.get(number, 0), reviews)
    people = lanes.people_of(connection, plan.round_id, today=datetime.now(UTC).date())
    for lane in made:
        if people.get(lane.number, 0) < wanted.get(lane.number, 0):
            yield Unserved(
                lane=lane.number,
                queue=lane.queue,
                needs=tuple(lane.requirement.needs),
                records=records[lane.number],
                people=people.get(lane.number, 0),
                wanted=wanted[lane.number],
            )


def batch_rows(table: pa.Table, *, size: int, first_shard: int = 0) -> list[BatchRow]:
    """The routed batch as rows of the read model, `size` records to a shard."""
    return [
        BatchRow(
            selection=selection(row),
            content_digest=row["content_digest"],
            shard=first_shard + position // size,
            lane=row["lane"],
        )
        for position, row in enumerate(table.to_pylist())
    ]


def selection(row: Mapping[str, object]) -> Selection:
    """A row of a selected batch, routed or not."""
    names = ("ordinal", "record_id", "arm", "rank", "score", "propensity", "reason", "predicted")
    return Selection(**{name: row[name] for name in names})  # type: ignore[arg-type]
