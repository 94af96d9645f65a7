"""Publishes a dataset version: files, manifest and row appear together, or not at all.

The files are written aside first. Then, under a lock on the dataset's name, the folder is moved to
its final name and the version's row is committed. A process that dies in between leaves a folder
without a row, which is no version; the next attempt of the round goes on with it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, Engine
from temporalio import activity

from activities.contents import contents_of, earlier_files
from activities.heartbeat import beating
from activities.manifest import (
    MANIFEST_FILE,
    PublishedFile,
    holds,
    manifest_of,
    move_durably,
    write_durably,
)
from domain.canonical import Sha256, canonical, digest_bytes
from domain.ids import Document
from domain.labels import LabelSchema
from domain.roles import DatasetRole, DatasetRow
from domain.rounds import ApprovalDecided, Candidate, Published, RoundPlan, Snapshot, TrainedModel
from storage import datasets
from storage.artifacts import ArtifactStore
from storage.dataset_rows import ROWS, read_rows

FILE = pa.schema(
    [
        ROWS.field("record_id"),
        ("content", pa.string()),
        *(field for field in ROWS if field.name not in {"record_id", "role"}),
        ("labels", pa.list_(pa.string())),
    ]
)
"""Columns of a published file. `content` is JSON; the role is the file's name; `labels` says as a
list what `label` says in one string, null where there is no label."""

GONE = ".gone"
"""Ends the name of a folder that is being removed."""


@dataclass(frozen=True, kw_only=True)
class Publish:
    plan: RoundPlan
    snapshot: Snapshot
    candidate: Candidate
    approval: ApprovalDecided
    model: TrainedModel
    """The one that scored the pool."""
    ledger_head: Sha256
    """With the approval as its last entry."""
    ledger_length: int
    overridden: tuple[Document, ...] = ()
    """Decisions of the round for which somebody broke the glass."""


class PublicationActivities:
    def __init__(self, engine: Engine, store: ArtifactStore, datasets_root: Path) -> None:
        self._engine = engine
        self._store = store
        self._root = datasets_root

    @activity.defn
    def publish(self, request: Publish) -> Published | None:
        """The round's version; none when another round has published since the approval.

        Run again, it returns the version that is there.
        """
        self._clear_staging(request)
        with self._engine.connect() as connection:
            existing = datasets.version_of_round(connection, request.plan.round_id)
        if existing is not None:
            return _published(existing)
        with beating():
            staging = self._staging(request)
            files = self._write_files(request, staging)
            with self._engine.begin() as connection:
                return self._appear(connection, request, staging, files)

    def _clear_staging(self, request: Publish) -> None:
        """What earlier attempts of the round have left goes away.

        Renamed first: an attempt that was taken for dead and still runs finds nothing to publish,
        rather than half of it.
        """
        for left_over in self._aside(request).glob(f"{request.plan.round_id}-*"):
            gone = left_over
            if not left_over.name.endswith(GONE):
                try:
                    gone = left_over.rename(left_over.with_name(left_over.name + GONE))
                except FileNotFoundError:
                    continue  # it has just been published
            shutil.rmtree(gone, ignore_errors=True)

    def _staging(self, request: Publish) -> Path:
        """A folder of this attempt's own."""
        attempt = activity.info().attempt if activity.in_activity() else 0
        staging = self._aside(request) / f"{request.plan.round_id}-{attempt}"
        staging.mkdir(parents=True)
        return staging

    def _aside(self, request: Publish) -> Path:
        return self._root / request.plan.dataset / ".staging"

    def _write_files(self, request: Publish, staging: Path) -> dict[DatasetRole, PublishedFile]:
        rows = read_rows(self._store, request.candidate.rows)
        contents = contents_of(
            self._store,
            request.snapshot,
            {row.content_digest for row in rows.values()},
            earlier=earlier_files(
                self._engine,
                request.snapshot,
                request.plan.dataset,
                request.candidate.parent_version,
            ),
        )
        files = {}
        for role in DatasetRole:
            chosen = [row for row in rows.values() if row.role is role]
            if not chosen:
                continue
            lines = [_file_row(row, contents, request.plan.schema) for row in chosen]
            table = pa.Table.from_pylist(lines, schema=FILE)
            sha256 = self._store.put_table(table)
            data = self._store.get(sha256)
            name = f"{role}.parquet"
            write_durably(staging / name, data)
            files[role] = PublishedFile(
                name=name, sha256=sha256, bytes=len(data), rows=table.num_rows
            )
        return files

    def _appear(
        self,
        connection: Connection,
        request: Publish,
        staging: Path,
        files: dict[DatasetRole, PublishedFile],
    ) -> Published | None:
        plan = request.plan
        datasets.lock_dataset(connection, plan.dataset)
        existing = datasets.version_of_round(connection, plan.round_id)
        if existing is not None:
            shutil.rmtree(staging)
            return _published(existing)
        latest = datasets.latest_version(connection, plan.dataset)
        if (None if latest is None else latest.version) != request.candidate.parent_version:
            shutil.rmtree(staging)
            return None
        version = 1 if latest is None else latest.version + 1
        manifest = manifest_of(
            plan,
            candidate=request.candidate,
            approval=request.approval,
            model=request.model,
            version=version,
            parent=latest,
            files=files,
            ledger_head=request.ledger_head,
            ledger_length=request.ledger_length,
            overridden=request.overridden,
        )
        data = canonical(manifest)
        self._store.put(data)
        write_durably(staging / MANIFEST_FILE, data)
        final = self._root / plan.dataset / f"v{version}"
        if holds(final, data):
            # Left by an attempt that died before its row was committed, or put there by one that
            # took over from this: the same files in either case, and perhaps in somebody's hands.
            shutil.rmtree(staging)
        else:
            if final.exists():  # another round's, whose attempt died before its row was committed
                datasets.lock_dataset(connection, plan.dataset)  # fails if ours was lost meanwhile
                shutil.rmtree(final)
            move_durably(staging, final)
        row = datasets.DatasetVersion(
            dataset=plan.dataset,
            version=version,
            digest=request.candidate.digest,
            parent_version=request.candidate.parent_version,
            round_id=plan.round_id,
            manifest=manifest,
            manifest_sha256=digest_bytes(data),
            path=str(final),
            rows=request.candidate.records,
            roles=request.candidate.roles,
            ledger_head=request.ledger_head,
            approved_by=request.approval.actor.account_id,
            published_at=request.approval.submitted_at,
            break_glass=request.approval.break_glass,
        )
        return _published(datasets.insert_version(connection, row))


def _published(row: datasets.DatasetVersion) -> Published:
    return Published(
        dataset=row.dataset,
        version=row.version,
        digest=row.digest,
        manifest=row.manifest_sha256,
        path=row.path,
    )


def _file_row(
    row: DatasetRow, contents: dict[Sha256, str], schema: LabelSchema
) -> dict[str, object]:
    return {
        "record_id": row.record_id,
        "content": contents[row.content_digest],
        "content_digest": row.content_digest,
        "label": row.label,
        "between": list(row.between),
        "how": row.how,
        "label_confidence": row.label_confidence,
        "arm": row.arm,
        "round_number": row.round_number,
        "labels": None if row.label is None else schema.as_list(row.label),
    }
