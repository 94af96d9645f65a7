"""What happens to every request: an id and a log line, a count, a cap on its size, safe headers."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_of
from domain.errors import NotFound, TooLarge

MAX_BODY_BYTES = 1024 * 1024
"""For everything but imports, which stream to disk under a cap of their own."""

# What a stranger sends as a method must not make a series each, no more than an id in a path.
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_IMPORT_PATH = re.compile(r"/api/v1/pools/[^/]+/imports")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

REQUESTS = Counter(
    "labelwright_http_requests", "HTTP requests by route and status", ["method", "route", "status"]
)
SECONDS = Histogram(
    "labelwright_http_request_seconds", "Seconds until a request was answered", ["method", "route"]
)

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Unless a response has its own. Contents come from strangers: no script but ours runs."""

_log = structlog.get_logger(__name__)


class Observation:
    """Gives each request an id, which its answer and its log lines carry, and counts it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - began
            # The template, not the path: ids would make a series each.
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(method, route).observe(seconds)
            _log.info(
                "request",
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


class Door:
    """Turns away what no route should have to look at: bodies above their cap, NUL characters."""

    def __init__(self, app: ASGIApp, *, import_bytes: int) -> None:
        self._app = app
        self._import_bytes = import_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            # PostgreSQL has no text with NUL, so nothing of that name can exist.
            await problem_of(NotFound("no such thing"))(scope, receive, send)
            return
        imports = scope["method"] == "POST" and _IMPORT_PATH.fullmatch(scope["path"])
        limit = self._import_bytes if imports else MAX_BODY_BYTES
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > limit:
            await problem_of(_too_large(limit))(scope, receive, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # FastAPI lets this one pass; any other error while reading becomes a 400.
                raise HTTPException(413, _too_large(limit).message)
            return message

        await self._app(scope, counting, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the body is larger than {limit:,} bytes",
        hint="send it in smaller parts",
        limit=limit,
    )


def _request_id(given: str | None) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
