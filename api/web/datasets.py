"""Published datasets: their versions, what each holds, and its files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.schemas.body import Version
from api.schemas.datasets import file_names
from api.state import Parts
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.errors import NotFound
from domain.roles import DatasetRole
from storage import accounts, datasets
from storage.datasets import DatasetVersion

router = APIRouter(prefix="/datasets", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

SHOWN = 100


@router.get("")
async def list_datasets(request: Request, caller: Viewer, parts: Parts) -> Response:
    del caller
    found = await parts.in_transaction(
        lambda connection: datasets.list_datasets(connection, limit=SHOWN)
    )
    return page(request, "datasets.html", versions=found)


@router.get("/{dataset}")
async def get_dataset(request: Request, dataset: str, caller: Viewer, parts: Parts) -> Response:
    del caller
    found = await parts.in_transaction(
        lambda connection: datasets.list_versions(connection, dataset, limit=SHOWN)
    )
    if not found:
        raise NotFound(f"there is no dataset “{dataset}”")
    return page(request, "dataset.html", dataset=dataset, versions=found, roles=list(DatasetRole))


@router.get("/{dataset}/{version}")
async def get_version(
    request: Request, dataset: str, version: Version, caller: Viewer, parts: Parts
) -> Response:
    del caller

    def look(connection: Connection) -> tuple[DatasetVersion, str]:
        found = datasets.get_version(connection, dataset, version)
        return found, accounts.get_account(connection, found.approved_by).name

    found, approver = await parts.in_transaction(look)
    return page(
        request,
        "version.html",
        version=found,
        approver=approver,
        files=file_names(found),
        roles=list(DatasetRole),
    )
