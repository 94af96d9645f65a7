"""Who is calling. Everything refuses by default: what is open to all is listed in `OPEN`.

The check is a middleware, not a dependency of routes, so that a route, a mount or a page that
somebody adds is closed until it is listed here.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import structlog
from fastapi import Depends, Request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.bearers import Bearers
from api.callers import Caller
from api.cookies import Cookies
from api.problems import database_unavailable, problem_of
from api.same_origin import SAFE_METHODS, check_same_origin
from api.state import State
from api.together import Together
from domain.accounts import Permission, require
from domain.credentials import SignedInBy, TokenScope
from domain.errors import LabelwrightError, NotAllowed, NotAuthenticated
from storage import sessions
from storage.visibility import seeing

__all__ = ["Authentication", "Caller", "SignedIn", "allowing", "caller_of", "is_open"]

SIGN_IN_PAGE = "/sign-in"
LANGUAGE_PATH = "/language"
THEME_PATH = "/theme"
PROVIDER_PAGE = "/sign-in/provider"
CALLBACK_PAGE = "/sign-in/callback"
DECODE = "/api/v1/codec/decode"
"""Shows payloads to whoever may see every ledger; for Temporal's history pages."""

OPEN: frozenset[tuple[str, str]] = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/favicon.ico"),
        ("GET", SIGN_IN_PAGE),
        ("GET", PROVIDER_PAGE),
        ("GET", CALLBACK_PAGE),
        ("POST", "/api/v1/sessions"),
        ("POST", LANGUAGE_PATH),
        ("POST", THEME_PATH),
    }
)
"""Routes without a caller: none of them shows anything of a pool, a round or a person."""

OPEN_FOLDER = "/static/"
"""Scripts and styles of the pages: files of this repository."""

_AUTHENTICATED_BY = {SignedInBy.PASSWORD: "session", SignedInBy.OIDC: "oidc"}


def is_open(method: str, path: str) -> bool:
    method = "GET" if method == "HEAD" else method
    if (method, path) in OPEN:
        return True
    return method == "GET" and path.startswith(OPEN_FOLDER) and ".." not in path


class Authentication:
    """Middleware: lets a request through with its `Caller`, or answers 401.

    Nothing is remembered from one request to the next, so that whoever is shut out is out at once;
    requests that come together are looked up together.
    """

    def __init__(self, app: ASGIApp, *, state: State) -> None:
        self._app = app
        self._state = state
        self._bearers = Bearers(state)
        self._sessions = Together(self._uses_of_sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (
            scope["type"] == "http" and is_open(scope["method"], scope["path"])
        ):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise NotAuthenticated("only HTTP is spoken here")
        request = Request(scope, receive)
        answer: Response
        try:
            caller = await self._caller(request)
        except NotAuthenticated as error:
            answer = _to_sign_in(request) if _is_page(request) else problem_of(error)
        except LabelwrightError as error:
            answer = problem_of(error)
        except (OperationalError, InterfaceError, PoolTimeout):
            answer = problem_of(database_unavailable())
        else:
            request.state.caller = caller
            structlog.contextvars.bind_contextvars(account_id=caller.account_id)
            with seeing(caller.clearance, caller.account_id):
                await self._app(scope, receive, send)
            return
        await answer(scope, receive, send)

    async def _caller(self, request: Request) -> Caller:
        given = request.headers.get("authorization")
        if given is not None:
            # Whoever sends a header means it: a bad one does not fall back to the cookie.
            caller = await self._bearers.caller(request, given)
            _check_scope(request, caller)
            return caller
        secret = Cookies(request, self._state.settings.public_url).session()
        if not secret:
            raise NotAuthenticated(
                "nobody is signed in",
                hint=f"sign in at {SIGN_IN_PAGE}, or send `Authorization: Bearer <token>`",
            )
        self._check_origin(request)
        use = await self._sessions.answer(secret)
        if use is None:
            raise NotAuthenticated("the session has ended", hint=f"sign in again at {SIGN_IN_PAGE}")
        return Caller(
            account_id=use.account.account_id,
            name=use.account.name,
            roles=use.account.roles,
            clearance=use.account.clearance,
            authenticated_by=_AUTHENTICATED_BY[use.signed_in_by],
            session_id=use.session_id,
        )

    def _check_origin(self, request: Request) -> None:
        """Raises NotAllowed."""
        settings = self._state.settings
        named = request.headers.get("origin") in settings.allowed_origins
        if request.url.path == DECODE and named:
            # What Temporal's history pages have decoded changes nothing.
            return
        check_same_origin(request, public_url=settings.public_url)

    async def _uses_of_sessions(self, secrets: Sequence[str]) -> list[sessions.SessionUse | None]:
        idle = self._state.settings.session_idle
        return await self._state.in_transaction(
            lambda connection: sessions.uses_of_sessions(connection, secrets, idle=idle)
        )


async def caller_of(request: Request) -> Caller:
    """A dependency of routes that every account may use: the caller, as the middleware found it.

    Asynchronous, as each dependency is that does not block: FastAPI sends others to a thread.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise NotAuthenticated("nobody is signed in")
    return caller


SignedIn = Annotated[Caller, Depends(caller_of)]


def allowing(*any_of: Permission) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, who has one of the permissions. Raises NotAllowed."""

    async def allowed(request: Request) -> Caller:
        caller = await caller_of(request)
        if not any(caller.may(permission) for permission in any_of):
            require(caller.roles, any_of[0])
        return caller

    return allowed


def _check_scope(request: Request, caller: Caller) -> None:
    if caller.scope is TokenScope.READ and request.method not in SAFE_METHODS:
        raise NotAllowed(
            "this token only reads", hint="use a token of scope `full` for what changes something"
        )


def _is_page(request: Request) -> bool:
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_page and not request.url.path.startswith("/api/")


def _to_sign_in(request: Request) -> Response:
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(
        f"{SIGN_IN_PAGE}?next={urllib.parse.quote(target, safe='')}", status_code=303
    )
