"""What a shard asks for: its records, its tasks in the queues, its outcomes kept."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pyarrow as pa
from sqlalchemy import Engine
from temporalio import activity

from domain.canonical import Sha256
from domain.gold import Paused
from domain.ids import RecordId
from domain.outcomes import How, Outcome
from domain.progress import Given, ShardRecord
from domain.reviews import ExclusionReason, Verdict, VerdictKind
from domain.tasks import Projection
from storage.artifacts import ArtifactStore, ReadableArtifacts
from storage.projection import project_shard
from storage.rebuilding import lock_round

OUTCOMES = pa.schema(
    [
        ("record_id", pa.string()),
        ("kind", pa.string()),
        ("label", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("between", pa.list_(pa.string())),
        ("exclusion", pa.string()),
        ("how", pa.string()),
        ("label_confidence", pa.float64()),
        ("look", pa.int32()),
        ("reviewers", pa.list_(pa.string())),
        ("answers", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, kw_only=True)
class LoadShard:
    batch: Sha256
    """The routed batch."""
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class StoreOutcomes:
    outcomes: tuple[Outcome, ...]
    given: tuple[tuple[RecordId, Given], ...]
    """Every accepted review, with its record."""


class ReviewActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def load_shard(self, request: LoadShard) -> list[ShardRecord]:
        columns = [each.name for each in fields(ShardRecord)]
        table = self._store.get_table(request.batch, columns=columns)
        part = table.slice(request.first, request.last - request.first)
        return [ShardRecord(**row) for row in part.to_pylist()]

    @activity.defn
    def project_shard(self, projection: Projection) -> list[Paused]:
        """Brings queues and read model up to date in one transaction; twice is as good as once.

        Who is paused by it, because of answers to gold records in this shard or elsewhere.
        """
        with self._engine.begin() as connection:
            lock_round(connection, projection.round_id, alone=False)
            return project_shard(connection, projection)

    @activity.defn
    def store_outcomes(self, request: StoreOutcomes) -> Sha256:
        given: dict[RecordId, list[Given]] = {}
        for record_id, each in request.given:
            given.setdefault(record_id, []).append(each)
        rows = [
            _row(outcome, given.get(outcome.record_id, []))
            for outcome in sorted(request.outcomes, key=lambda outcome: outcome.record_id)
        ]
        return self._store.put_table(pa.Table.from_pylist(rows, schema=OUTCOMES))


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """One record's outcome with the answers that led to it."""

    outcome: Outcome
    answers: tuple[tuple[str, str], ...]
    """Reviewer's account id and answer."""


def read_reviewed(
    store: ReadableArtifacts, artifacts: tuple[Sha256, ...]
) -> dict[RecordId, Reviewed]:
    """The last look at each record that the round has selected: gold is none of them."""
    reviewed = read_concluded(store, artifacts)
    return {
        record_id: each for record_id, each in reviewed.items() if each.outcome.how is not How.GOLD
    }


def read_concluded(
    store: ReadableArtifacts, artifacts: tuple[Sha256, ...]
) -> dict[RecordId, Reviewed]:
    """The last look at each record, from the outcomes of all the round's shards."""
    latest: dict[RecordId, Reviewed] = {}
    for artifact in artifacts:
        for row in store.get_table(artifact).to_pylist():
            reviewed = Reviewed(
                outcome=_outcome(row),
                answers=tuple(zip(row["reviewers"], row["answers"], strict=True)),
            )
            before = latest.get(reviewed.outcome.record_id)
            if before is None or before.outcome.look < reviewed.outcome.look:
                latest[reviewed.outcome.record_id] = reviewed
    return latest


def _row(outcome: Outcome, given: list[Given]) -> dict[str, object]:
    verdict = outcome.verdict
    ordered = sorted(given, key=lambda each: each.slot_task)
    return {
        "record_id": outcome.record_id,
        "kind": verdict.kind if verdict else None,
        "label": verdict.label if verdict else None,
        "labels": list(verdict.labels) if verdict else [],
        "between": list(verdict.between) if verdict else [],
        "exclusion": verdict.exclusion if verdict else None,
        "how": outcome.how,
        "label_confidence": outcome.label_confidence,
        "look": outcome.look,
        "reviewers": [each.account_id for each in ordered],
        "answers": [each.verdict.answer for each in ordered],
    }


def _outcome(row: dict[str, object]) -> Outcome:
    verdict = None
    if row["kind"] is not None:
        verdict = Verdict(
            kind=VerdictKind(str(row["kind"])),
            label=row["label"],  # type: ignore[arg-type]
            labels=tuple(row["labels"] or ()),  # type: ignore[arg-type]
            between=tuple(row["between"] or ()),  # type: ignore[arg-type]
            exclusion=ExclusionReason(str(row["exclusion"])) if row["exclusion"] else None,
        )
    return Outcome(
        record_id=RecordId(str(row["record_id"])),
        verdict=verdict,
        how=How(str(row["how"])),
        label_confidence=row["label_confidence"],  # type: ignore[arg-type]
        reviews=len(row["answers"]),  # type: ignore[arg-type]
        look=row["look"],  # type: ignore[arg-type]
    )
