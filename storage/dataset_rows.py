"""Dataset rows and outcomes as tables in the artifact store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from domain.canonical import Sha256
from domain.ids import RecordId
from domain.roles import DatasetRole, DatasetRow
from storage.artifacts import ArtifactStore, ReadableArtifacts

ROWS = pa.schema(
    [
        ("record_id", pa.string()),
        ("content_digest", pa.string()),
        ("role", pa.string()),
        ("label", pa.string()),
        ("between", pa.list_(pa.string())),
        ("how", pa.string()),
        ("label_confidence", pa.float64()),
        ("arm", pa.string()),
        ("round_number", pa.int32()),
    ]
)


def write_rows(store: ArtifactStore, rows: Iterable[DatasetRow]) -> Sha256:
    """Stores the rows by record id and returns their artifact."""
    ordered = sorted(rows, key=lambda row: row.record_id)
    return store.put_table(pa.Table.from_pylist([asdict(row) for row in ordered], schema=ROWS))


def read_rows(store: ReadableArtifacts, artifact: Sha256) -> dict[RecordId, DatasetRow]:
    return {row.record_id: row for row in map(_row, store.get_table(artifact).to_pylist())}


def rows_artifact(manifest: Mapping[str, Any]) -> Sha256:
    """The artifact of a published version's rows."""
    return Sha256(manifest["rows"])


def file_artifacts(manifest: Mapping[str, Any]) -> tuple[Sha256, ...]:
    """The artifacts behind a published version's files."""
    return tuple(Sha256(file["sha256"]) for file in manifest["files"].values())


def _row(values: dict[str, object]) -> DatasetRow:
    fields = values | {
        "role": DatasetRole(str(values["role"])),
        "between": tuple(values["between"] or ()),  # type: ignore[arg-type]
    }
    return DatasetRow(**fields)  # type: ignore[arg-type]
