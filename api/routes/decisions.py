"""What people decide about a running round: approval, cancellation, how long reviewing takes."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.deciding import check_separate, write_down
from api.schemas.body import IdempotencyKey
from api.schemas.decisions import ApprovalBody, CancellationBody, ClosingBody, DeadlineBody
from api.schemas.rounds import Decided
from api.state import Parts
from api.temporal import WorkflowEnded
from domain.accounts import Permission, require
from domain.canonical import Sha256
from domain.duties import dataset_conflict
from domain.errors import Conflict, InvalidInput, NotAwaitingApproval, StaleApproval
from domain.ids import RecordId, RoundId
from domain.policy import MAX_BATCH
from domain.reviews import ClosingRequested, DeadlineExtended
from domain.rounds import ENDED, ApprovalDecided, CancelRequested, Phase
from storage import reviews, rounds, tasks

router = APIRouter(prefix="/api/v1/rounds", tags=["rounds"])

Approver = Annotated[Caller, Depends(allowing(Permission.APPROVE))]
Starter = Annotated[Caller, Depends(allowing(Permission.START_ROUND))]
Canceller = Annotated[Caller, Depends(allowing(Permission.START_ROUND, Permission.APPROVE))]


@router.post("/{round_id}/approval", status_code=202, summary="Approve the dataset, or reject it")
async def decide_approval(
    round_id: str,
    body: ApprovalBody,
    caller: Approver,
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    """Cites the digest of the dataset that the approver has seen; no other is approved.

    Who asked for the round, or reviewed or adjudicated in it, decides only with `break_glass`.
    """
    decided, first = await write_down(
        parts,
        caller=caller,
        what="approval",
        round_id=RoundId(round_id),
        body=body,
        decision_id=str(body.decision_id or uuid4()),
        idempotency_key=idempotency_key,
        check=lambda connection: _check_approval(connection, RoundId(round_id), body, caller),
    )
    decision = ApprovalDecided(
        decision_id=decided.decision_id,
        round_id=decided.round_id,
        approved=body.approved,
        dataset_digest=Sha256(body.dataset_digest),
        reason=body.reason,
        actor=caller.actor,
        submitted_at=decided.received_at,
        records=tuple(RecordId(record) for record in body.records),
        break_glass=body.break_glass,
    )
    try:
        await parts.temporal.decide_approval(decided.round_id, decision)
    except WorkflowEnded as error:
        if first:
            raise NotAwaitingApproval("the round has ended") from error
    return decided


@router.post("/{round_id}/cancellation", status_code=202, summary="Cancel a round")
async def cancel_round(
    round_id: str,
    body: CancellationBody,
    caller: Canceller,
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    """Nothing stays half-published. Once publishing has begun it is too late, and recorded so.

    Whoever may start rounds may cancel them; while a batch is held, so may those who decide
    about it.
    """
    decided, first = await write_down(
        parts,
        caller=caller,
        what="cancellation",
        round_id=RoundId(round_id),
        body=body,
        decision_id=str(body.request_id or uuid4()),
        idempotency_key=idempotency_key,
        check=lambda connection: _check_cancellable(connection, RoundId(round_id), caller),
    )
    request = CancelRequested(
        request_id=decided.decision_id,
        round_id=decided.round_id,
        reason=body.reason,
        actor=caller.actor,
        submitted_at=decided.received_at,
    )
    try:
        await parts.temporal.cancel_round(decided.round_id, request)
    except WorkflowEnded as error:
        if first:
            raise Conflict("the round has ended, so there is nothing to cancel") from error
    return decided


@router.post("/{round_id}/deadline", status_code=202, summary="Give reviewing more time")
async def extend_deadline(
    round_id: str,
    body: DeadlineBody,
    caller: Starter,
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    decided, _ = await write_down(
        parts,
        caller=caller,
        what="deadline",
        round_id=RoundId(round_id),
        body=body,
        decision_id=str(body.request_id or uuid4()),
        idempotency_key=idempotency_key,
        check=lambda connection: _check_reviewing(connection, RoundId(round_id)),
    )
    extension = DeadlineExtended(
        request_id=decided.decision_id,
        round_id=decided.round_id,
        seconds=body.seconds,
        reason=body.reason,
        actor=caller.actor,
        submitted_at=decided.received_at,
    )
    shards = await parts.in_transaction(
        lambda connection: tasks.live_shards(connection, decided.round_id)
    )
    for shard in shards:
        try:
            await parts.temporal.extend_deadline(decided.round_id, shard, extension)
        except WorkflowEnded:
            continue  # it has settled its records meanwhile and needs no more time
    return decided


@router.post("/{round_id}/closing", status_code=202, summary="End reviewing now")
async def close_reviewing(
    round_id: str,
    body: ClosingBody,
    caller: Starter,
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    """What is settled counts; every record that nobody has settled is held, and the round goes on
    to its approval."""
    decided, _ = await write_down(
        parts,
        caller=caller,
        what="closing",
        round_id=RoundId(round_id),
        body=body,
        decision_id=str(body.request_id or uuid4()),
        idempotency_key=idempotency_key,
        check=lambda connection: _check_reviewing(connection, RoundId(round_id)),
    )
    closing = ClosingRequested(
        request_id=decided.decision_id,
        round_id=decided.round_id,
        reason=body.reason,
        actor=caller.actor,
        submitted_at=decided.received_at,
    )
    shards = await parts.in_transaction(
        lambda connection: tasks.shards_of(connection, decided.round_id)
    )
    for shard in shards:
        try:
            await parts.temporal.close_shard(decided.round_id, shard, closing)
        except WorkflowEnded:
            continue  # it has settled its records before
    return decided


def _check_approval(
    connection: Connection, round_id: RoundId, body: ApprovalBody, caller: Caller
) -> None:
    """Raises NotFound, NotAllowed, DutiesNotSeparate, GlassNotBroken, NotAwaitingApproval,
    StaleApproval, InvalidInput."""
    round_ = rounds.get_round(connection, round_id)
    conflict = dataset_conflict(
        caller.account_id,
        requested_by=round_.plan.requested_by.account_id,
        answered_by=reviews.answered_by(connection, round_id),
    )
    check_separate(caller, conflict, break_glass=body.break_glass, reason=body.reason)
    waiting = (round_.awaiting or {}).get("dataset_digest")
    if round_.phase is not Phase.APPROVAL or waiting is None:
        raise NotAwaitingApproval(
            f"the round does not wait for approval: it is {round_.phase}", phase=round_.phase
        )
    if body.dataset_digest != waiting:
        raise StaleApproval(
            "this decision cites another dataset than the one that waits",
            hint="look at the round again and decide about the dataset that it shows",
            waiting=waiting,
            cited=body.dataset_digest,
        )
    if body.records:
        batch = rounds.get_batch(connection, round_id, limit=MAX_BATCH)
        unknown = set(body.records) - {row.selection.record_id for row in batch}
        if unknown:
            raise InvalidInput(
                f"{len(unknown)} of the records are not in this round's batch",
                records=sorted(unknown)[:20],
            )


def _check_cancellable(connection: Connection, round_id: RoundId, caller: Caller) -> None:
    round_ = rounds.get_round(connection, round_id)
    if round_.phase is not Phase.CHECKING:
        require(caller.roles, Permission.START_ROUND)
    if round_.phase in ENDED:
        raise Conflict(f"the round is {round_.phase} already", phase=round_.phase)


def _check_reviewing(connection: Connection, round_id: RoundId) -> None:
    round_ = rounds.get_round(connection, round_id)
    if round_.phase is not Phase.REVIEWING:
        raise Conflict(f"nobody is reviewing: the round is {round_.phase}", phase=round_.phase)
