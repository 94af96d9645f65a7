"""Signing in, and where a person goes from there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api.authentication import SIGN_IN_PAGE, Caller, caller_of
from api.web.rendering import HERE, PageRoute, page, places_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

SignedIn = Annotated[Caller, Depends(caller_of)]


@router.get(SIGN_IN_PAGE)
async def sign_in(request: Request, next_: Annotated[str, Query(alias="next")] = "/") -> Response:
    return page(request, "sign-in.html", next=safe_path(next_))


@router.get("/")
async def home(request: Request, caller: SignedIn) -> Response:
    """The first of the places that the account's roles open: what the person is here for."""
    places = places_of(caller)
    if places:
        return RedirectResponse(places[0].path, status_code=303)
    return page(request, "nowhere.html")


@router.get("/favicon.ico")
async def icon() -> Response:
    return FileResponse(HERE / "static" / "icon.svg", media_type="image/svg+xml")


def safe_path(path: str) -> str:
    """`path` if it leads to a page of ours, else the home page.

    Browsers read `//host`, `/\\host` and what a tab or a line break hides as another site.
    """
    leads_elsewhere = path.startswith(("//", "/\\")) or not path.isprintable()
    return path if path.startswith("/") and not leads_elsewhere else "/"
