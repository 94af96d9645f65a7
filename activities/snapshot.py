"""Pins the pool as a round sees it: partitions of records, each eligible or not and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
from sqlalchemy import Engine
from temporalio import activity

from domain.canonical import Sha256, digest, digest_bytes
from domain.errors import EmptyPool
from domain.ids import RecordId
from domain.records import KnownRole
from domain.roles import UNSETTLED_ROLES, DatasetRole, DatasetRow, keep_apart, merge
from domain.rounds import Partition, RoundPlan, Snapshot
from storage import datasets, pools, rounds
from storage.artifacts import ArtifactStore
from storage.dataset_rows import file_artifacts, read_rows, rows_artifact, write_rows

ELIGIBLE = "eligible"
GOLD = "kept to measure reviewers"
_BEFORE = {DatasetRole.EXCLUDED: "judged unusable before"}
PREDICTIONS = pa.schema([("record_id", pa.string()), ("predicted", pa.string())])


class SnapshotActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def snapshot_pool(self, plan: RoundPlan) -> Snapshot:
        """Reads the pool once, in one transaction. Raises EmptyPool if nothing can be selected."""
        with self._engine.connect().execution_options(
            isolation_level="REPEATABLE READ"
        ) as connection:
            parent = datasets.latest_version(connection, plan.dataset)
            reserved = rounds.reserved_records(connection, plan.pool_id, besides=plan.round_id)
            predicted = rounds.predictions(connection, plan.dataset)
            earlier = (
                {} if parent is None else read_rows(self._store, rows_artifact(parent.manifest))
            )
            partitions: list[Partition] = []
            reasons: Counter[str] = Counter()
            imported: list[DatasetRow] = []
            # Labelled ones first, wherever they stand: what is known already need not be asked, and
            # a record that tests must not be one that the model before learned from.
            seen = pools.labelled_contents(connection, plan.pool_id)
            seen |= {row.content_digest: row.record_id for row in earlier.values()}
            for table in pools.iterate_snapshot(connection, plan.pool_id, plan.partition_rows):
                marked = _mark(table, earlier, reserved, seen, imported)
                reasons.update(marked["eligibility"].to_pylist())
                partitions.append(
                    Partition(artifact=self._store.put_table(marked), rows=marked.num_rows)
                )
                activity.heartbeat(len(partitions))
        eligible = reasons.pop(ELIGIBLE, 0)
        if eligible == 0:
            raise EmptyPool(
                f"pool {plan.pool_id} has no record left to select",
                hint="import more records; labelled ones are not selected again",
            )
        settled = keep_apart(merge(earlier, imported).values())
        return Snapshot(
            digest=digest([[each.artifact, each.rows] for each in partitions]),
            partitions=tuple(partitions),
            records=sum(each.rows for each in partitions),
            eligible=eligible,
            ineligible=dict(sorted(reasons.items())),
            parent_version=None if parent is None else parent.version,
            parent_files=() if parent is None else file_artifacts(parent.manifest),
            settled=write_rows(self._store, settled),
            predictions=self._store.put_table(_predictions(predicted)),
            labelled=sum(row.role is DatasetRole.TRAIN for row in settled),
            test_records=sum(row.role is DatasetRole.TEST for row in settled),
        )


def _predictions(predicted: list[tuple[RecordId, str]]) -> pa.Table:
    rows = [{"record_id": record_id, "predicted": label} for record_id, label in predicted]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def _mark(
    table: pa.Table,
    earlier: dict[RecordId, DatasetRow],
    reserved: frozenset[RecordId],
    seen: dict[Sha256, RecordId],
    imported: list[DatasetRow],
) -> pa.Table:
    """The partition with the digest of each content, and why a record is not eligible."""
    digests, eligibility = [], []
    for record_id, content, label, role in _records(table):
        content_digest = digest_bytes(content.encode())
        digests.append(content_digest)
        before = earlier.get(record_id)
        if before is not None and before.role not in UNSETTLED_ROLES:
            eligibility.append(_BEFORE.get(before.role, f"in the dataset as {before.role}"))
        elif role == KnownRole.GOLD:
            eligibility.append(GOLD)
        elif label is not None:
            eligibility.append("labelled when imported")
            imported.append(_imported(record_id, content_digest, label, role))
        elif record_id in reserved:
            eligibility.append("in the batch of an open round")
        elif seen.get(content_digest, record_id) != record_id:
            eligibility.append("same content as another record")
        else:
            eligibility.append(ELIGIBLE)
        seen.setdefault(content_digest, record_id)
    return table.set_column(
        table.schema.get_field_index("content_digest"),
        "content_digest",
        pa.array(digests, pa.string()),
    ).append_column("eligibility", pa.array(eligibility, pa.string()))


def _records(table: pa.Table) -> Iterator[tuple[RecordId, str, str | None, str | None]]:
    columns = ("record_id", "content", "label", "role")
    return zip(*(table[column].to_pylist() for column in columns), strict=True)


def _imported(
    record_id: RecordId, content_digest: Sha256, label: str, role: str | None
) -> DatasetRow:
    known = KnownRole(role or KnownRole.TRAIN)
    return DatasetRow(
        record_id=record_id,
        content_digest=content_digest,
        role=DatasetRole.TEST if known is KnownRole.TEST else DatasetRole.TRAIN,
        label=label,
        between=(),
        how="imported",
        label_confidence=None,
        arm=None,
        round_number=0,
    )
