"""Published dataset versions: what they hold, where they come from, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from api.authentication import Caller, allowing
from api.schemas.body import After, Limit, Page, Version
from api.schemas.datasets import MANIFEST, DatasetView, VersionView, file_names
from api.state import Parts
from domain.access import clearance_of
from domain.accounts import Permission
from domain.errors import NotCleared, NotFound, Unavailable
from storage import datasets

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]


@router.get("", summary="List the latest version of each dataset")
async def list_datasets(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 50
) -> Page[VersionView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: datasets.list_datasets(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[VersionView.of(version) for version in found[:limit]],
        next=found[limit - 1].dataset if len(found) > limit else None,
    )


@router.get("/{dataset}", summary="The versions of a dataset, the newest first")
async def get_dataset(dataset: str, caller: Viewer, parts: Parts, limit: Limit = 50) -> DatasetView:
    del caller
    found = await parts.in_transaction(
        lambda connection: datasets.list_versions(connection, dataset, limit=limit)
    )
    if not found:
        raise NotFound(
            f"there is no dataset “{dataset}”",
            hint="a round publishes it once it is approved: labelwright round list",
        )
    return DatasetView(dataset=dataset, versions=[VersionView.of(version) for version in found])


@router.get("/{dataset}/versions/{version}", summary="One version, with its manifest")
async def get_version(dataset: str, version: Version, caller: Viewer, parts: Parts) -> VersionView:
    del caller
    found = await parts.in_transaction(
        lambda connection: datasets.get_version(connection, dataset, version)
    )
    return VersionView.of(found, whole=True)


@router.get(
    "/{dataset}/versions/{version}/files/{name}",
    summary="Download a file of a version",
    response_class=FileResponse,
)
async def download(
    dataset: str, version: Version, name: str, caller: Viewer, parts: Parts
) -> FileResponse:
    """A file of records takes clearance for the highest of the version's records: with some of its
    rows left out it would not be the file that the manifest lists."""
    found = await parts.in_transaction(
        lambda connection: datasets.get_version(connection, dataset, version)
    )
    # Only what the manifest lists has a path, so no name that a client thinks up reaches the disk.
    if name not in file_names(found):
        raise NotFound(f"version {version} of “{dataset}” has no file of this name")
    if name != MANIFEST and caller.clearance.level < found.level:
        raise NotCleared(
            f"the files of this version hold records for {clearance_of(found.level)} clearance, "
            f"and yours is {caller.clearance}",
            hint="ask an admin about your clearance; the manifest may be read all the same",
            clearance=clearance_of(found.level),
        )
    path = Path(found.path) / name
    if not path.is_file():
        # Restored from an archive, the folder may be elsewhere than where it was published.
        path = Path(parts.settings.datasets) / found.dataset / f"v{found.version}" / name
    if not path.is_file():
        raise Unavailable(
            "the file is not where it was published",
            hint="see that the folder of datasets is mounted: labelwright doctor",
        )
    return FileResponse(
        path,
        filename=f"{dataset}-v{version}-{name}",
        media_type="application/json"
        if name.endswith(".json")
        else "application/vnd.apache.parquet",
    )
