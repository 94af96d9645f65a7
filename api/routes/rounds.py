"""Rounds: start them, list them, see where they stand and what they hold."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.idempotency import Write, once
from api.planning import plan_round
from api.round_progress import Progress, is_blind, progress_of, unsaid
from api.schemas.body import After, Document, IdempotencyKey, Limit, Page
from api.schemas.rounds import BatchRecord, OutcomeView, RoundBody, RoundView
from api.state import Parts, State
from domain.accounts import Permission
from domain.errors import TemporalUnavailable
from domain.ids import PoolId, RecordId, RoundId
from storage import gold, models, reviews, rounds, signing_keys, tasks
from storage.gold import DoubtfulReview

router = APIRouter(prefix="/api/v1/rounds", tags=["rounds"])

Starter = Annotated[Caller, Depends(allowing(Permission.START_ROUND))]
Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]


@dataclass(frozen=True, kw_only=True)
class _WrittenDown:
    round_id: RoundId


@router.post("", status_code=201, summary="Start a round")
async def start_round(
    body: RoundBody,
    caller: Starter,
    parts: Parts,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RoundView:
    """The round is written down first and then started.

    When Temporal does not answer, the same request with the same key later starts the same round;
    without one it starts by itself, once Temporal is back.
    """
    key = idempotency_key or secrets.token_urlsafe(16)
    written = await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="rounds", key=key, body=body),
            _WrittenDown,
            lambda: _write_down(connection, body, caller, parts),
        )
    )
    round_ = await parts.in_transaction(
        lambda connection: rounds.get_round(connection, written.round_id)
    )
    if round_.updated_at is None:  # no sign yet that its workflow runs
        try:
            await parts.temporal.start_round(round_.plan)
        except TemporalUnavailable as error:
            raise TemporalUnavailable(
                "the round is written down, but Temporal does not answer",
                hint="it starts by itself once Temporal answers; "
                "the same request with this Idempotency-Key shows it",
                idempotency_key=key,
                round_id=round_.round_id,
            ) from error
    response.headers["Location"] = f"/api/v1/rounds/{round_.round_id}"
    return RoundView.of(round_)


@router.get("", summary="List rounds, the newest first")
async def list_rounds(
    *,
    caller: Viewer,
    parts: Parts,
    after: After = None,
    limit: Limit = 50,
    pool: Annotated[str | None, Query(max_length=100)] = None,
    open: Annotated[bool, Query(description="Only those that have not ended.")] = False,  # noqa: A002 - the word that people use
) -> Page[RoundView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: rounds.list_rounds(
            connection,
            after=None if after is None else RoundId(after),
            limit=limit + 1,
            pool_id=None if pool is None else PoolId(pool),
            only_open=open,
        )
    )
    return Page(
        items=[RoundView.of(round_) for round_ in found[:limit]],
        next=found[limit - 1].round_id if len(found) > limit else None,
    )


@router.get("/{round_id}", summary="Where a round stands")
async def get_round(round_id: str, caller: Viewer, parts: Parts) -> RoundView:
    del caller

    def look(connection: Connection) -> RoundView:
        round_ = rounds.get_round(connection, RoundId(round_id))
        return RoundView.of(round_, tasks.backlog(connection, round_.round_id))

    return await parts.in_transaction(look)


@router.get("/{round_id}/progress", summary="How a round gets on, in figures")
async def get_progress(round_id: str, caller: Viewer, parts: Parts) -> Progress:
    """What waits and for how long, the pace and the end that it leads to, and what has been
    concluded. To people who still review here, nothing that others have said is told."""

    def look(connection: Connection) -> Progress:
        round_ = rounds.get_round(connection, RoundId(round_id))
        found = progress_of(connection, round_, datetime.now(UTC))
        return unsaid(found) if is_blind(caller.permissions, round_) else found

    return await parts.in_transaction(look)


@router.get("/{round_id}/batch", summary="The records that the round selected, and why")
async def get_batch(
    round_id: str,
    caller: Viewer,
    parts: Parts,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
    limit: Limit = 100,
) -> Page[BatchRecord]:
    del caller

    def read(connection: Connection) -> Page[BatchRecord]:
        known = rounds.get_round(connection, RoundId(round_id)).round_id
        found = rounds.get_batch(connection, known, after=after, limit=limit + 1)
        return Page(
            items=[BatchRecord.of(row) for row in found[:limit]],
            next=str(found[limit - 1].selection.ordinal) if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


@router.get("/{round_id}/outcomes", summary="What the round concludes, with the reviews behind it")
async def list_outcomes(
    round_id: str, caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[OutcomeView]:
    del caller

    def read(connection: Connection) -> Page[OutcomeView]:
        known = rounds.get_round(connection, RoundId(round_id)).round_id
        found = reviews.outcomes_of(
            connection,
            known,
            after=None if after is None else RecordId(after),
            limit=limit + 1,
        )
        shown = found[:limit]
        records = [decided.outcome.record_id for decided in shown]
        behind = reviews.reviews_by_record(connection, known, records)
        return Page(
            items=[OutcomeView.of(each, behind[each.outcome.record_id]) for each in shown],
            next=shown[-1].outcome.record_id if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


@router.get(
    "/{round_id}/doubtful-reviews", summary="Reviews by people whose answers are not relied on"
)
async def list_doubtful(round_id: str, caller: Viewer, parts: Parts) -> list[DoubtfulReview]:
    """To be looked at again: a rejection of the dataset may name their records."""
    del caller

    def read(connection: Connection) -> list[DoubtfulReview]:
        known = rounds.get_round(connection, RoundId(round_id)).round_id
        return gold.doubtful_reviews(connection, known)

    return await parts.in_transaction(read)


@router.get("/{round_id}/evaluations", summary="What the round's labels were worth, by name")
async def get_evaluations(round_id: str, caller: Viewer, parts: Parts) -> dict[str, Document]:
    del caller

    def read(connection: Connection) -> dict[str, Document]:
        known = rounds.get_round(connection, RoundId(round_id)).round_id
        return models.evaluations_of(connection, known)

    return await parts.in_transaction(read)


def _write_down(
    connection: Connection, body: RoundBody, caller: Caller, parts: State
) -> _WrittenDown:
    plan = parts.signer.sign_plan(plan_round(connection, body, caller))
    # In one transaction with the plan: its workflow knows the key before it looks at the plan.
    signing_keys.make_known(connection, parts.signer.public_key)
    return _WrittenDown(round_id=rounds.create_round(connection, plan).round_id)
