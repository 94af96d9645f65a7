"""One's own account: tokens for programs, and the browsers that are signed in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, caller_of
from api.state import Parts
from api.web.rendering import PageRoute, page
from storage import identities, sessions, tokens

router = APIRouter(prefix="/account", route_class=PageRoute, include_in_schema=False)

SignedIn = Annotated[Caller, Depends(caller_of)]

SHOWN = 100


@router.get("")
async def own_account(request: Request, caller: SignedIn, parts: Parts) -> Response:
    settings = parts.settings

    def read(
        connection: Connection,
    ) -> tuple[list[tokens.Token], list[sessions.Session], list[identities.Link]]:
        return (
            tokens.list_tokens(connection, caller.account_id, limit=SHOWN),
            sessions.list_sessions(
                connection, caller.account_id, idle=settings.session_idle, limit=SHOWN
            ),
            identities.list_links(connection, caller.account_id, limit=SHOWN),
        )

    own_tokens, own_sessions, links = await parts.in_transaction(read)
    return page(
        request,
        "account.html",
        tokens=own_tokens,
        sessions=own_sessions,
        links=links,
        most_days=settings.token_days or None,
    )
