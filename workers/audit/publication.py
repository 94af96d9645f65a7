"""Whether the published files are the approved dataset, byte by byte and row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from activities.publication import Publish
from domain.canonical import Sha256, canonical, digest_bytes
from domain.ids import RecordId
from domain.labels import LabelSchema
from domain.policy import SamplingPolicy
from domain.roles import DatasetRole, DatasetRow, dataset_digest
from domain.rounds import Published
from storage.artifacts import ReadableArtifacts
from storage.dataset_rows import read_rows
from storage.documents import to_json
from workers.audit.comparison import compare
from workers.audit.evidence import Evidence
from workers.audit.findings import Finding, FindingKind
from workers.audit.folders import VersionFolder
from workers.audit.read_model import Tables

MANIFEST = "manifest.json"
UNREADABLE_ROWS = (OSError, pa.ArrowException, KeyError, TypeError, ValueError, AttributeError)
"""What changed bytes of a Parquet file can raise: some of them still read, as something else."""

PublishedRow = tuple[DatasetRow, str, list[str] | None]
"""A row of a file, its content, and its labels as the file lists them."""


def check_version(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """The version's row says what was published, under which approval and ledger head."""
    expected = []
    for request, published in publications(evidence):
        expected.append(
            {
                "version": published.version,
                "dataset": published.dataset,
                "digest": request.candidate.digest,
                "parent_version": request.candidate.parent_version,
                "manifest_sha256": published.manifest,
                "path": published.path,
                "rows": request.candidate.records,
                "roles": to_json(request.candidate.roles),
                "ledger_head": request.ledger_head,
                "approved_by": request.approval.actor.account_id,
            }
        )
    if expected or evidence.result is not None:
        yield from compare("dataset_versions", "version", expected, tables["dataset_versions"])
    for row in tables["dataset_versions"]:
        found = digest_bytes(canonical(row["manifest"]))
        if found != row["manifest_sha256"]:
            yield Finding(
                kind=FindingKind.ROW_CHANGED,
                subject=f"table dataset_versions, row {row['version']}, column manifest",
                message=f"The manifest in table dataset_versions (version {row['version']}) is not "
                "the one that was published.",
                expected=row["manifest_sha256"],
                found=found,
            )


def check_files(
    evidence: Evidence,
    store: ReadableArtifacts,
    folder_of: Callable[[Published], VersionFolder],
    tables: Tables,
) -> Iterator[Finding]:
    """The version's folder holds the published files, all of them and nothing else."""
    for request, published in publications(evidence):
        folder = folder_of(published)
        manifest = _attested_manifest(folder, published, tables)
        yield from _check_manifest(folder, published)
        if manifest is None:
            yield Finding(
                kind=FindingKind.FILE_ALTERED,
                subject=folder.subject(MANIFEST),
                message="No manifest is left that has the digest in the history, so the other "
                "files cannot be checked against one.",
                expected=published.manifest,
            )
            continue
        files = {file["name"]: file for file in manifest["files"].values()}
        yield from _check_names(folder, {MANIFEST, *files})
        for file in files.values():
            yield from _check_bytes(folder, file)
        if (manifest["ledger_head"], manifest["digest"]) != (
            request.ledger_head,
            request.candidate.digest,
        ):
            yield Finding(
                kind=FindingKind.LEDGER_HEAD_DIFFERS,
                subject=folder.subject(MANIFEST),
                message="The manifest cites another ledger head or dataset than the history.",
                expected=f"ledger {request.ledger_head}, dataset {request.candidate.digest}",
                found=f"ledger {manifest['ledger_head']}, dataset {manifest['digest']}",
            )
        yield from _check_policy(folder, manifest, evidence.policies[-1])
        approved = read_rows(store, request.candidate.rows)
        schema = request.plan.schema
        yield from _check_rows(folder, manifest, approved, request.approval.dataset_digest, schema)


def publications(evidence: Evidence) -> Iterator[tuple[Publish, Published]]:
    run = evidence.round_run
    for activity in run.recorded.asked("publish") if run else ():
        published = activity.answer(Published) if said_something(activity.result) else None
        if published is not None:
            yield activity.request(Publish), published


def said_something(payloads: Any) -> bool:
    """Whether the step answered with a version: it answers null when another round was first."""
    return payloads is not None and payloads.payloads[0].metadata["encoding"] != b"binary/null"


def _attested_manifest(
    folder: VersionFolder, published: Published, tables: Tables
) -> dict[str, Any] | None:
    """The manifest whose digest the history has: the file, or the row where that has changed."""
    for data in (
        folder.read(MANIFEST),
        *(canonical(row["manifest"]) for row in tables.get("dataset_versions", ())),
    ):
        if data is not None and digest_bytes(data) == published.manifest:
            manifest: dict[str, Any] = json.loads(data)
            return manifest
    return None


