"""The rules by which an approval or a cancellation counts."""

from __future__ import annotations

from collections.abc import Collection

from domain.accounts import check_approver
from domain.canonical import Sha256
from domain.errors import DutiesNotSeparate
from domain.ids import AccountId, RoundId
from domain.messages import malformed
from domain.rounds import ApprovalDecided, CancelRequested


def approval_refusal(
    decision: ApprovalDecided,
    *,
    round_id: RoundId,
    waiting: Sha256 | None,
    requested_by: AccountId,
    handled: Collection[str],
) -> str | None:
    """Why the decision changes nothing; none when it counts. `waiting` is the dataset's digest."""
    if (why_not := malformed(decision)) is not None:
        return why_not
    if decision.round_id != round_id:
        return "the decision is about another round"
    if decision.decision_id in handled:
        return "duplicate: this decision was handled before"
    if waiting is None:
        return "the round does not wait for approval"
    if decision.dataset_digest != waiting:
        return "the decision cites another dataset than the one that waits"
    try:
        check_approver(decision.actor.account_id, requested_by=requested_by)
    except DutiesNotSeparate as error:
        return error.message
    return None


def cancellation_refusal(request: CancelRequested, *, round_id: RoundId) -> str | None:
    """Why the request cannot cancel this round; none when it can."""
    if (why_not := malformed(request)) is not None:
        return why_not
    return None if request.round_id == round_id else "the request is about another round"
