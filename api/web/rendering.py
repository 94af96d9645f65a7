"""From facts to HTML: the templates, what they share, and the headers of every page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from api.authentication import LANGUAGE_PATH, THEME_PATH, Caller
from api.batch_words import share_words
from api.catalogues import language_for, languages
from api.language import (
    ENGLISH,
    MINUS,
    N_,
    NO_BREAK_SPACE,
    Language,
    capital,
    decimal,
    gettext,
    listed,
    moment,
    ngettext,
    npgettext,
    number,
    percent,
    pgettext,
    speaking,
    spoken,
)
from api.problem_words import KNOWN_CODES, problem_sentence
from api.problems import RETRY_AFTER_SECONDS
from api.recorded_words import told, told_parts
from api.vocabulary import word, words
from api.web.script_catalogue import script_address
from domain.accounts import Permission
from domain.errors import LabelwrightError, NotFound, Unavailable
from domain.labels import NO_LABELS
from domain.reviews import Verdict, VerdictKind

HERE = Path(__file__).parent

LANGUAGE_COOKIE = "labelwright_language"
"""The language that somebody has chosen in this browser."""

THEME_COOKIE = "labelwright_theme"
"""`light` or `dark`, as somebody has chosen in this browser."""
THEMES = {"system": N_("as the system"), "light": N_("light"), "dark": N_("dark")}

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
    """In English."""
    permission: Permission


PLACES = (
    Place(path="/review", name=N_("Review"), permission=Permission.REVIEW),
    Place(path="/adjudicate", name=N_("Adjudicate"), permission=Permission.ADJUDICATE),
    Place(path="/rounds", name=N_("Rounds"), permission=Permission.SEE_ROUNDS),
    Place(path="/pools", name=N_("Pools"), permission=Permission.SEE_ROUNDS),
    Place(path="/datasets", name=N_("Datasets"), permission=Permission.SEE_ROUNDS),
    Place(path="/models", name=N_("Models"), permission=Permission.SEE_ROUNDS),
    Place(path="/policies", name=N_("Policies"), permission=Permission.SEE_ROUNDS),
    Place(path="/guidelines", name=N_("Guidelines"), permission=Permission.SEE_ROUNDS),
    Place(path="/reviewers", name=N_("Reviewers"), permission=Permission.START_ROUND),
    Place(path="/governance", name=N_("Governance"), permission=Permission.SEE_LEDGER),
    Place(path="/accounts", name=N_("Accounts"), permission=Permission.MANAGE_ACCOUNTS),
    Place(path="/webhooks", name=N_("Webhooks"), permission=Permission.MANAGE_WEBHOOKS),
)


def places_of(caller: Caller | None) -> list[Place]:
    return [place for place in PLACES if caller is not None and caller.may(place.permission)]


def page(request: Request, template: str, *, status: int = 200, **facts: object) -> HTMLResponse:
    """The template, filled with the facts; every page also knows who looks and where they are."""
    caller: Caller | None = getattr(request.state, "caller", None)
    theme = request.cookies.get(THEME_COOKIE, "system")
    query = f"?{request.url.query}" if request.url.query else ""
    shared: dict[str, object] = {
        "caller": caller,
        "places": places_of(caller),
        "path": request.url.path,
        # Where somebody who chooses another language comes back to.
        "here": request.url.path + query,
        "language": spoken(),
        "languages": list(languages().values()),
        "language_path": LANGUAGE_PATH,
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "theme_path": THEME_PATH,
        "script_catalogue": script_address(spoken()),
    }
    text = TEMPLATES.get_template(template).render(shared | facts)
    return HTMLResponse(
        text,
        status_code=status,
        headers={
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Content-Language": spoken().tag,
            "Cache-Control": "no-store",
        },
    )


def language_of(request: Request) -> Language:
    """The one that was chosen, else the first that the browser asks for and there is."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return language_for(chosen, request.headers.get("accept-language", ""))


