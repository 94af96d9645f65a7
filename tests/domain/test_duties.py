"""Who may not decide because of another part of theirs, and what breaking the glass takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.accounts import GRANTS, SYSTEM, Actor, Permission, Role, permissions
from domain.canonical import Sha256
from domain.decisions import approval_refusal, batch_refusal
from domain.directing import Direction
from domain.duties import MIN_BREAK_GLASS_REASON, batch_conflict
from domain.ids import AccountId, RoundId
from domain.reviewing import ReviewRules
from domain.rounds import ApprovalDecided, Batch, BatchAction, BatchDecided
from domain.selections import Findings
from domain.shards import Shard
from tests.domain.shard_world import AT, adjudication, direction, open_shard, review, undo

LENIENT = ReviewRules(undo_seconds=60.0)
LONG_ENOUGH = "the only other approver is in hospital"
DIGEST = Sha256("1" * 64)
ANN, BOB, CID = AccountId("ann"), AccountId("bob"), AccountId("cid")


def approval(who: str, **changes: object) -> ApprovalDecided:
    decision = ApprovalDecided(
        decision_id="d",
        round_id=RoundId("r"),
        approved=True,
        dataset_digest=DIGEST,
        reason="",
        actor=Actor(account_id=AccountId(who), name=who, authenticated_by="token"),
        submitted_at=AT,
    )
    return replace(decision, **changes)  # type: ignore[arg-type]


def refused(decision: ApprovalDecided) -> str | None:
    return approval_refusal(
        decision,
        round_id=RoundId("r"),
        waiting=DIGEST,
        requested_by=ANN,
        handled=(),
        answered_by={BOB},
    )


def test_who_reviewed_or_adjudicated_in_a_round_does_not_decide_about_its_dataset() -> None:
    assert refused(approval("cid")) is None
    for approved in (True, False):
        decision = approval("bob", approved=approved, reason="so")
        assert "you reviewed or adjudicated" in (refused(decision) or "")


def test_who_wrote_a_policy_neither_accepts_the_batch_that_failed_it_nor_amends() -> None:
    assert batch_conflict(CID, requested_by=ANN, policy_author=BOB, new_author=ANN) is None
    assert batch_conflict(ANN, requested_by=ANN, policy_author=BOB) is not None
    assert batch_conflict(BOB, requested_by=ANN, policy_author=BOB) is not None
    assert batch_conflict(CID, requested_by=ANN, policy_author=BOB, new_author=CID) is not None


def test_the_author_of_the_policy_in_force_is_refused_by_the_round_itself() -> None:
    waiting = Batch(
        digest=DIGEST,
        artifact=DIGEST,
        records=8,
        arms={},
        findings=Findings(excluded={}),
        policy_digest=DIGEST,
    )
    decision = BatchDecided(
        decision_id="d",
        round_id=RoundId("r"),
        action=BatchAction.ACCEPT,
        batch_digest=DIGEST,
        reason="it will do",
        actor=Actor(account_id=BOB, name="bob", authenticated_by="token"),
        submitted_at=AT,
    )
    known = {"round_id": RoundId("r"), "waiting": waiting, "requested_by": ANN, "handled": ()}
    assert batch_refusal(decision, **known, policy_author="cid") is None  # type: ignore[arg-type]
    why_not = batch_refusal(decision, **known, policy_author="bob")  # type: ignore[arg-type]
    assert why_not is not None
    assert "you wrote the policy" in why_not


def test_the_glass_is_broken_openly_with_a_reason_and_only_where_a_duty_stands_against() -> None:
    assert refused(approval("bob", break_glass=True, reason=LONG_ENOUGH)) is None
    assert refused(approval("ann", break_glass=True, reason=LONG_ENOUGH)) is None
    short = "x" * (MIN_BREAK_GLASS_REASON - 1)
    for reason in ("", short, short + " " * 80):
        why_not = refused(approval("bob", break_glass=True, reason=reason))
        assert "takes a reason" in (why_not or "")
    assert "no glass to break" in (
        refused(approval("cid", break_glass=True, reason=LONG_ENOUGH)) or ""
    )


def test_nobody_breaks_the_glass_by_a_role_that_they_have_for_something_else() -> None:
    able = {role for role, granted in GRANTS.items() if Permission.BREAK_GLASS in granted}
    assert able == {Role.BREAK_GLASS}
    assert permissions([Role.BREAK_GLASS]) == {Permission.BREAK_GLASS}, "and it allows nothing else"


@pytest.mark.parametrize("direction_", [Direction.DELEGATE, Direction.FORWARD])
def test_handing_a_task_on_lets_nobody_off_the_part_they_take(direction_: Direction) -> None:
    shard = open_shard(records=2)
    shard.direct(direction(0, 0, direction_, who="req"), AT)
    shard.review(review(0, 0, "cid", "cat"), AT)
    shard.review(review(0, 1, "ann", "dog"), AT)
    assert shard.answered_by == ("ann", "cid"), "whoever answered, not who was asked first"
    shard.adjudicate(adjudication(0, "cid", "cat"), AT)
    assert "must adjudicate it" in str(shard.ledger.entries[-1].decision.detail["refusal"])
    shard.direct(direction(1, 0, Direction.SKIP, who="bob"), AT)
    assert "bob" not in shard.answered_by, "to pass a task by is no answer"


def test_an_answer_that_was_taken_back_is_still_a_part() -> None:
    shard = open_shard(records=1, reviewing=LENIENT)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.undo(undo(0, "ann", "0-0-ann"), AT)
    shard.review(review(0, 1, "bob", "cat", review_id="refused", confidence=7.0), AT)
    assert shard.answered_by == ("ann",)
    assert Shard(shard.rules, shard.state).answered_by == ("ann",), "also in a later run"


def test_a_forged_message_is_written_down_and_bars_no_other_of_its_id() -> None:
    shard = open_shard(records=1)
    before = shard.state
    shard.forged("review", review(0, 0, "ann", "cat"), AT, why="it is not signed")
    decision = shard.ledger.entries[-1].decision
    assert (decision.kind, decision.actor) == ("message_forged", SYSTEM)
    assert decision.detail["claimed_account"] == "ann"
    assert shard.state.progress == before.progress
    assert (shard.answered_by, shard.refused) == ((), 1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    assert shard.ledger.entries[-1].decision.kind == "review_accepted"
