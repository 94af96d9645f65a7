"""What a person decides about a batch that failed a gate of its policy."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.deciding import author_in_force, check_separate, write_down
from api.pinning import pinned_policy
from api.schemas.body import IdempotencyKey
from api.schemas.decisions import BatchDecisionBody
from api.schemas.rounds import Decided
from api.state import Parts
from api.temporal import WorkflowEnded
from domain.accounts import Permission
from domain.canonical import Sha256
from domain.duties import batch_conflict
from domain.errors import (
    InvalidInput,
    NotAwaitingBatchDecision,
    StaleBatchDecision,
)
from domain.ids import RoundId
from domain.rounds import BatchAction, BatchDecided, Phase
from storage import rounds

router = APIRouter(prefix="/api/v1/rounds", tags=["rounds"])

Approver = Annotated[Caller, Depends(allowing(Permission.APPROVE))]


@router.post(
    "/{round_id}/batch-decision",
    status_code=202,
    summary="Accept a batch that failed a gate, or select again by another policy",
)
async def decide_batch(
    round_id: str,
    body: BatchDecisionBody,
    caller: Approver,
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
) -> Decided:
    """Cites the digest of the batch that was looked at. To give the round up, cancel it."""
    decided, first = await write_down(
        parts,
        caller=caller,
        what="batch-decision",
        round_id=RoundId(round_id),
        body=body,
        decision_id=str(body.decision_id or uuid4()),
        idempotency_key=idempotency_key,
        check=lambda connection: _check(connection, RoundId(round_id), body, caller),
    )
    decision = await parts.in_transaction(
        lambda connection: _message(connection, body, caller, decided)
    )
    try:
        await parts.temporal.decide_batch(decided.round_id, decision)
    except WorkflowEnded as error:
        if first:
            raise NotAwaitingBatchDecision("the round has ended") from error
    return decided


def _message(
    connection: Connection, body: BatchDecisionBody, caller: Caller, decided: Decided
) -> BatchDecided:
    governed = None if body.policy is None else pinned_policy(connection, body.policy)
    approval = None if governed is None else governed.approval
    return BatchDecided(
        decision_id=decided.decision_id,
        round_id=decided.round_id,
        action=body.action,
        batch_digest=Sha256(body.batch_digest),
        reason=body.reason,
        actor=caller.actor,
        submitted_at=decided.received_at,
        policy=None if governed is None else governed.policy,
        policy_approved_by="" if approval is None else approval.account_id,
        policy_approved_at="" if approval is None else approval.at,
        policy_author="" if governed is None else governed.author,
        break_glass=body.break_glass,
    )


def _check(
    connection: Connection, round_id: RoundId, body: BatchDecisionBody, caller: Caller
) -> None:
    """Raises NotFound, NotAllowed, DutiesNotSeparate, GlassNotBroken, NotAwaitingBatchDecision,
    StaleBatchDecision, InvalidInput, PolicyNotApproved."""
    round_ = rounds.get_round(connection, round_id)
    conflict = batch_conflict(
        caller.account_id,
        requested_by=round_.plan.requested_by.account_id,
        policy_author=author_in_force(connection, round_),
        new_author="" if body.policy is None else pinned_policy(connection, body.policy).author,
    )
    check_separate(caller, conflict, break_glass=body.break_glass, reason=body.reason)
    waiting = (round_.awaiting or {}).get("batch_digest")
    if round_.phase is not Phase.CHECKING or waiting is None:
        raise NotAwaitingBatchDecision(
            f"no decision about the batch is wanted: the round is {round_.phase}",
            phase=round_.phase,
        )
    if body.batch_digest != waiting:
        raise StaleBatchDecision(
            "this decision cites another batch than the one that waits",
            hint="look at the round again and decide about the batch that it shows",
            waiting=waiting,
            cited=body.batch_digest,
        )
    batch = round_.summary["batch"]
    if body.action is BatchAction.ACCEPT and batch["records"] == 0:
        raise InvalidInput(
            "nothing is selected, so there is nothing to accept",
            hint="name another policy, or cancel the round",
        )
    if body.policy is not None:
        governed = pinned_policy(connection, body.policy)
        if governed.policy.digest == batch["policy_digest"]:
            raise InvalidInput(
                f"the batch was selected by {body.policy}: the same policy selects the same",
                hint="name another policy, or accept the batch",
            )
