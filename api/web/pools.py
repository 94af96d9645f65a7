"""Pools: the list, what one is made of, its records, and the whole story of one record."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.language import decimal, gettext
from api.record_story import told_story
from api.state import Parts
from api.web.charts import bar_chart
from api.web.growth import growth_figure
from api.web.rendering import PageRoute, page
from domain.access import clearance_of
from domain.accounts import Permission
from domain.ids import PoolId, RecordId
from domain.labels import LabelSchema
from domain.records import ContentKind, Record
from storage import definitions, pools
from storage.importing import get_import
from storage.pool_profile import PoolProfile, pool_profile, search_records
from storage.pools import Pool

router = APIRouter(prefix="/pools", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]
Importer = Annotated[Caller, Depends(allowing(Permission.IMPORT_RECORDS))]

SHOWN = 50
MANY = 16
"""Classes in a chart; the rest are in the table."""


@router.get("")
async def list_pools(
    request: Request,
    caller: Viewer,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    may_import = caller.may(Permission.IMPORT_RECORDS)

    def look(connection: Connection) -> tuple[list[Pool], list[LabelSchema]]:
        found = pools.list_pools(
            connection, after=None if after is None else PoolId(after), limit=SHOWN + 1
        )
        return found, definitions.list_schemas(connection) if may_import else []

    found, schemas = await parts.in_transaction(look)
    return page(
        request,
        "pools.html",
        pools=found[:SHOWN],
        next=found[SHOWN - 1].pool_id if len(found) > SHOWN else None,
        first=after is None,
        may_import=may_import,
        import_limit=parts.settings.import_limit,
        kinds=list(ContentKind),
        schemas=schemas,
    )


@router.get("/{pool}")
async def get_pool(
    *,
    request: Request,
    pool: str,
    caller: Viewer,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=1_000)] = None,
    begins: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """`begins` looks for records whose id begins so."""

    def look(connection: Connection) -> tuple[Pool, PoolProfile, list[Record]]:
        found = pools.get_pool(connection, PoolId(pool))
        profile = pool_profile(connection, found.pool_id, records_in_it=found.records)
        if begins:
            return found, profile, search_records(connection, found.pool_id, begins, limit=SHOWN)
        shown = pools.list_records(
            connection,
            found.pool_id,
            after=None if after is None else RecordId(after),
            limit=SHOWN + 1,
        )
        return found, profile, shown

    found, profile, records = await parts.in_transaction(look)
    return page(
        request,
        "pool.html",
        pool=found,
        profile=profile,
        levels=[(clearance_of(level), count) for level, count in sorted(profile.levels.items())],
        label_rows=[[label, decimal(count)] for label, count in profile.labels.items()],
        labels=await run_in_threadpool(_labels, profile),
        growth=await run_in_threadpool(growth_figure, profile.growth),
        records=[(each, json.dumps(each.content)) for each in records[:SHOWN]],
        next=records[SHOWN - 1].record_id if len(records) > SHOWN else None,
        begins=begins,
        may_import=caller.may(Permission.IMPORT_RECORDS),
        import_limit=parts.settings.import_limit,
        account_id=caller.account_id,
    )


@router.get("/{pool}/imports/{import_id}")
async def get_report(
    request: Request, pool: str, import_id: str, caller: Importer, parts: Parts
) -> Response:
    """For whoever brought the file alone: refused rows are told as they stood in it."""

    report = await parts.in_transaction(
        lambda connection: get_import(
            connection, import_id, pool_id=PoolId(pool), created_by=caller.account_id
        )
    )
    return page(request, "import.html", report=report)


@router.get("/{pool}/records/{record_id:path}")
async def get_story(
    request: Request, pool: str, record_id: str, caller: Viewer, parts: Parts
) -> Response:
    """What is left of a record that is not in the pool any more is shown as well."""
    found = await parts.in_transaction(
        lambda connection: told_story(connection, PoolId(pool), RecordId(record_id), caller)
    )
    return page(request, "story.html", story=found, may_audit=caller.may(Permission.SEE_LEDGER))


def _labels(profile: PoolProfile) -> Markup | None:
    if not profile.labels:
        return None
    rows = [{"name": label, "value": count} for label, count in list(profile.labels.items())[:MANY]]
    return bar_chart(rows, title=gettext("Known labels"), unit=gettext("records"))
