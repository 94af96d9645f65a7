"""Whether the snapshot of the pool is the one that the round took, and the batch's contents its."""

from __future__ import annotations

from collections.abc import Iterator

from activities.routing import RouteBatch
from domain.canonical import digest_bytes
from domain.rounds import Partition
from storage.artifacts import ReadableArtifacts
from workers.audit.batch import batches_of
from workers.audit.evidence import Evidence
from workers.audit.findings import Finding, FindingKind


def partitions_of(evidence: Evidence) -> tuple[Partition, ...]:
    """Those of the snapshot that the batch was routed by."""
    run = evidence.round_run
    asked = run.recorded.asked("route_batch") if run else []
    return asked[-1].request(RouteBatch).partitions if asked else ()


def check_snapshot(evidence: Evidence, store: ReadableArtifacts) -> Iterator[Finding]:
    """Each content has the digest beside it, and each record of a batch the snapshot's."""
    digests: dict[str, str] = {}
    for partition in partitions_of(evidence):
        table = store.get_table(
            partition.artifact, columns=["record_id", "content", "content_digest"]
        )
        if table.num_rows != partition.rows:
            yield _differs(
                f"artifact {partition.artifact}",
                "A partition of the snapshot has another number of rows than the round says.",
                expected=str(partition.rows),
                found=str(table.num_rows),
            )
        for record_id, content, said in zip(
            *(table[name].to_pylist() for name in table.column_names), strict=True
        ):
            if digest_bytes(content.encode()) != said:
                yield _differs(
                    f"artifact {partition.artifact}, record {record_id}",
                    f"The snapshot's content of record {record_id} has not the digest beside it.",
                    expected=said,
                    found=digest_bytes(content.encode()),
                )
            digests[record_id] = said
    for batch in batches_of(evidence) if digests else ():
        table = store.get_table(batch.artifact, columns=["record_id", "content_digest"])
        for row in table.to_pylist():
            if digests.get(row["record_id"]) != row["content_digest"]:
                yield _differs(
                    f"artifact {batch.artifact}, record {row['record_id']}",
                    f"Record {row['record_id']} of the batch is not the snapshot's.",
                    expected=digests.get(row["record_id"]),
                    found=row["content_digest"],
                )


def _differs(subject: str, message: str, *, expected: str | None, found: str) -> Finding:
    return Finding(
        kind=FindingKind.SNAPSHOT_DIFFERS,
        subject=subject,
        message=message,
        expected=expected,
        found=found,
    )
