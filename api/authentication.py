"""Who is calling. Everything refuses by default: what is open to all is listed in `OPEN`.

The check is a middleware, not a dependency of routes, so that a route, a mount or a page that
somebody adds is closed until it is listed here.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import database_unavailable, problem_of
from api.state import State
from api.together import Together
from domain.accounts import Actor, Permission, Role, permissions, require
from domain.errors import LabelwrightError, NotAllowed, NotAuthenticated
from domain.ids import AccountId
from domain.routing import Clearance
from storage import accounts
from storage.visibility import seeing

SESSION_COOKIE = "labelwright_session"
SIGN_IN_PAGE = "/sign-in"
LANGUAGE_PATH = "/language"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
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
        ("POST", "/api/v1/sessions"),
        ("POST", LANGUAGE_PATH),
    }
)
"""Routes without a caller: none of them shows anything of a pool, a round or a person."""

OPEN_FOLDER = "/static/"
"""Scripts and styles of the pages: files of this repository."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The account behind a request, and how it proved itself."""

    account_id: AccountId
    name: str
    roles: frozenset[Role]
    authenticated_by: str
    """`token` or `session`."""
    clearance: Clearance = Clearance.PUBLIC
    """Which records they see, whatever their roles."""

    @property
    def actor(self) -> Actor:
        return Actor(
            account_id=self.account_id, name=self.name, authenticated_by=self.authenticated_by
        )

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions(self.roles)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


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
        self._token_accounts = Together(self._accounts_for_tokens)
        self._session_accounts = Together(self._accounts_for_sessions)

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
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            # Whoever sends a header means it: a bad one does not fall back to the cookie.
            if scheme.lower() != "bearer" or not token.strip():
                raise NotAuthenticated("the Authorization header is not `Bearer <token>`")
            account = await self._token_accounts.answer(token.strip())
            if account is None:
                raise NotAuthenticated(
                    "the token is unknown or was revoked", hint="ask an admin for a new one"
                )
            return _caller(account, "token")
        session = request.cookies.get(SESSION_COOKIE)
        if not session:
            raise NotAuthenticated(
                "nobody is signed in",
                hint=f"sign in at {SIGN_IN_PAGE}, or send `Authorization: Bearer <token>`",
            )
        check_same_origin(request, besides=self._state.settings.allowed_origins)
        account = await self._session_accounts.answer(session)
        if account is None:
            raise NotAuthenticated("the session has ended", hint=f"sign in again at {SIGN_IN_PAGE}")
        return _caller(account, "session")

    async def _accounts_for_tokens(self, tokens: Sequence[str]) -> list[accounts.Account | None]:
        return await self._state.in_transaction(
            lambda connection: accounts.accounts_for_tokens(connection, tokens)
        )

    async def _accounts_for_sessions(
        self, sessions: Sequence[str]
    ) -> list[accounts.Account | None]:
        return await self._state.in_transaction(
            lambda connection: accounts.accounts_for_sessions(connection, sessions)
        )


def check_same_origin(request: Request, *, besides: Collection[str] = ()) -> None:
    """A browser sends cookies by itself, so a write by cookie must come from our own pages.

    What Temporal's history pages have decoded changes nothing, so it may come from an origin of
    `besides` too. Raises NotAllowed.
    """
    if request.method in SAFE_METHODS:
        return
    if request.url.path == DECODE and request.headers.get("origin") in besides:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        same = site in {"same-origin", "none"}
    else:
        origin = request.headers.get("origin")
        same = origin is not None and _host(origin) == request.headers.get("host", "")
    if not same:
        raise NotAllowed(
            "this write came from another site",
            hint="use Labelwright's own pages, or a token",
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


def _caller(account: accounts.Account, authenticated_by: str) -> Caller:
    return Caller(
        account_id=account.account_id,
        name=account.name,
        roles=frozenset(account.roles),
        authenticated_by=authenticated_by,
        clearance=account.clearance,
    )


def _is_page(request: Request) -> bool:
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_page and not request.url.path.startswith("/api/")


def _to_sign_in(request: Request) -> Response:
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(
        f"{SIGN_IN_PAGE}?next={urllib.parse.quote(target, safe='')}", status_code=303
    )


def _host(origin: str) -> str:
    return urllib.parse.urlsplit(origin).netloc
