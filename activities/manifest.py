"""The manifest: what a dataset version is, where it came from, and how to check its files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from domain.canonical import Sha256
from domain.ids import Document
from domain.records import Json
from domain.roles import DatasetRole
from domain.rounds import ApprovalDecided, Candidate, RoundPlan, TrainedModel
from storage.datasets import DatasetVersion

FORMAT = "labelwright-dataset/1"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    name: str
    sha256: Sha256
    bytes: int
    rows: int


def manifest_of(
    plan: RoundPlan,
    *,
    candidate: Candidate,
    approval: ApprovalDecided,
    model: TrainedModel,
    version: int,
    parent: DatasetVersion | None,
    files: Mapping[DatasetRole, PublishedFile],
    ledger_head: Sha256,
    ledger_length: int,
    overridden: Sequence[Document] = (),
) -> dict[str, Json]:
    """Every value follows from the round's history, so that a second attempt writes the same."""
    return {
        "format": FORMAT,
        "dataset": plan.dataset,
        "version": version,
        "digest": candidate.digest,
        "rows": candidate.rows,
        "records": candidate.records,
        "roles": dict(candidate.roles),
        "files": {role.value: asdict(file) for role, file in files.items()},
        "parent": None
        if parent is None
        else {
            "version": parent.version,
            "digest": parent.digest,
            "manifest_sha256": parent.manifest_sha256,
        },
        "round": plan.round_id,
        "pool": plan.pool_id,
        "policy": {
            "name": plan.policy.name,
            "version": plan.policy.version,
            "digest": plan.policy.digest,
        },
        "schema": {
            "name": plan.schema.name,
            "version": plan.schema.version,
            "digest": plan.schema.digest,
            "labels": list(plan.schema.labels),
            "choice": plan.schema.choice.value,
        },
        "guideline": {"name": plan.guideline, "digest": plan.guideline_digest},
        "selected_with_model": model.digest,
        "requested_by": plan.requested_by.name,
        "approved_by": approval.actor.name,
        "approved_at": approval.submitted_at,
        "ledger_head": ledger_head,
        "ledger_length": ledger_length,
        # Only where it happened: manifests of before have no such key.
        **({"duties_overridden": list(overridden)} if overridden else {}),
    }


def holds(folder: Path, manifest: bytes) -> bool:
    """Whether the folder is the version of this manifest. It was moved there whole, or not."""
    try:
        return (folder / MANIFEST_FILE).read_bytes() == manifest
    except FileNotFoundError:
        return False


def move_durably(folder: Path, target: Path) -> None:
    """Renames a folder of written files and waits until that is on the disk."""
    _flush(folder)
    folder.replace(target)
    _flush(target.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a new file and waits until it is on the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
