"""The caller's own inbox. Nobody sees another's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, caller_of
from api.schemas.body import After, Limit
from api.schemas.inbox import Inbox, NoticeView, ReadBody, Unread
from api.state import Parts
from storage import notices

router = APIRouter(prefix="/api/v1/inbox", tags=["inbox"])

Reader = Annotated[Caller, Depends(caller_of)]


@router.get("", summary="Your notices, the newest first")
async def list_notices(
    caller: Reader, parts: Parts, after: After = None, limit: Limit = 50
) -> Inbox:
    def read(connection: Connection) -> Inbox:
        found = notices.inbox(connection, caller.account_id, after=after, limit=limit + 1)
        return Inbox(
            items=[NoticeView.of(notice, caller.permissions) for notice in found[:limit]],
            unread=notices.unread(connection, caller.account_id),
            next=found[limit - 1].notice_id if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


@router.get("/unread", summary="How many of your notices are unread")
async def count_unread(caller: Reader, parts: Parts) -> Unread:
    return Unread(
        unread=await parts.in_transaction(
            lambda connection: notices.unread(connection, caller.account_id)
        )
    )


@router.post("/read", summary="Mark notices as read")
async def mark_read(body: ReadBody, caller: Reader, parts: Parts) -> Unread:
    """Again changes nothing. With one that is not yours, nothing is marked."""

    def mark(connection: Connection) -> int:
        if body.through is not None:
            notices.mark_read_through(connection, caller.account_id, body.through)
        else:
            notices.mark_read(connection, caller.account_id, body.notices)
        return notices.unread(connection, caller.account_id)

    return Unread(unread=await parts.in_transaction(mark))


@router.get("/{notice_id}", summary="One of your notices")
async def get_notice(notice_id: str, caller: Reader, parts: Parts) -> NoticeView:
    found = await parts.in_transaction(
        lambda connection: notices.get_notice(connection, caller.account_id, notice_id)
    )
    return NoticeView.of(found, caller.permissions)
