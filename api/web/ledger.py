"""The ledger of a round. Its script fetches it: replaying histories outlasts a page's patience."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.state import Parts
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.ids import RoundId
from storage import rounds

router = APIRouter(prefix="/rounds", route_class=PageRoute, include_in_schema=False)

Auditor = Annotated[Caller, Depends(allowing(Permission.SEE_LEDGER))]


@router.get("/{round_id}/ledger")
async def ledger(request: Request, round_id: str, caller: Auditor, parts: Parts) -> Response:
    del caller
    found = await parts.in_transaction(
        lambda connection: rounds.get_round(connection, RoundId(round_id))
    )
    return page(request, "ledger.html", round=found)
