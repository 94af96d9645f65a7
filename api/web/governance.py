"""How the installation governs itself: who holds which duty, what waits, what is kept how long."""

from __future__ import annotations

from dataclasses import dataclass
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
from storage.access_review import AccountAccess, access_review
from storage.governance import Holder, WaitingPolicy, holders_of, waiting_policies
from storage.retention import RetentionRun, list_runs
from storage.signing_keys import KnownKey, list_keys

router = APIRouter(prefix="/governance", route_class=PageRoute, include_in_schema=False)

Auditor = Annotated[Caller, Depends(allowing(Permission.SEE_LEDGER))]

RUNS = 7
REVIEWED = 200
"""Accounts in the table; the command writes a file of all."""


@dataclass(frozen=True, kw_only=True)
class _Facts:
    holders: list[Holder]
    waiting: list[WaitingPolicy]
    runs: list[RetentionRun]
    keys: list[KnownKey]
    accounts: list[AccountAccess]
    """None for those who may not review access."""


@router.get("")
async def show(request: Request, caller: Auditor, parts: Parts) -> Response:
    reviews = caller.may(Permission.REVIEW_ACCESS)

    def look(connection: Connection) -> _Facts:
        return _Facts(
            holders=holders_of(connection),
            waiting=waiting_policies(connection),
            runs=list_runs(connection, limit=RUNS),
            keys=list_keys(connection),
            accounts=access_review(connection, limit=REVIEWED + 1) if reviews else [],
        )

    facts = await parts.in_transaction(look)
    return page(
        request,
        "governance.html",
        rules=SamplingRulesView.of(facts.holders, facts.waiting),
        duties=[
            (
                role,
                says,
                sorted(permission.value for permission in GRANTS[role]),
                [holder.name for holder in facts.holders if role in holder.roles],
            )
            for role, says in DUTIES.items()
        ],
        retention=RetentionView.of(parts.settings.retention, facts.runs),
        keys=facts.keys,
        accounts=facts.accounts[:REVIEWED],
        more_accounts=len(facts.accounts) > REVIEWED,
    )
