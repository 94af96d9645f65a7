"""Dataset versions and the models trained on them."""

from __future__ import annotations

from dataclasses import dataclass

from api.schemas.body import Document
from domain.access import clearance_of
from domain.canonical import Sha256
from domain.ids import AccountId, RoundId, Timestamp
from domain.routing import Clearance
from storage.datasets import DatasetVersion
from storage.models import ModelPart, ModelVersion


@dataclass(frozen=True, kw_only=True)
class VersionView:
    dataset: str
    version: int
    digest: Sha256
    parent_version: int | None
    round_id: RoundId
    rows: int
    roles: dict[str, int]
    manifest_sha256: Sha256
    ledger_head: Sha256
    approved_by: AccountId
    published_at: Timestamp
    path: str
    """Where its files are, as the server sees it."""
    files: list[str]
    """Names to download: …/versions/{version}/files/{name}."""
    clearance: Clearance
    """What it takes to download those of records."""
    manifest: Document | None = None
    """Not in lists."""

    @classmethod
    def of(cls, version: DatasetVersion, *, whole: bool = False) -> VersionView:
        return cls(
            dataset=version.dataset,
            version=version.version,
            digest=version.digest,
            parent_version=version.parent_version,
            round_id=version.round_id,
            rows=version.rows,
            roles=version.roles,
            manifest_sha256=version.manifest_sha256,
            ledger_head=version.ledger_head,
            approved_by=version.approved_by,
            published_at=version.published_at,
            path=version.path,
            files=file_names(version),
            clearance=clearance_of(version.level),
            manifest=version.manifest if whole else None,
        )


@dataclass(frozen=True, kw_only=True)
class DatasetView:
    dataset: str
    versions: list[VersionView]
    """The newest first."""


@dataclass(frozen=True, kw_only=True)
class ModelView:
    digest: Sha256
    round_id: RoundId
    part: ModelPart
    dataset: str
    dataset_version: int | None
    kind: str
    classes: list[str]
    labelled: int
    created_at: Timestamp

    @classmethod
    def of(cls, model: ModelVersion) -> ModelView:
        return cls(
            digest=model.digest,
            round_id=model.round_id,
            part=model.part,
            dataset=model.dataset,
            dataset_version=model.dataset_version,
            kind=model.kind,
            classes=list(model.classes),
            labelled=model.labelled,
            created_at=model.created_at,
        )


MANIFEST = "manifest.json"


def file_names(version: DatasetVersion) -> list[str]:
    """The files of a version as its manifest lists them, and the manifest itself."""
    listed = version.manifest.get("files")
    files = listed.values() if isinstance(listed, dict) else []
    names = [file["name"] for file in files if isinstance(file, dict)]
    return [*sorted(str(name) for name in names), MANIFEST]
