"""People who judge: what they bring, how far they may be relied on, what they have before them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.state import Parts
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.ids import AccountId
from domain.profiles import Profile
from storage import profiles
from storage.workload import Workload, workloads

router = APIRouter(prefix="/reviewers", route_class=PageRoute, include_in_schema=False)

Lead = Annotated[Caller, Depends(allowing(Permission.START_ROUND, Permission.MANAGE_ACCOUNTS))]


@router.get("")
async def list_reviewers(request: Request, caller: Lead, parts: Parts) -> Response:
    """For leads: figures about people are for those who share out the work."""
    del caller

    def look(connection: Connection) -> tuple[list[Workload], dict[AccountId, Profile]]:
        found = workloads(connection, at=datetime.now(UTC))
        return found, profiles.list_profiles(connection, [each.account_id for each in found])

    found, brought = await parts.in_transaction(look)
    today = datetime.now(UTC).date()
    return page(
        request,
        "reviewers.html",
        people=[(each, brought[each.account_id]) for each in found],
        today=today,
    )