def _check_manifest(folder: VersionFolder, published: Published) -> Iterator[Finding]:
    data = folder.read(MANIFEST)
    if data is None:
        yield _absent(folder, MANIFEST)
    elif digest_bytes(data) != published.manifest:
        yield Finding(
            kind=FindingKind.FILE_ALTERED,
            subject=folder.subject(MANIFEST),
            message="The manifest is not the one that was published.",
            expected=published.manifest,
            found=digest_bytes(data),
        )


def _check_policy(
    folder: VersionFolder, manifest: dict[str, Any], policy: SamplingPolicy
) -> Iterator[Finding]:
    if manifest["policy"]["digest"] != policy.digest:
        yield Finding(
            kind=FindingKind.DIGEST_DIFFERS,
            subject=folder.subject(MANIFEST),
            message="The manifest names another policy than the one that selected the batch.",
            expected=policy.digest,
            found=manifest["policy"]["digest"],
        )


def _check_names(folder: VersionFolder, wanted: set[str]) -> Iterator[Finding]:
    for name in folder.names():
        if name not in wanted:
            yield Finding(
                kind=FindingKind.FILE_ADDED,
                subject=folder.subject(name),
                message=f"{name} is in the version's folder and not in its manifest.",
            )


def _check_bytes(folder: VersionFolder, file: dict[str, Any]) -> Iterator[Finding]:
    name = file["name"]
    data = folder.read(name)
    if data is None:
        yield _absent(folder, name)
    elif (digest_bytes(data), len(data)) != (file["sha256"], file["bytes"]):
        yield Finding(
            kind=FindingKind.FILE_ALTERED,
            subject=folder.subject(name),
            message=f"{name} is not the file that was published: its bytes have changed.",
            expected=f"{file['sha256']}, {file['bytes']} bytes",
            found=f"{digest_bytes(data)}, {len(data)} bytes",
        )


def _absent(folder: VersionFolder, name: str) -> Finding:
    return Finding(
        kind=FindingKind.FILE_MISSING,
        subject=folder.subject(name),
        message=f"{name} is in the manifest and not in the version's folder.",
    )


def _check_rows(
    folder: VersionFolder,
    manifest: dict[str, Any],
    approved: dict[RecordId, DatasetRow],
    digest: Sha256,
    schema: LabelSchema,
) -> Iterator[Finding]:
    """The files' rows, with the role from the file's name, are the ones that were approved."""
    published: dict[RecordId, DatasetRow] = {}
    for role, file in manifest["files"].items():
        where, data = (folder, file["name"]), folder.read(file["name"])
        if data is None:
            return  # that the file is missing is reported; the others cannot make up for it
        try:
            rows = list(_rows(data, DatasetRole(role)))
            wrong = list(_wrongly_said(rows, schema))
        except UNREADABLE_ROWS as error:
            yield Finding(
                kind=FindingKind.FILE_ALTERED,
                subject=folder.subject(file["name"]),
                message=f"{file['name']} cannot be read as rows of a dataset: {error}.",
            )
            return
        for record_id, why in wrong:
            yield _differs(where, record_id, why)
        published.update((row.record_id, row) for row, _, _ in rows)
    for record_id in sorted(approved.keys() | published.keys()):
        expected, found = approved.get(record_id), published.get(record_id)
        if expected != found:
            role = (found or expected).role  # type: ignore[union-attr]
            where = (folder, f"{role}.parquet")
            yield _differs(where, record_id, "is not what was approved", expected, found)
    found_digest = dataset_digest(published.values())
    if found_digest != digest:
        yield Finding(
            kind=FindingKind.DIGEST_DIFFERS,
            subject=folder.where,
            message="The rows of the published files do not have the digest that was approved.",
            expected=digest,
            found=found_digest,
        )


def _wrongly_said(rows: Iterable[PublishedRow], schema: LabelSchema) -> Iterator[tuple[str, str]]:
    """Record and what is wrong with it, by the row itself."""
    for row, content, labels in rows:
        if digest_bytes(content.encode()) != row.content_digest:
            yield row.record_id, "has other content than was labelled"
        if labels != (None if row.label is None else list(schema.as_list(row.label))):
            yield row.record_id, "lists other labels than it has"


def _rows(data: bytes, role: DatasetRole) -> Iterator[PublishedRow]:
    """Each row of a published file with its content and labels. Raises UNREADABLE_ROWS."""
    for row in pq.ParquetFile(pa.BufferReader(data)).read().to_pylist():
        content, labels = row.pop("content"), row.pop("labels")
        between = tuple(row["between"] or ())
        yield DatasetRow(**row | {"role": role, "between": between}), content, labels


def _differs(
    where: tuple[VersionFolder, str],
    record_id: str,
    what: str,
    expected: DatasetRow | None = None,
    found: DatasetRow | None = None,
) -> Finding:
    folder, name = where
    return Finding(
        kind=FindingKind.DATASET_ROW_DIFFERS,
        subject=f"{folder.subject(name)}, record {record_id}",
        message=f"Record {record_id} in {name} {what}.",
        expected=to_json(expected),
        found=to_json(found),
    )
