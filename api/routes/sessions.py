"""Signing in and out: a one-time password becomes a session cookie."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from datetime import timedelta

from fastapi import APIRouter, Request, Response

from api.authentication import SESSION_COOKIE, Caller, SignedIn, check_same_origin
from api.schemas.accounts import Me, SessionBody
from api.state import Parts
from domain.errors import NotAuthenticated, TooManyAttempts
from storage import accounts

router = APIRouter(prefix="/api/v1", tags=["sessions"])

SESSION_FOR = timedelta(days=14)
ATTEMPTS = 5
WINDOW_SECONDS = 60.0
_REMEMBERED = 10_000
_failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
"""When sign-ins failed, by name and address. Passwords have 84 bits: this only slows noise down."""


@router.get("/me", summary="Who you are and what you may do")
async def me(caller: SignedIn) -> Me:
    return _me(caller)


@router.post("/sessions", status_code=201, summary="Sign in with a one-time password")
async def sign_in(body: SessionBody, request: Request, response: Response, parts: Parts) -> Me:
    check_same_origin_if_a_browser(request)
    who = (body.name, request.client.host if request.client else "")
    _throttle(who)
    session = await parts.in_transaction(
        lambda connection: accounts.redeem_one_time_password(
            connection, body.name, body.one_time_password, SESSION_FOR
        )
    )
    if session is None:
        _failed(who)
        raise NotAuthenticated(
            "this name and one-time password do not go together, or the password was used",
            hint="ask an admin for a new one: labelwright account password NAME",
        )
    _failures.pop(who, None)
    secret, account = session
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(SESSION_FOR.total_seconds()),
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return _me(
        Caller(
            account_id=account.account_id,
            name=account.name,
            roles=account.roles,
            authenticated_by="session",
            clearance=account.clearance,
        )
    )


@router.delete("/sessions/current", status_code=204, summary="Sign out")
async def sign_out(request: Request, response: Response, caller: SignedIn, parts: Parts) -> None:
    secret = request.cookies.get(SESSION_COOKIE)
    if caller.authenticated_by == "session" and secret:
        await parts.in_transaction(lambda connection: accounts.end_session(connection, secret))
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")


def check_same_origin_if_a_browser(request: Request) -> None:
    """Another site must not sign its visitors in here. Raises NotAllowed."""
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        check_same_origin(request)


def forget_failures() -> None:
    """Lets everybody try anew at once; a restart of the process does the same."""
    _failures.clear()


def _me(caller: Caller) -> Me:
    return Me(
        account_id=caller.account_id,
        name=caller.name,
        roles=sorted(caller.roles),
        permissions=sorted(permission.name.lower() for permission in caller.permissions),
        authenticated_by=caller.authenticated_by,
        clearance=caller.clearance,
    )


def _throttle(who: tuple[str, str]) -> None:
    """Raises TooManyAttempts."""
    recent = _failures.get(who, deque())
    now = time.monotonic()
    while recent and now - recent[0] > WINDOW_SECONDS:
        recent.popleft()
    if len(recent) >= ATTEMPTS:
        wait = int(WINDOW_SECONDS - (now - recent[0])) + 1
        raise TooManyAttempts(
            "too many sign-ins have failed for this name",
            hint=f"wait {wait} seconds",
            retry_after=wait,
        )


def _failed(who: tuple[str, str]) -> None:
    _failures.setdefault(who, deque(maxlen=ATTEMPTS)).append(time.monotonic())
    _failures.move_to_end(who)
    while len(_failures) > _REMEMBERED:
        _failures.popitem(last=False)
