"""Separation of duties: whose part in a round stands against which decision (docs/duties.md).

After the four-eyes principle of ISO/IEC 27002:2022, 5.3. In an emergency somebody may **break the
glass**: decide all the same, openly, with a reason, as access to patient records in an emergency
does (HIPAA, 45 CFR 164.312(a)(2)(ii)).
"""

from __future__ import annotations

from collections.abc import Collection

from domain.accounts import check_approver
from domain.errors import DutiesNotSeparate, GlassNotBroken
from domain.ids import AccountId

MIN_BREAK_GLASS_REASON = 20
"""Characters: enough that “urgent” alone does not do."""


def dataset_conflict(
    approver: AccountId, *, requested_by: AccountId, answered_by: Collection[AccountId] = ()
) -> str | None:
    """Which part of theirs stands against deciding about a round's dataset; none when none does.

    `answered_by`: everybody who reviewed or adjudicated a record of the round, answers that were
    taken back included.
    """
    if approver in answered_by:
        return "you reviewed or adjudicated in this round, so another person must approve it"
    return _requester_conflict(approver, requested_by, "approve its dataset")


def batch_conflict(
    decider: AccountId,
    *,
    requested_by: AccountId,
    policy_author: str | None = None,
    new_author: str | None = None,
) -> str | None:
    """Which part of theirs stands against deciding about a batch that failed its policy's gates.

    `policy_author` wrote the policy that selected it, `new_author` the one that an amendment names.
    """
    if decider == policy_author:
        return "you wrote the policy that selected this batch, so another person must decide"
    if decider == new_author:
        return "you wrote the policy that you name, so another person must amend by it"
    return _requester_conflict(decider, requested_by, "decide about its batch")


def check_duties(conflict: str | None, *, break_glass: bool, reason: str) -> None:
    """Lets a decision pass against which no duty stands, or one for which the glass is broken.

    Raises DutiesNotSeparate, and GlassNotBroken where the emergency is none, or says too little.
    """
    if not break_glass:
        if conflict is not None:
            raise DutiesNotSeparate(
                conflict,
                hint="who has the role break_glass as well may decide in an emergency, openly: "
                "break_glass with a reason",
            )
        return
    if conflict is None:
        raise GlassNotBroken(
            "no duty stands against this decision, so there is no glass to break",
            hint="decide without break_glass",
        )
    if len(reason.strip()) < MIN_BREAK_GLASS_REASON:
        raise GlassNotBroken(
            f"breaking the glass takes a reason of {MIN_BREAK_GLASS_REASON} characters or more",
            hint="say what the emergency is, and why nobody else can decide",
        )


def _requester_conflict(actor: AccountId, requested_by: AccountId, what: str) -> str | None:
    try:
        check_approver(actor, requested_by=requested_by, what=what)
    except DutiesNotSeparate as error:
        return error.message
    return None
