"""The approver's page: the dataset that waits, how it came about, and a sample to check by eye."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.dataset_checks import DatasetCheck, check_candidate
from api.state import Parts
from api.web.batch import batch_view
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.duties import MIN_BREAK_GLASS_REASON, dataset_conflict
from domain.ids import AccountId, RoundId
from domain.records import Content
from domain.roles import DatasetRole
from domain.rounds import Phase
from domain.selections import Selection
from domain.tasks import ReviewStatus
from storage import approval, datasets, reviews, rounds
from storage.approval import Show
from storage.artifacts import ArtifactStore
from storage.reviews import DecidedOutcome, Review
from storage.rounds import Round

router = APIRouter(prefix="/rounds", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

SHOWN = 40


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One record as the approver sees it."""

    decided: DecidedOutcome
    content: Content | None
    selection: Selection
    reviews: list[Review]

    @property
    def content_json(self) -> str:
        return json.dumps(self.content)


@dataclass(frozen=True, kw_only=True)
class Sample:
    round: Round
    counts: dict[Show, int]
    records: list[Checked]
    answered_by: frozenset[AccountId]

    def conflict_of(self, caller: Caller) -> str | None:
        """Which part of the caller's stands against their deciding; none when none does."""
        return dataset_conflict(
            caller.account_id,
            requested_by=self.round.plan.requested_by.account_id,
            answered_by=self.answered_by,
        )


@router.get("/{round_id}/approval")
async def approve(
    *,
    request: Request,
    round_id: str,
    caller: Viewer,
    parts: Parts,
    show: Show = Show.ALL,
    sheet: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:

    def look(connection: Connection) -> tuple[Sample, list[DatasetCheck]]:
        sample = _sample(connection, RoundId(round_id), show, sheet)
        return sample, _checks(connection, parts.store, sample.round)

    sample, checks = await parts.in_transaction(look)
    round_ = sample.round
    awaiting = round_.awaiting or {}
    waiting = awaiting.get("dataset_digest") if round_.phase is Phase.APPROVAL else None
    return page(
        request,
        "approval.html",
        round=round_,
        candidate=round_.summary.get("candidate"),
        quality=round_.summary.get("quality"),
        checks=checks,
        view=batch_view(round_),
        batch_decisions=round_.summary.get("batch_decisions", []),
        waiting=waiting,
        sample=sample,
        show=show,
        shows=list(Show),
        sheet=sheet,
        sheets=max(1, -(-sample.counts[show] // SHOWN)),
        roles=list(DatasetRole),
        may_approve=caller.may(Permission.APPROVE),
        conflict=sample.conflict_of(caller),
        may_break_glass=caller.may(Permission.BREAK_GLASS),
        reason_for_glass=MIN_BREAK_GLASS_REASON,
    )


def _checks(connection: Connection, store: ArtifactStore, round_: Round) -> list[DatasetCheck]:
    """None before there is a dataset, or where its rows are not at hand any more."""
    candidate = round_.summary.get("candidate")
    if not isinstance(candidate, dict) or not store.exists(candidate["rows"]):
        return []
    before = candidate["parent_version"]
    parent = (
        None if before is None else datasets.get_version(connection, round_.plan.dataset, before)
    )
    return check_candidate(
        connection, store, round_.round_id, rows=candidate["rows"], parent=parent
    )


def _sample(connection: Connection, round_id: RoundId, show: Show, sheet: int) -> Sample:
    round_ = rounds.get_round(connection, round_id)
    found = approval.outcomes_to_check(
        connection, round_id, show, offset=(sheet - 1) * SHOWN, limit=SHOWN
    )
    ids = [decided.outcome.record_id for decided in found]
    contents = approval.batch_contents(connection, round_id, ids)
    behind = reviews.reviews_by_record(connection, round_id, ids)
    return Sample(
        round=round_,
        counts=approval.count_outcomes(connection, round_id),
        answered_by=reviews.answered_by(connection, round_id),
        records=[
            Checked(
                decided=decided,
                content=contents.get(decided.outcome.record_id),
                selection=rounds.batch_record(
                    connection, round_id, decided.outcome.record_id
                ).selection,
                reviews=[
                    review
                    for review in behind[decided.outcome.record_id]
                    if review.status is ReviewStatus.ACCEPTED
                ],
            )
            for decided in found
        ],
    )
