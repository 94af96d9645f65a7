"""Published datasets: their versions, what each holds, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.language import decimal, gettext
from api.schemas.body import Version
from api.schemas.datasets import file_names
from api.state import Parts
from api.vocabulary import word
from api.web.charts import Figure, bar_chart
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
"""Labels or versions in a chart."""

COLOURS = {
    DatasetRole.TRAIN: "var(--series-1)",
    DatasetRole.VALIDATION: "var(--series-2)",
    DatasetRole.TEST: "var(--series-3)",
    DatasetRole.MONITORING: "var(--series-4)",
    DatasetRole.EDGE_CASE: "var(--series-5)",
    DatasetRole.HELD: "var(--series-6)",
    DatasetRole.EXCLUDED: "var(--bad)",
}
"""A role has the same one in every chart, whichever others are in it."""


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
    return page(
        request,
        "dataset.html",
        dataset=dataset,
        versions=found,
        roles=list(DatasetRole),
        chart=await run_in_threadpool(roles_by_version, found),
    )


def roles_by_version(versions: Sequence[DatasetVersion]) -> Figure | None:
    """Records by role in each of the latest `versions`, which come the newest first and are drawn
    the oldest first; none of fewer than two, or without records."""
    shown = versions[MANY - 1 :: -1]
    roles = [role for role in DatasetRole if any(each.roles.get(role) for each in shown)]
    if len(shown) < 2 or not roles:
        return None
    series = [(word(role, "dataset role"), COLOURS[role]) for role in roles]
    names = [name for name, _ in series]
    table = [[each.roles.get(role, 0) for role in roles] for each in shown]
    rows = [
        {
            "name": f"v{each.version}",
            "series": name,
            "value": count,
            "said": f"v{each.version}, {name}: {decimal(count)}",
        }
        for each, counts in zip(shown, table, strict=True)
        for name, count in zip(names, counts, strict=True)
        if count
    ]
    caption = gettext("Records by role and version")
    if len(versions) > MANY:
        caption = gettext("Records by role in the latest versions")
    return Figure(
        svg=bar_chart(rows, title=caption, series=series, unit=gettext("records")),
        caption=caption,
        heads=[gettext("Version"), *names],
        rows=[
            [f"v{each.version}", *map(decimal, counts)]
            for each, counts in zip(shown, table, strict=True)
        ],
    )


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
