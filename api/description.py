"""The OpenAPI document: what the framework makes of the routes, and the problems of each one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from api.authentication import is_open
from api.problems import MEDIA_TYPE

_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457, with a stable `code` and a `hint` at what to do next.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": "string"},
        "context": {"type": "object", "additionalProperties": True},
    },
    "required": ["type", "title", "status", "detail", "code", "hint", "context"],
}

_EVERYWHERE = {
    HTTPStatus.UNAUTHORIZED: "Nobody is signed in, or the token is not good",
    HTTPStatus.FORBIDDEN: "Signed in, but not for this",
    HTTPStatus.NOT_FOUND: "No such thing, or not for these eyes",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "More bytes than may be sent at once",
    HTTPStatus.UNPROCESSABLE_ENTITY: "What was sent cannot be used",
    HTTPStatus.TOO_MANY_REQUESTS: "Wait as long as `Retry-After` says",
    HTTPStatus.SERVICE_UNAVAILABLE: "A part of the system does not answer; try again",
}
_WRITES = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read at all",
    HTTPStatus.CONFLICT: "The thing has moved on",
}

_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, or an access token of the identity provider.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "labelwright_session",
        "description": "A browser's session; over https its name begins with `__Host-`.",
    },
}


def describe(app: FastAPI) -> None:
    """Lets `app.openapi` say for each operation who may call it and how it may fail."""
    made_by_framework = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(made_by_framework())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = _SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method.upper(), path)
    return document


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    responses: dict[str, Any] = operation["responses"]
    problems = _EVERYWHERE if method == "GET" else _EVERYWHERE | _WRITES
    for status, description in problems.items():
        said = responses.get(str(status.value), {})
        if "HTTPValidationError" not in str(said) and said:
            continue
        responses[str(status.value)] = {
            "description": description,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    operation["security"] = [] if is_open(method, path) else [{"token": []}, {"session": []}]
