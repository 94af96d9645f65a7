"""Accounts, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.language import N_
from api.state import Parts
from api.web.rendering import PageRoute, page
from domain.accounts import Permission, Role
from storage import accounts

router = APIRouter(prefix="/accounts", route_class=PageRoute, include_in_schema=False)

Admin = Annotated[Caller, Depends(allowing(Permission.MANAGE_ACCOUNTS))]

SHOWN = 100

DUTIES = {
    Role.REVIEWER: N_("answers review tasks"),
    Role.ADJUDICATOR: N_("settles records that reviewers disagree about"),
    Role.REQUESTER: N_("imports records, defines labels and policies, starts rounds"),
    Role.APPROVER: N_("approves policies and datasets that others asked for"),
    Role.AUDITOR: N_("reads the ledger and verifies it"),
    Role.BREAK_GLASS: N_(
        "beside approver: decides in an emergency against the separation of duties"
    ),
    Role.ADMIN: N_("looks after accounts and the system"),
}


@router.get("")
async def list_accounts(
    request: Request,
    caller: Admin,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=accounts.MAX_NAME)] = None,
) -> Response:
    del caller
    found = await parts.in_transaction(
        lambda connection: accounts.list_accounts(connection, after=after, limit=SHOWN + 1)
    )
    return page(
        request,
        "accounts.html",
        accounts=found[:SHOWN],
        next=found[SHOWN - 1].name if len(found) > SHOWN else None,
        duties=DUTIES,
    )
