"""Light or dark, as somebody has chosen in this browser; else as their system is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.authentication import THEME_PATH
from api.cookies import keep_choice
from api.same_origin import check_same_origin
from api.state import Parts
from api.web.rendering import THEME_COOKIE, PageRoute
from api.web.session import safe_path

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@router.post(THEME_PATH)
async def choose(
    request: Request,
    parts: Parts,
    theme: Annotated[Theme, Form()],
    next_: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Remembers the choice in a cookie, and goes back to where it was made."""
    check_same_origin(request, public_url=parts.settings.public_url)
    response = RedirectResponse(safe_path(next_), status_code=303)
    keep_choice(request, response, parts.settings.public_url, name=THEME_COOKIE, value=theme)
    return response
