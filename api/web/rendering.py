"""From facts to HTML: the templates, what they share, and the headers of every page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from api.authentication import Caller
from api.batch_words import share_words
from api.problems import RETRY_AFTER_SECONDS
from domain.accounts import Permission
from domain.errors import LabelwrightError, NotFound, Unavailable
from domain.labels import NO_LABELS
from domain.reviews import Verdict, VerdictKind

HERE = Path(__file__).parent

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Contents come from strangers: nothing runs, and nothing is shown, that is not a file of ours."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An entry of the navigation."""

    path: str
    name: str
    permission: Permission


PLACES = (
    Place(path="/review", name="Review", permission=Permission.REVIEW),
    Place(path="/adjudicate", name="Adjudicate", permission=Permission.ADJUDICATE),
    Place(path="/rounds", name="Rounds", permission=Permission.SEE_ROUNDS),
    Place(path="/policies", name="Policies", permission=Permission.SEE_ROUNDS),
    Place(path="/datasets", name="Datasets", permission=Permission.SEE_ROUNDS),
    Place(path="/governance", name="Governance", permission=Permission.SEE_LEDGER),
    Place(path="/accounts", name="Accounts", permission=Permission.MANAGE_ACCOUNTS),
    Place(path="/webhooks", name="Webhooks", permission=Permission.MANAGE_WEBHOOKS),
)


def places_of(caller: Caller | None) -> list[Place]:
    return [place for place in PLACES if caller is not None and caller.may(place.permission)]


def page(request: Request, template: str, *, status: int = 200, **facts: object) -> HTMLResponse:
    """The template, filled with the facts; every page also knows who looks and where they are."""
    caller: Caller | None = getattr(request.state, "caller", None)
    text = TEMPLATES.get_template(template).render(
        caller=caller,
        places=places_of(caller),
        path=request.url.path,
        **facts,
    )
    return HTMLResponse(
        text,
        status_code=status,
        headers={
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "no-store",
        },
    )


class PageRoute(APIRoute):
    """A route whose errors are pages too: a person asked, not a program."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError:
                return _error_page(request, NotFound("there is no such page"))
            except LabelwrightError as error:
                return _error_page(request, error)

        return answer


def _error_page(request: Request, error: LabelwrightError) -> Response:
    response = page(request, "error.html", status=error.status, error=error)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


# -- how values read --------------------------------------------------------------------------


def _when(timestamp: str | None) -> Markup:
    """A time element; a script writes it anew in the reader's own time zone."""
    if timestamp is None:
        return Markup("–")
    shown = datetime.fromisoformat(timestamp).strftime("%-d %b %Y, %H:%M UTC")
    return Markup('<time datetime="{}">{}</time>').format(timestamp, shown)


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _points(difference: float | None) -> str:
    """A difference of shares, in percentage points with its sign."""
    if difference is None:
        return "–"
    return f"{100 * difference:+.1f}".replace("-", "−") + "\N{NO-BREAK SPACE}points"


def _digest(sha256: str | None) -> Markup:
    """Its beginning; the whole one is there to select and copy, and to be read out."""
    if not sha256:
        return Markup("–")
    return Markup(
        '<code class="digest" title="{0}">{1}<span class="rest">{2}</span></code>'
    ).format(sha256, sha256[:12], sha256[12:])


def _words(identifier: object) -> str:
    """`edge_case` → `edge case`."""
    return str(identifier).replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    return f"{_capital(text)}."


def _verdict(verdict: Verdict | None) -> str:
    """A verdict in a few words."""
    if verdict is None:
        return "no answer"
    match verdict.kind:
        case VerdictKind.LABEL:
            return _label(verdict)
        case VerdictKind.USEFUL_AMBIGUITY:
            return "ambiguous: " + " or ".join(verdict.between)
        case VerdictKind.UNUSABLE_AMBIGUITY:
            return "unusable: nobody could tell"
        case VerdictKind.EXCLUDE:
            return f"exclude: {_words(verdict.exclusion)}"
        case VerdictKind.ESCALATE:
            return "escalated"


def _label(verdict: Verdict) -> str:
    """Of a record that may have several labels: those it has."""
    if verdict.labels:
        return " + ".join(verdict.labels)
    return "none of them" if verdict.label == NO_LABELS else str(verdict.label)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "when": _when,
        "count": _count,
        "percent": _percent,
        "share": share_words,
        "points": _points,
        "digest": _digest,
        "words": _words,
        "capital": _capital,
        "sentence": _sentence,
        "verdict": _verdict,
    }
    return environment


TEMPLATES = _environment()
