"""The pages: rendered here, made lively by small scripts that talk to the JSON routes."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.web import (
    account,
    accounts,
    approval,
    datasets,
    desk,
    governance,
    inbox,
    language,
    ledger,
    policies,
    rounds,
    session,
    webhooks,
)
from api.web.rendering import HERE


def install(app: FastAPI) -> None:
    """Adds the pages, and the folder of scripts and styles that they load."""
    for module in (
        session,
        language,
        inbox,
        desk,
        rounds,
        approval,
        ledger,
        datasets,
        policies,
        governance,
        account,
        accounts,
        webhooks,
    ):
        app.include_router(module.router)
    app.mount("/static", _Static(directory=HERE / "static"), name="static")


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Asked for again each time and answered by 304: a page never meets an older script.
        response.headers["Cache-Control"] = "no-cache"
        return response
