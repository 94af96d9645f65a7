"""Where people label: the reviewer's page and the adjudicator's.

These pages hold no data. Their script claims a task over the API and sends the answer there.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.given import in_full
from api.language import N_
from api.state import Parts
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.ids import ReviewId
from domain.reviews import MAX_RATIONALE, ExclusionReason

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Reviewer = Annotated[Caller, Depends(allowing(Permission.REVIEW))]
Adjudicator = Annotated[Caller, Depends(allowing(Permission.ADJUDICATE))]
Labeller = Annotated[Caller, Depends(allowing(Permission.REVIEW, Permission.ADJUDICATE))]

REASONS = {
    ExclusionReason.OUT_OF_SCOPE: N_("It is not what this pool is about"),
    ExclusionReason.LOW_QUALITY: N_("Nobody could use it: broken, empty, unreadable"),
    ExclusionReason.DUPLICATE: N_("It is in the pool twice"),
    ExclusionReason.RESTRICTED: N_("It may not be used: personal or licensed"),
}

SKIP_REASONS = (
    N_("I am not sure enough"),
    N_("It is not my field"),
    N_("It takes longer than I have"),
    N_("I know who it is about"),
)

COMMANDS = {
    "submit": N_("send what is chosen"),
    "note": N_("say why"),
    "exclude": N_("exclude, with a reason"),
    "ambiguous": N_("ambiguous, between labels"),
    "escalate": N_("escalate to an adjudicator"),
    "skip": N_("skip, with a reason: somebody else may take it, and you are not offered it again"),
    "guideline": N_("guideline beside the record"),
    "similar": N_("similar records with a label"),
    "suggestion": N_("what the model says, where the round shows it"),
    "earlier": N_("your last answers, one further back"),
    "later": N_("one answer forward, and back to the record"),
    "search": N_("search within the record"),
    "unfold": N_("show all of a long text, or less"),
    "filter": N_("filter the labels by typing; Enter takes the first"),
    "gap": N_("the guideline does not decide this record"),
    "keep": N_("keep the record longer"),
    "keys": N_("this sheet"),
}
"""What a key does on the desk; which key, says static/keymap.js."""
REVIEWERS = {"escalate", "suggestion"}
"""Commands that an adjudicator has no use for."""


@router.get("/review")
async def review(request: Request, caller: Reviewer) -> Response:
    return _desk(request, caller, kind="review")


@router.get("/adjudicate")
async def adjudicate(request: Request, caller: Adjudicator) -> Response:
    return _desk(request, caller, kind="adjudication")


@router.get("/answers/{review_id}")
async def answer(request: Request, review_id: str, caller: Labeller, parts: Parts) -> Response:
    """An answer of the reader's own; the desk shows a part of it beside the record."""
    found = await parts.in_transaction(
        lambda connection: in_full(connection, ReviewId(review_id), caller)
    )
    return page(request, "answer.html", answer=found)


@router.get("/calibration/{round_id}")
async def calibration(request: Request, round_id: str, caller: Reviewer) -> Response:
    del caller
    return page(request, "calibration.html", round_id=round_id)


def _desk(request: Request, caller: Caller, *, kind: str) -> Response:
    return page(
        request,
        "desk.html",
        kind=kind,
        account_id=caller.account_id,
        reasons=REASONS,
        skip_reasons=SKIP_REASONS,
        commands={
            command: meaning
            for command, meaning in COMMANDS.items()
            if kind == "review" or command not in REVIEWERS
        },
        max_rationale=MAX_RATIONALE,
    )
