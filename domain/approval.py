"""The rule by which an approval counts."""

from __future__ import annotations

from collections.abc import Collection

from domain.accounts import check_approver
from domain.canonical import Sha256
from domain.errors import DutiesNotSeparate
from domain.ids import AccountId
from domain.rounds import ApprovalDecided


def refusal(
    decision: ApprovalDecided,
    *,
    waiting: Sha256 | None,
    requested_by: AccountId,
    handled: Collection[str],
) -> str | None:
    """Why the decision changes nothing; none when it counts. `waiting` is the dataset's digest."""
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
