"""Errors as RFC 9457 problem+json: what went wrong, what to do next, and a code to rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from temporalio.service import RPCError

from domain.errors import (
    DatabaseUnavailable,
    LabelwrightError,
    NotAuthenticated,
    TemporalUnavailable,
    TooManyAttempts,
    Unavailable,
)

RETRY_AFTER_SECONDS = "2"
MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)

_FRAMEWORK_CODES = {
    400: ("unreadable_body", "send one document of the kind that the route takes"),
    404: ("not_found", "check the address; GET /openapi.json lists all of them"),
    405: ("method_not_allowed", "the `Allow` header names the methods of this address"),
    413: ("too_large", "send it in smaller parts"),
}


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    hint: str = "",
    context: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response for one error. `context` values that JSON cannot say are written as text."""
    body = _document(status, code=code, detail=detail, hint=hint, context=context)
    return JSONResponse(
        body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def document_of(error: LabelwrightError) -> dict[str, Any]:
    """The problem as a part of a larger answer."""
    return _document(
        error.status,
        code=error.code,
        detail=error.message,
        hint=error.hint,
        context=error.context,
    )


def faults_document(faults: Sequence[Any]) -> dict[str, Any]:
    """The problem of what does not have the form that it should, by pydantic's list of faults."""
    # What was sent is left out: it may be long, and it may be secret.
    named = [
        {
            "where": ".".join(str(part) for part in fault["loc"]),
            "what": str(fault["msg"]).removeprefix("Value error, "),
        }
        for fault in faults[:20]
    ]
    first = named[0] if named else {"where": "body", "what": "cannot be read"}
    return _document(
        422,
        code="invalid_request",
        detail=f"{first['where']}: {first['what']}",
        hint="correct the fields that `context.faults` names",
        context={"faults": named},
    )


def _document(
    status: int, *, code: str, detail: str, hint: str, context: Mapping[str, object] | None
) -> dict[str, Any]:
    return {
        "type": f"urn:labelwright:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "context": json.loads(json.dumps(dict(context or {}), default=str)),
    }


def headers_of(error: LabelwrightError) -> dict[str, str]:
    """What an answer says of the error besides its body."""
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.context.get("retry_after", 60))
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="labelwright"'
    return headers


def problem_of(error: LabelwrightError) -> JSONResponse:
    return problem(
        error.status,
        code=error.code,
        detail=error.message,
        hint=error.hint,
        context=error.context,
        headers=headers_of(error),
    )


def database_unavailable() -> DatabaseUnavailable:
    return DatabaseUnavailable(
        "the database does not answer", hint="nothing was changed; try again in a moment"
    )


def temporal_unavailable() -> TemporalUnavailable:
    return TemporalUnavailable(
        "Temporal does not answer, so nothing is acknowledged",
        hint="send the same request again in a moment; it takes effect once",
    )


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LabelwrightError)  # noqa: S101 - what the handler is registered for
    if error.status >= 500:
        _log.warning("request failed", code=error.code, detail=error.message)
    return problem_of(error)


async def _database(_request: Request, error: Exception) -> JSONResponse:
    _log.warning("database unavailable", error=type(error).__name__)
    return problem_of(database_unavailable())


async def _temporal(_request: Request, error: Exception) -> JSONResponse:
    _log.warning("temporal unavailable", error=str(error))
    return problem_of(temporal_unavailable())


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - see `_ours`
    return JSONResponse(faults_document(error.errors()), status_code=422, media_type=MEDIA_TYPE)


async def framework_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - see `_ours`
    code, hint = _FRAMEWORK_CODES.get(error.status_code, ("http_error", ""))
    return problem(
        error.status_code,
        code=code,
        detail=str(error.detail),
        hint=hint,
        headers=error.headers,
    )


async def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    _log.error("unforeseen error", error=type(error).__name__, exc_info=error)
    return problem(
        500,
        code="internal_error",
        detail="an error that nobody foresaw; what was acknowledged before is safe",
        hint="look for this answer's X-Request-ID in the log of the API",
    )


def install(app: FastAPI) -> None:
    """Makes every error of the app, its own or the framework's, a problem."""
    app.add_exception_handler(LabelwrightError, _ours)
    for driver_error in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(driver_error, _database)
    app.add_exception_handler(RPCError, _temporal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, framework_problem)
    app.add_exception_handler(Exception, _unforeseen)
