"""The pages: rendered here, made lively by small scripts that talk to the JSON routes."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.language import speaking
from api.problems import framework_problem
from api.web import (
    account,
    accounts,
    approval,
    datasets,
    desk,
    governance,
    guidelines,
    inbox,
    language,
    ledger,
    models,
    policies,
    pools,
    reviewers,
    rounds,
    session,
    theme,
    webhooks,
)
from api.web.rendering import HERE, error_page, language_of
from domain.errors import NotFound


def install(app: FastAPI) -> None:
    """Adds the pages, and the folder of scripts and styles that they load."""
    for module in (
        session,
        language,
        theme,
        inbox,
        desk,
        guidelines,
        rounds,
        approval,
        ledger,
        datasets,
        pools,
        models,
        reviewers,
        policies,
        governance,
        account,
        accounts,
        webhooks,
    ):
        app.include_router(module.router)
    app.add_exception_handler(HTTPException, _nowhere)
    app.mount("/static", _Static(directory=HERE / "static"), name="static")


async def _nowhere(request: Request, error: Exception) -> Response:
    """An address that leads nowhere is a page for whoever asked in a browser."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is installed for
    asked = request.headers.get("accept", "")
    if error.status_code != 404 or request.url.path.startswith("/api/") or "text/html" not in asked:
        return await framework_problem(request, error)
    with speaking(language_of(request)):
        return error_page(request, NotFound("there is no such page"))


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Asked for again each time and answered by 304: a page never meets an older script.
        response.headers["Cache-Control"] = "no-cache"
        return response
