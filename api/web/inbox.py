"""What a person has been told, the newest first, and the way from there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api.authentication import Caller, caller_of
from api.notice_links import link_of
from api.schemas.inbox import NoticeView
from api.state import Parts
from api.web.rendering import PageRoute, page
from storage import notices

router = APIRouter(prefix="/inbox", route_class=PageRoute, include_in_schema=False)

Reader = Annotated[Caller, Depends(caller_of)]

SHOWN = 50


@router.get("")
async def list_notices(
    request: Request,
    caller: Reader,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    def look(connection: Connection) -> tuple[list[NoticeView], int]:
        found = notices.inbox(connection, caller.account_id, after=after, limit=SHOWN + 1)
        shown = [NoticeView.of(notice, caller.permissions) for notice in found]
        return shown, notices.unread(connection, caller.account_id)

    found, unread = await parts.in_transaction(look)
    return page(
        request,
        "inbox.html",
        notices=found[:SHOWN],
        unread=unread,
        next=found[SHOWN - 1].notice_id if len(found) > SHOWN else None,
        first=after is None,
    )


@router.get("/{notice_id}")
async def follow(notice_id: str, caller: Reader, parts: Parts) -> Response:
    """Leads to what the notice is about. It is read by then, whatever scripts have loaded."""

    def read(connection: Connection) -> notices.InboxNotice:
        notices.mark_read(connection, caller.account_id, [notice_id])
        return notices.get_notice(connection, caller.account_id, notice_id)

    found = await parts.in_transaction(read)
    return RedirectResponse(link_of(found, caller.permissions), status_code=303)
