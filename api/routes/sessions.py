"""Signing in and out, and the sessions that one has open."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import signing_in
from api.authentication import SignedIn
from api.callers import Caller
from api.cookies import Cookies
from api.same_origin import check_same_origin, from_a_browser
from api.schemas.accounts import Me, SessionBody
from api.schemas.body import Page
from api.schemas.credentials import SessionView
from api.state import Parts
from storage import sessions

router = APIRouter(prefix="/api/v1", tags=["sessions"])


@router.get("/me", summary="Who you are and what you may do")
async def me(caller: SignedIn) -> Me:
    return _me(caller)


@router.post("/sessions", status_code=201, summary="Sign in with a one-time password")
async def sign_in(body: SessionBody, request: Request, response: Response, parts: Parts) -> Me:
    """The session is in a cookie of the answer. After some failures, answers are 429 for a while
    that grows with each further one."""
    if from_a_browser(request):
        # Another site must not sign its visitors in here.
        check_same_origin(request, public_url=parts.settings.public_url)
    secret, account = await signing_in.by_password(
        parts, request, body.name, body.one_time_password
    )
    cookies = Cookies(request, parts.settings.public_url)
    cookies.keep_session(response, secret, parts.settings.session_longest)
    return _me(
        Caller(
            account_id=account.account_id,
            name=account.name,
            roles=account.roles,
            authenticated_by="session",
            clearance=account.clearance,
        )
    )


@router.get("/sessions", summary="List your sessions, the last used first")
async def list_sessions(caller: SignedIn, parts: Parts) -> Page[SessionView]:
    found = await parts.in_transaction(
        lambda connection: sessions.list_sessions(
            connection, caller.account_id, idle=parts.settings.session_idle
        )
    )
    return Page(items=[SessionView.of(each, current=caller.session_id) for each in found])


@router.delete("/sessions", status_code=204, summary="End all of your sessions")
async def end_sessions(
    *,
    caller: SignedIn,
    parts: Parts,
    keep_current: Annotated[
        bool, Query(description="Whether the session that asks goes on.")
    ] = False,
) -> None:
    kept = caller.session_id if keep_current else None
    await parts.in_transaction(
        lambda connection: sessions.end_all(connection, caller.account_id, but=kept)
    )


@router.delete("/sessions/current", status_code=204, summary="Sign out")
async def sign_out(request: Request, response: Response, caller: SignedIn, parts: Parts) -> None:
    cookies = Cookies(request, parts.settings.public_url)
    if caller.session_id is not None:
        await parts.in_transaction(
            lambda connection: sessions.end_session(connection, cookies.session())
        )
    cookies.drop_session(response)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of your sessions")
async def end_session(session_id: str, caller: SignedIn, parts: Parts) -> None:
    await parts.in_transaction(
        lambda connection: sessions.end_named(connection, session_id, of=caller.account_id)
    )


def _me(caller: Caller) -> Me:
    return Me(
        account_id=caller.account_id,
        name=caller.name,
        roles=sorted(caller.roles),
        permissions=sorted(permission.name.lower() for permission in caller.permissions),
        authenticated_by=caller.authenticated_by,
        clearance=caller.clearance,
    )
