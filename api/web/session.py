"""Signing in, by password or at a provider, and where a person goes from there."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api import signing_in
from api.authentication import CALLBACK_PAGE, PROVIDER_PAGE, SIGN_IN_PAGE, Caller, caller_of
from api.cookies import Cookies
from api.oidc import flow
from api.problems import headers_of
from api.state import Parts, State
from api.web.rendering import HERE, PageRoute, page, places_of
from domain.errors import LabelwrightError

router = APIRouter(route_class=PageRoute, include_in_schema=False)

SignedIn = Annotated[Caller, Depends(caller_of)]
Next = Annotated[str, Query(alias="next")]


@router.get(SIGN_IN_PAGE)
async def sign_in(request: Request, parts: Parts, next_: Next = "/") -> Response:
    return _sign_in_page(request, parts, safe_path(next_))


@router.get(PROVIDER_PAGE)
async def to_provider(request: Request, parts: Parts, next_: Next = "/") -> Response:
    """Off to the provider, with a cookie by which this browser is known when it comes back."""
    path = safe_path(next_)
    try:
        departure = await signing_in.leave_for_provider(parts, request, path)
    except LabelwrightError as error:
        return _sign_in_page(request, parts, path, error)
    response = RedirectResponse(departure.address, status_code=303)
    cookies = Cookies(request, parts.settings.public_url)
    cookies.keep_sign_in(response, departure.secret, flow.VALID_FOR)
    return _unseen(response)


@router.get(CALLBACK_PAGE)
async def from_provider(request: Request, parts: Parts) -> Response:
    """Back from the provider, with a code."""
    cookies = Cookies(request, parts.settings.public_url)
    try:
        (secret, _), path = await signing_in.by_provider(parts, request, cookies.sign_in())
    except LabelwrightError as error:
        response = _sign_in_page(request, parts, "/", error)
    else:
        # A page, not a redirect: the browser came from another site, and would not send a strict
        # cookie along to where it is sent on in the same breath.
        response = page(request, "signed-in.html", next=safe_path(path))
        cookies.keep_session(response, secret, parts.settings.session_longest)
    cookies.drop_sign_in(response)
    return _unseen(response)


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
    return path if path.startswith("/") and not leads_elsewhere and len(path) <= 2_000 else "/"


def _sign_in_page(
    request: Request, parts: State, next_path: str, error: LabelwrightError | None = None
) -> Response:
    response = page(
        request,
        "sign-in.html",
        status=200 if error is None else error.status,
        # A code and a state are used once: coming back to them leads nowhere.
        here=f"{SIGN_IN_PAGE}?next={quote(next_path, safe='/')}",
        next=next_path,
        error=error,
        provider=parts.settings.oidc_name if parts.provider is not None else None,
        hours=parts.settings.session_hours,
        idle_hours=parts.settings.session_idle_hours,
    )
    if error is not None:
        response.headers.update(headers_of(error))
    return response


def _unseen(response: Response) -> Response:
    """A code or a state in an address is nobody's business further on."""
    # Not `no-referrer`, under which the forms of the page would come from nowhere.
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    return response
