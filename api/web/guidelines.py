"""How people are to decide: guidelines, their versions, and where they fell short."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.pinning import pinned_guideline
from api.schemas.body import Version
from api.state import Parts
from api.web.diffs import Change, changes_in
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.labels import Guideline
from storage import definitions
from storage.definitions import GuidelineUse, GuidelineVersion
from storage.gaps import GuidelineGap, gaps_of

router = APIRouter(prefix="/guidelines", route_class=PageRoute, include_in_schema=False)

Reader = Annotated[
    Caller,
    Depends(allowing(Permission.SEE_ROUNDS, Permission.REVIEW, Permission.ADJUDICATE)),
]
Definer = Annotated[Caller, Depends(allowing(Permission.DEFINE))]

MANY = 50

# Guidelines come from people: their HTML stays text, and their pictures are not fetched.
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@router.get("")
async def list_guidelines(request: Request, caller: Reader, parts: Parts) -> Response:
    found = await parts.in_transaction(definitions.list_guidelines)
    return page(
        request,
        "guidelines.html",
        guidelines=found,
        may_define=caller.may(Permission.DEFINE),
    )


@router.get("/new")
async def write_guideline(
    request: Request,
    caller: Definer,
    parts: Parts,
    of: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    del caller
    before = None
    if of is not None:
        before = await parts.in_transaction(lambda connection: pinned_guideline(connection, of))
    return page(request, "guideline_form.html", before=before)


@router.get("/{name}/{version}")
async def get_guideline(
    *,
    request: Request,
    name: str,
    version: Version,
    caller: Reader,
    parts: Parts,
    against: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """Whoever judges by it reads the guideline; its versions and its use are the team's."""
    tells = caller.may(Permission.SEE_ROUNDS)

    def look(
        connection: Connection,
    ) -> tuple[
        Guideline,
        list[GuidelineGap],
        list[GuidelineVersion],
        list[GuidelineUse],
        int,
        list[Change],
    ]:
        found = definitions.get_guideline(connection, name, version)
        other = against or max(1, version - 1)
        if not tells:
            return found, [], [], [], other, []
        before = definitions.get_guideline(connection, name, other)
        return (
            found,
            gaps_of(connection, name, limit=MANY),
            definitions.guideline_versions(connection, name, limit=MANY),
            definitions.rounds_by_guideline(connection, name, limit=MANY),
            other,
            changes_in(unified_diff([*lines_of(before)], [*lines_of(found)], lineterm="")),
        )

    found, gaps, versions, uses, other, changes = await parts.in_transaction(look)
    return page(
        request,
        "guideline.html",
        guideline=found,
        text=rendered(found.text),
        gaps=gaps,
        versions=versions,
        uses=uses,
        other=other,
        changes=changes,
        may_define=caller.may(Permission.DEFINE),
    )


def lines_of(guideline: Guideline) -> Iterator[str]:
    """The guideline as lines of text: what it says, then a line for each example."""
    yield from guideline.text.splitlines()
    for content, label in guideline.examples:
        yield f"= {label}: {content}"
    for each in guideline.counterexamples:
        yield f"≠ {each.label}: {each.content}" + (f" ({each.because})" if each.because else "")


def rendered(markdown: str) -> Markup:
    """HTML of a text that a person wrote, safe to show."""
    # markdown-it escapes what it does not write itself.
    return Markup(_markdown.render(markdown))  # noqa: S704