class PageRoute(APIRoute):
    """A route whose errors are pages too: a person asked, not a program."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            with speaking(language_of(request)):
                try:
                    return await handler(request)
                except RequestValidationError:
                    return error_page(request, NotFound("there is no such page"))
                except LabelwrightError as error:
                    return error_page(request, error)

        return answer


def error_page(request: Request, error: LabelwrightError) -> Response:
    response = page(request, "error.html", status=error.status, error=error)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


# -- how values read --------------------------------------------------------------------------


def _when(timestamp: str | None) -> Markup:
    """A time element; a script writes it anew in the reader's own time zone."""
    if timestamp is None:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(timestamp, moment(timestamp))


def _span(hours: float) -> str:
    """`336` → `14 days`."""
    if hours < 48:
        return ngettext("{count} hour", "{count} hours", _plural(hours)).format(
            count=number(hours, 3)
        )
    days = hours / 24
    return ngettext("{count} day", "{count} days", _plural(days)).format(count=number(days, 3))


def _plural(value: float) -> int:
    """One is one; whatever else there may be of a thing is many."""
    return 1 if value == 1 else 2


def _percent(share: float | None) -> str:
    return "–" if share is None else percent(share, 1)


def _points(difference: float | None) -> str:
    """A difference of shares, in percentage points with its sign."""
    if difference is None:
        return "–"
    sign = MINUS if difference < 0 else "+"
    figure = f"{sign}{decimal(100 * abs(difference), 1)}"
    return gettext("{figure} points").format(figure=figure).replace(" ", NO_BREAK_SPACE)


def _digest(sha256: str | None) -> Markup:
    """Its beginning; the whole one is there to select and copy, and to be read out."""
    if not sha256:
        return Markup("–")
    return Markup(
        '<code class="digest" title="{0}">{1}<span class="rest">{2}</span></code>'
    ).format(sha256, sha256[:12], sha256[12:])


def _sentence(text: str) -> str:
    return f"{capital(text)}."


def _problem(error: LabelwrightError) -> str:
    """What went wrong, in whole sentences: in English the error's own, else by its code."""
    if spoken() is ENGLISH:
        return _sentence(error.message)
    return problem_sentence(error.code, error.message)


def _failure(failure: Mapping[str, Any]) -> str:
    """Why a round ended before its end: what a person wrote stays, an error goes by its code."""
    message = str(failure["message"])
    if spoken() is ENGLISH or failure["code"] not in KNOWN_CODES:
        return message
    return problem_sentence(failure["code"], message)


def _verdict(verdict: Verdict | None) -> str:
    """A verdict in a few words."""
    if verdict is None:
        return gettext("no answer")
    match verdict.kind:
        case VerdictKind.LABEL:
            return _label(verdict)
        case VerdictKind.USEFUL_AMBIGUITY:
            between = listed(list(verdict.between), gettext("{some} or {last}"))
            return gettext("ambiguous: {labels}").format(labels=between)
        case VerdictKind.UNUSABLE_AMBIGUITY:
            return gettext("unusable: nobody could tell")
        case VerdictKind.EXCLUDE:
            reason = word(verdict.exclusion, "exclusion")
            return gettext("exclude: {reason}").format(reason=reason)
        case VerdictKind.ESCALATE:
            return gettext("escalated")


def _label(verdict: Verdict) -> str:
    """Of a record that may have several labels: those it has."""
    if verdict.labels:
        return " + ".join(verdict.labels)
    return gettext("none of them") if verdict.label == NO_LABELS else str(verdict.label)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    environment.filters |= {
        "when": _when,
        "span": _span,
        "count": decimal,
        "decimal": decimal,
        "percent": _percent,
        "share": share_words,
        "points": _points,
        "digest": _digest,
        "words": words,
        "word": word,
        "told": told,
        "told_parts": told_parts,
        "capital": capital,
        "sentence": _sentence,
        "problem": _problem,
        "failure": _failure,
        "verdict": _verdict,
    }
    return environment


TEMPLATES = _environment()
