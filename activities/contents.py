"""Finds the content behind dataset rows: in the snapshot, or in the version it builds on."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from domain.canonical import Sha256
from domain.errors import DigestMismatch
from domain.records import Content
from domain.rounds import Snapshot
from storage import datasets
from storage.artifacts import ArtifactStore
from storage.dataset_rows import file_artifacts


def contents_of(
    store: ArtifactStore,
    snapshot: Snapshot,
    wanted: Collection[Sha256],
    *,
    earlier: Sequence[Sha256] = (),
) -> dict[Sha256, str]:
    """Content as JSON text, by content digest; `earlier` are files of versions before it.

    A record may have been imported anew since it was labelled; what a person saw when labelling it
    is then in the earlier version only. Raises DigestMismatch when a content is nowhere.
    """
    found: dict[Sha256, str] = {}
    digests = pa.array(sorted(wanted), pa.string())
    for table in _sources(store, snapshot, earlier):
        chosen = table.filter(pc.is_in(table["content_digest"], value_set=digests))
        found.update(
            zip(
                chosen["content_digest"].to_pylist(),
                chosen["content"].to_pylist(),
                strict=True,
            )
        )
        if len(found) == len(digests):
            break
    missing = set(wanted) - found.keys()
    if missing:
        raise DigestMismatch(
            f"{len(missing)} contents are neither in the snapshot nor in the earlier version",
            digests=sorted(missing)[:10],
        )
    return found


def earlier_files(
    engine: Engine, snapshot: Snapshot, dataset: str, version: int | None
) -> tuple[Sha256, ...]:
    """Files that hold what the snapshot does not: of its parent, and of `version` if it is newer.

    While a round was reviewed, another may have published records that were imported after this
    round's snapshot.
    """
    if version is None or version == snapshot.parent_version:
        return snapshot.parent_files
    with engine.connect() as connection:
        newer = datasets.get_version(connection, dataset, version)
    return (*snapshot.parent_files, *file_artifacts(newer.manifest))


def parse(content: str) -> Content:
    return Content(json.loads(content))


def _sources(
    store: ArtifactStore, snapshot: Snapshot, earlier: Sequence[Sha256]
) -> Iterator[pa.Table]:
    for artifact in (*(partition.artifact for partition in snapshot.partitions), *earlier):
        yield store.get_table(artifact, columns=["content_digest", "content"])
