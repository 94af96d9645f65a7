"""Choosing a language, and the sentences of the scripts in the one that was chosen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.authentication import LANGUAGE_PATH
from api.catalogues import languages
from api.cookies import keep_choice
from api.same_origin import check_same_origin
from api.state import Parts
from api.web.rendering import LANGUAGE_COOKIE, PageRoute
from api.web.script_catalogue import script_catalogue
from api.web.session import safe_path
from domain.errors import InvalidInput, NotFound

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(LANGUAGE_PATH)
async def choose(
    request: Request,
    parts: Parts,
    language: Annotated[str, Form(max_length=20)],
    next_: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Remembers the choice in a cookie, and goes back to where it was made."""
    check_same_origin(request, public_url=parts.settings.public_url)
    if language not in languages():
        raise InvalidInput(f"there is no catalogue of “{language}”")
    response = RedirectResponse(safe_path(next_), status_code=303)
    keep_choice(request, response, parts.settings.public_url, name=LANGUAGE_COOKIE, value=language)
    return response


@router.get("/static/languages/{tag}.js")
async def script(tag: str, v: str = "") -> Response:
    """The catalogue of the scripts, for as long as the address names its digest."""
    language = languages().get(tag)
    found = language and script_catalogue(language)
    if not found:
        raise NotFound("no scripts are translated into this language")
    named = v == found.digest[:12]
    return Response(
        found.text,
        media_type="text/javascript",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable" if named else "no-cache",
            "ETag": f'"{found.digest}"',
        },
    )
