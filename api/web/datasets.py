"""Published datasets: their versions, what each holds, and its files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.language import gettext
from api.schemas.body import Version
from api.schemas.datasets import file_names
from api.state import Parts
from api.web.charts import bar_chart
from api.web.rendering import PageRoute, page
from domain.access import clearance_of
from domain.accounts import Permission
from domain.dataset_changes import Difference, difference
from domain.errors import NotCleared, NotFound
from domain.ids import PoolId, RecordId
from domain.roles import DatasetRole, DatasetRow
from storage import accounts, datasets, rounds
from storage.dataset_rows import read_rows, rows_artifact
from storage.datasets import DatasetVersion

router = APIRouter(prefix="/datasets", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

SHOWN = 100
MANY = 16
"""Labels in a chart."""


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


@router.get("/{dataset}/{version}/changes")
async def get_changes(
    *,
    request: Request,
    dataset: str,
    version: Version,
    caller: Viewer,
    parts: Parts,
    against: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
) -> Response:
    """Against its parent, or the version that is named. It shows rows of all records, and takes
    clearance for the highest of both versions' as their files do."""

    def look(
        connection: Connection,
    ) -> tuple[DatasetVersion, DatasetVersion | None, list[int], PoolId]:
        newer = datasets.get_version(connection, dataset, version)
        wanted = newer.parent_version if against is None else against
        older = None if wanted is None else datasets.get_version(connection, dataset, wanted)
        every = datasets.list_versions(connection, dataset, limit=SHOWN)
        others = [each.version for each in every if each.version != version]
        return newer, older, others, rounds.get_round(connection, newer.round_id).plan.pool_id

    newer, older, others, pool = await parts.in_transaction(look)
    level = max(newer.level, older.level if older else 0)
    if caller.clearance.level < level:
        raise NotCleared(
            f"the files of these versions hold records for {clearance_of(level)} clearance, "
            f"and yours is {caller.clearance}",
            hint="ask an admin about your clearance",
            clearance=clearance_of(level),
        )

    def rows_of(each: DatasetVersion) -> dict[RecordId, DatasetRow]:
        return read_rows(parts.store, rows_artifact(each.manifest))

    def compared() -> tuple[Difference, Markup | None]:
        found = difference(rows_of(older) if older else {}, rows_of(newer), shown=SHOWN)
        return found, _labels(found)

    found, svg = await run_in_threadpool(compared)
    return page(
        request,
        "changes.html",
        version=newer,
        older=older,
        others=others,
        pool=pool,
        found=found,
        svg=svg,
    )


def _labels(found: Difference) -> Markup | None:
    if not found.added_by_label:
        return None
    rows = [
        {"name": label, "value": count}
        for label, count in sorted(found.added_by_label.items(), key=lambda pair: -pair[1])[:MANY]
    ]
    return bar_chart(rows, title=gettext("Added, by label"), unit=gettext("records"))


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
