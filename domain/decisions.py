"""The rules by which an approval, a decision about a batch or a cancellation counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from domain.canonical import Sha256, canonical
from domain.duties import batch_conflict, check_duties, dataset_conflict
from domain.errors import LabelwrightError
from domain.ids import AccountId, RoundId
from domain.messages import malformed
from domain.policy import SamplingPolicy
from domain.policy_rules import faults
from domain.rounds import ApprovalDecided, Batch, BatchAction, BatchDecided, CancelRequested

MAX_POLICY_BYTES = 200_000
"""Every step of the round is told the policy, within what Temporal accepts as one message."""


def approval_refusal(
    decision: ApprovalDecided,
    *,
    round_id: RoundId,
    waiting: Sha256 | None,
    requested_by: AccountId,
    handled: Collection[str],
    answered_by: Collection[AccountId] = (),
) -> str | None:
    """Why the decision changes nothing; none when it counts. `waiting` is the dataset's digest.

    `answered_by`: whoever reviewed or adjudicated in the round.
    """
    if (why_not := malformed(decision) or _astray(decision, round_id, handled)) is not None:
        return why_not
    if waiting is None:
        return "the round does not wait for approval"
    if decision.dataset_digest != waiting:
        return "the decision cites another dataset than the one that waits"
    conflict = dataset_conflict(
        decision.actor.account_id, requested_by=requested_by, answered_by=answered_by
    )
    return _duties_refusal(decision, conflict)


def batch_refusal(
    decision: BatchDecided,
    *,
    round_id: RoundId,
    waiting: Batch | None,
    requested_by: AccountId,
    handled: Collection[str],
    policy_author: str = "",
) -> str | None:
    """Why the decision changes nothing; none when it counts. `waiting` is the batch that is held,
    `policy_author` wrote the policy that selected it.

    Whether somebody approved the policy is not known here: the API looks that up.
    """
    sent = replace(decision, policy=None)  # a policy has rules of its own
    if (why_not := malformed(sent) or _astray(decision, round_id, handled)) is not None:
        return why_not
    if waiting is None:
        return "the round does not wait for a decision about its batch"
    if decision.batch_digest != waiting.digest:
        return "the decision cites another batch than the one that waits"
    if not decision.reason.strip():
        return "the decision gives no reason"
    conflict = batch_conflict(
        decision.actor.account_id,
        requested_by=requested_by,
        policy_author=policy_author,
        new_author=decision.policy_author,
    )
    return _duties_refusal(decision, conflict) or _action_refusal(decision, waiting)


def _action_refusal(decision: BatchDecided, waiting: Batch) -> str | None:
    match decision.action:
        case BatchAction.AMEND:
            return _policy_refusal(decision.policy, instead_of=waiting.policy_digest)
        case BatchAction.ACCEPT if decision.policy is not None:
            return "only an amendment names a policy"
        case BatchAction.ACCEPT if waiting.records == 0:
            return "nothing is selected, so there is nothing to accept"
        case BatchAction.ACCEPT:
            return None


def _policy_refusal(policy: SamplingPolicy | None, *, instead_of: Sha256) -> str | None:
    if policy is None:
        return "an amendment names the policy to select by"
    if len(canonical(policy)) > MAX_POLICY_BYTES:
        return f"the policy is larger than {MAX_POLICY_BYTES:,} bytes"
    if any(faults(policy)):
        return "the policy cannot be followed"
    if policy.digest == instead_of:
        return "the policy is the one by which the batch was selected"
    return None


def _astray(
    decision: ApprovalDecided | BatchDecided, round_id: RoundId, handled: Collection[str]
) -> str | None:
    if decision.round_id != round_id:
        return "the decision is about another round"
    if decision.decision_id in handled:
        return "duplicate: this decision was handled before"
    return None


def _duties_refusal(decision: ApprovalDecided | BatchDecided, conflict: str | None) -> str | None:
    try:
        check_duties(conflict, break_glass=decision.break_glass, reason=decision.reason)
    except LabelwrightError as error:
        return error.message
    return None


def cancellation_refusal(request: CancelRequested, *, round_id: RoundId) -> str | None:
    """Why the request cannot cancel this round; none when it can."""
    if (why_not := malformed(request)) is not None:
        return why_not
    return None if request.round_id == round_id else "the request is about another round"
