"""How the installation governs itself: who holds which duty, what waits, what is kept how long."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.schemas.governance import RetentionView, SamplingRulesView
from api.state import Parts
from api.web.accounts import DUTIES
from api.web.rendering import PageRoute, page
from domain.accounts import GRANTS, Permission
from storage.governance import Holder, WaitingPolicy, holders_of, waiting_policies
from storage.retention import RetentionRun, list_runs

router = APIRouter(prefix="/governance", route_class=PageRoute, include_in_schema=False)

Auditor = Annotated[Caller, Depends(allowing(Permission.SEE_LEDGER))]

RUNS = 7


@router.get("")
async def show(request: Request, caller: Auditor, parts: Parts) -> Response:
    del caller

    def look(
        connection: Connection,
    ) -> tuple[list[Holder], list[WaitingPolicy], list[RetentionRun]]:
        return (
            holders_of(connection),
            waiting_policies(connection),
            list_runs(connection, limit=RUNS),
        )

    holders, waiting, runs = await parts.in_transaction(look)
    return page(
        request,
        "governance.html",
        rules=SamplingRulesView.of(holders, waiting),
        duties=[
            (
                role,
                says,
                sorted(permission.value for permission in GRANTS[role]),
                [holder.name for holder in holders if role in holder.roles],
            )
            for role, says in DUTIES.items()
        ],
        retention=RetentionView.of(parts.settings.retention, runs),
    )
