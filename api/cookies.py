"""The cookies that are set: a session's, and that of a sign-in at a provider.

Scripts cannot read them, and over https they are sent over https only. There their names begin with
`__Host-`, which a browser takes from this very host alone: no neighbour below the same domain can
put one in its place (RFC 6265bis, section 4.1.3.2).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from api.same_origin import read_origin

CHOICES_KEPT = 365 * 86_400
_SESSION = "labelwright_session"
_SIGN_IN = "labelwright_sign_in"


def over_https(request: Request, public_url: str) -> bool:
    """Whether the browser came over https, be it to something before us that ends TLS."""
    if request.url.scheme == "https":
        return True
    public = read_origin(public_url)
    here = read_origin(f"https://{request.headers.get('host', '')}")
    return public is not None and public.scheme == "https" and public == here


def keep_choice(
    request: Request, response: Response, public_url: str, *, name: str, value: str
) -> None:
    """Remembers what somebody prefers in this browser, for a year: how pages look, no secret."""
    response.set_cookie(
        name,
        value,
        max_age=CHOICES_KEPT,
        path="/",
        httponly=True,
        samesite="lax",
        secure=over_https(request, public_url),
    )


class Cookies:
    """Those of one request."""

    def __init__(self, request: Request, public_url: str) -> None:
        self._request = request
        self._secure = over_https(request, public_url)

    def session(self) -> str:
        """The session's secret; empty where there is none."""
        return self._request.cookies.get(self._named(_SESSION), "")

    def sign_in(self) -> str:
        return self._request.cookies.get(self._named(_SIGN_IN), "")

    def keep_session(self, response: Response, secret: str, longest: timedelta) -> None:
        self._keep(response, _SESSION, secret, longest, "strict")

    def keep_sign_in(self, response: Response, secret: str, longest: timedelta) -> None:
        # The provider sends the browser back from its own site, which `strict` would not survive.
        self._keep(response, _SIGN_IN, secret, longest, "lax")

    def drop_session(self, response: Response) -> None:
        self._drop(response, _SESSION, "strict")

    def drop_sign_in(self, response: Response) -> None:
        self._drop(response, _SIGN_IN, "lax")

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self._secure else name

    def _keep(
        self,
        response: Response,
        name: str,
        secret: str,
        longest: timedelta,
        same_site: Literal["strict", "lax"],
    ) -> None:
        response.set_cookie(
            self._named(name),
            secret,
            max_age=int(longest.total_seconds()),
            path="/",
            httponly=True,
            samesite=same_site,
            secure=self._secure,
        )

    def _drop(self, response: Response, name: str, same_site: Literal["strict", "lax"]) -> None:
        response.delete_cookie(
            self._named(name), path="/", httponly=True, samesite=same_site, secure=self._secure
        )
