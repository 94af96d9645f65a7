"""Whether a write that a browser makes comes from our own pages.

A browser sends cookies by itself, whoever wrote the page. It says who did in `Sec-Fetch-Site` and
`Origin`, which no script can set. What says neither does not come from a page.
"""

from __future__ import annotations

import urllib.parse
from typing import NamedTuple

from starlette.requests import Request

from domain.errors import NotAllowed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int


def check_same_origin(request: Request, *, public_url: str) -> None:
    """Scheme, host and port must be ours, and nothing may say otherwise. Raises NotAllowed."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.getlist("sec-fetch-site")
    origins = request.headers.getlist("origin")
    ours = {read_origin(f"{request.url.scheme}://{request.headers.get('host', '')}")}
    if public_url:
        # Behind something that ends TLS, only the setting knows what browsers see.
        ours.add(read_origin(public_url))
    silent = not site and not origins
    foreign_site = any(each != "same-origin" for each in site)
    foreign_origin = any(
        (read := read_origin(each)) is None or read not in ours for each in origins
    )
    if silent or foreign_site or foreign_origin:
        raise NotAllowed(
            "this write came from another site",
            hint="use Labelwright's own pages, or a token; behind a proxy, "
            "LABELWRIGHT_PUBLIC_URL must be the address that browsers show",
        )


def from_a_browser(request: Request) -> bool:
    return "origin" in request.headers or "sec-fetch-site" in request.headers


def read_origin(text: str) -> Origin | None:
    """The origin of a URL; none where there is none, as in `null`."""
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])
