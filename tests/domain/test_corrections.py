"""Taking an answer back, correcting it, asking more people: a record is weighed anew each time."""

from __future__ import annotations

import pytest

from domain.ids import Timestamp
from domain.moments import later
from domain.outcomes import How
from domain.reviewing import ReviewRules
from domain.reviews import Verdict, VerdictKind
from domain.shards import Shard
from domain.tasks import ReviewStatus, TaskKind
from tests.domain.shard_world import (
    AT,
    DAY,
    adjudication,
    closing,
    label,
    open_shard,
    review,
    undo,
)

SOON = later(AT, 59.0)
LATE = later(AT, 60.0)
ESCALATED = Verdict(kind=VerdictKind.ESCALATE)


def differing() -> Shard:
    """One record, of which Ann and Bob say different things."""
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    shard.drain(AT)
    return shard


def agreed() -> Shard:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.drain(AT)
    return shard


def last_refusal(shard: Shard) -> str:
    return str(shard.ledger.entries[-1].decision.detail["refusal"])


# -- undo -------------------------------------------------------------------------------------


def test_an_answer_taken_back_in_time_leaves_its_slot_to_another_answer() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.drain(AT)
    shard.undo(undo(0, "ann", "0-0-ann"), SOON)
    [retracted] = shard.drain(SOON).retracted
    assert (retracted.review_id, retracted.status) == ("0-0-ann", ReviewStatus.UNDONE)
    shard.review(review(0, 0, "ann", "dog", review_id="second"), SOON)
    shard.review(review(0, 1, "bob", "dog"), SOON)
    assert [outcome.verdict for outcome in shard.outcomes] == [label("dog")]


def test_taking_back_what_settled_a_record_takes_its_outcome_back() -> None:
    shard = agreed()
    shard.undo(undo(0, "bob", "0-1-bob"), SOON)
    assert shard.outcomes == []
    assert shard.drain(SOON).withdrawn == ("record-0",)


def test_taking_back_what_made_reviewers_differ_takes_the_adjudication_back() -> None:
    shard = differing()
    shard.undo(undo(0, "bob", "0-1-bob"), SOON)
    [closed] = shard.drain(SOON).closed
    assert closed.task_id.endswith("adjudication")
    shard.adjudicate(adjudication(0, "eve", "dog"), SOON)
    assert last_refusal(shard) == "the task is not open"
    shard.review(review(0, 1, "bob", "cat", review_id="second"), SOON)
    assert shard.settled


def test_an_adjudication_that_was_taken_back_opens_again_when_reviewers_differ_again() -> None:
    shard = differing()
    shard.undo(undo(0, "bob", "0-1-bob"), SOON)
    shard.drain(SOON)
    shard.review(review(0, 1, "bob", "dog", review_id="second"), SOON)
    [opened] = shard.drain(SOON).opened
    assert opened.kind is TaskKind.ADJUDICATION


def test_once_an_adjudicator_has_settled_a_record_no_review_is_taken_back() -> None:
    shard = differing()
    shard.adjudicate(adjudication(0, "eve", "dog"), AT)
    shard.undo(undo(0, "bob", "0-1-bob"), SOON)
    assert last_refusal(shard) == "late: an adjudicator has settled the record"
    assert shard.settled


def test_an_adjudicator_may_take_a_decision_back_and_decide_otherwise() -> None:
    shard = differing()
    shard.adjudicate(adjudication(0, "eve", "dog"), AT)
    shard.undo(undo(0, "eve", "0-adjudication-eve"), SOON)
    assert not shard.settled
    shard.adjudicate(adjudication(0, "eve", "cat", review_id="second"), SOON)
    assert [outcome.verdict for outcome in shard.outcomes] == [label("cat")]


@pytest.mark.parametrize(
    ("who", "at", "why"),
    [
        ("bob", SOON, "only who gave an answer takes it back"),
        ("ann", LATE, "late: the time to take it back is over"),
    ],
)
def test_an_answer_stands_for_others_and_after_its_time(who: str, at: Timestamp, why: str) -> None:
    shard = agreed()
    shard.undo(undo(0, who, "0-0-ann", asked=at), at)
    assert last_refusal(shard) == why
    assert shard.settled


def test_an_answer_that_was_taken_back_in_time_does_not_stand_however_late_a_worker_hears() -> None:
    shard = agreed()
    shard.undo(undo(0, "ann", "0-0-ann", asked=SOON), later(AT, DAY))
    assert [each.status for each in shard.drain(LATE).retracted] == [ReviewStatus.UNDONE]
    assert not shard.settled


def test_nobody_is_quick_enough_where_nothing_may_be_taken_back() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(undo_seconds=0.0))
    shard.review(review(0, 0, "ann", "cat"), SOON)
    shard.undo(undo(0, "ann", "0-0-ann", asked=AT), SOON)
    assert last_refusal(shard) == "late: the time to take it back is over"


def test_an_answer_is_taken_back_once() -> None:
    shard = agreed()
    shard.undo(undo(0, "ann", "0-0-ann"), SOON)
    shard.undo(undo(0, "ann", "0-0-ann"), SOON)
    assert last_refusal(shard).startswith("duplicate")
    shard.undo(undo(0, "ann", "0-0-ann", request_id="another"), SOON)
    assert last_refusal(shard) == "no answer to this record with that id stands"


def test_who_took_a_review_back_still_does_not_adjudicate() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "eve", "cat"), AT)
    shard.undo(undo(0, "eve", "0-0-eve"), SOON)
    shard.review(review(0, 0, "ann", "cat"), SOON)
    shard.review(review(0, 1, "bob", "dog"), SOON)
    shard.adjudicate(adjudication(0, "eve", "cat"), SOON)
    assert last_refusal(shard) == "you reviewed this record, so another person must adjudicate it"


def test_a_shard_stays_until_its_last_answer_cannot_be_taken_back() -> None:
    shard = agreed()
    assert shard.settled
    assert shard.next_due == LATE
    assert not shard.finished(SOON)
    assert shard.finished(LATE)


def test_a_shard_without_undo_finishes_at_once() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(undo_seconds=0.0))
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "cat"), AT)
    assert shard.finished(AT)


# -- correction -------------------------------------------------------------------------------


def test_a_correction_takes_the_place_of_the_review_and_both_are_kept() -> None:
    shard = differing()
    correction = review(0, 1, "bob", "cat", review_id="better", corrects="0-1-bob")
    shard.review(correction, later(AT, DAY))
    projection = shard.drain(LATE)
    assert [(each.review_id, each.status) for each in projection.retracted] == [
        ("0-1-bob", ReviewStatus.CORRECTED)
    ]
    assert [each.message.corrects for each in projection.reviews] == ["0-1-bob"]
    [outcome] = shard.outcomes
    assert (outcome.verdict, outcome.how, outcome.reviews) == (label("cat"), How.AGREEMENT, 2)


def test_a_correction_can_unsettle_a_record() -> None:
    shard = agreed()
    shard.review(review(0, 0, "ann", "dog", review_id="better", corrects="0-0-ann"), LATE)
    assert not shard.settled
    assert [each.kind for each in shard.drain(LATE).opened] == [TaskKind.ADJUDICATION]


@pytest.mark.parametrize("cancelled", [False, True])
def test_once_reviewing_has_ended_nothing_that_was_said_changes(cancelled: bool) -> None:  # noqa: FBT001
    """Whether its outcomes are being stored or its tasks were withdrawn."""
    shard = agreed()
    if cancelled:
        shard.withdraw(SOON, reason="cancelled")
    else:
        shard.end()
    before = shard.outcomes
    shard.review(review(0, 0, "ann", "dog", review_id="better", corrects="0-0-ann"), SOON)
    assert last_refusal(shard) == "late: reviewing has ended"
    shard.undo(undo(0, "bob", "0-1-bob"), SOON)
    assert last_refusal(shard) == "late: reviewing has ended"
    assert shard.outcomes == before
    assert shard.drain(SOON).opened == ()


def test_what_an_adjudicator_settled_stands_though_a_reviewer_corrects() -> None:
    shard = differing()
    shard.adjudicate(adjudication(0, "eve", "dog"), AT)
    before = shard.outcomes
    shard.review(review(0, 1, "bob", "cat", review_id="better", corrects="0-1-bob"), LATE)
    assert shard.outcomes == before
    assert [given.review_id for _, given in shard.given] == ["0-0-ann", "better"]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (review(0, 0, "bob", "cat", review_id="x", corrects="0-0-ann"), "only who gave a review"),
        (review(0, 1, "ann", "cat", review_id="x", corrects="0-0-ann"), "a correction answers"),
        (review(0, 0, "ann", "cat", review_id="x", corrects="nothing"), "no answer to this record"),
    ],
)
def test_a_correction_that_does_not_fit_changes_nothing(message: object, why: str) -> None:
    shard = agreed()
    shard.review(message, LATE)  # type: ignore[arg-type]
    assert last_refusal(shard).startswith(why)


def test_of_a_record_that_is_held_nothing_changes_any_more() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.close(closing(), SOON)
    shard.undo(undo(0, "ann", "0-0-ann"), SOON)
    assert last_refusal(shard) == "late: the record is held"
    shard.review(review(0, 0, "ann", "dog", review_id="x", corrects="0-0-ann"), SOON)
    assert last_refusal(shard) == "late: the record is held"
    assert shard.finished(SOON)


# -- further reviews, escalation, confidence, reasons ------------------------------------------


def test_differing_reviewers_are_followed_by_another_before_an_adjudicator() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(extra_reviews=1))
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    [opened] = [each for each in shard.drain(AT).opened if each.slot == 2]
    assert opened.kind is TaskKind.REVIEW
    shard.review(review(0, 2, "cid", "dog"), AT)
    [outcome] = shard.outcomes
    assert (outcome.verdict, outcome.how) == (label("dog"), How.CONSENSUS)
    assert (outcome.label_confidence, outcome.reviews) == (0.666667, 3)


def test_at_the_cap_an_adjudicator_decides() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(extra_reviews=1))
    excluded = Verdict(kind=VerdictKind.UNUSABLE_AMBIGUITY)
    for slot, who, verdict in ((0, "ann", "cat"), (1, "bob", "dog"), (2, "cid", excluded)):
        shard.review(review(0, slot, who, verdict), AT)
    assert not shard.settled
    shard.review(review(0, 3, "dan", "dog"), AT)
    assert last_refusal(shard) == "the task is not an review of this record"
    shard.adjudicate(adjudication(0, "eve", "dog"), AT)
    assert shard.settled


def test_an_extra_review_is_not_wanted_once_what_called_for_it_is_taken_back() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(extra_reviews=1))
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    shard.drain(AT)
    shard.undo(undo(0, "ann", "0-0-ann"), SOON)
    assert [each.task_id[-8:] for each in shard.drain(SOON).closed] == ["review-2"]


def test_an_escalation_asks_an_adjudicator_at_once_and_reviews_count_until_the_decision() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(extra_reviews=2))
    shard.drain(AT)
    shard.review(review(0, 0, "ann", ESCALATED), AT)
    assert [each.kind for each in shard.drain(AT).opened] == [TaskKind.ADJUDICATION]
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.adjudicate(adjudication(0, "eve", "cat"), AT)
    [outcome] = shard.outcomes
    assert (outcome.how, outcome.reviews) == (How.ADJUDICATION, 2)


def test_a_decision_closes_the_reviews_that_nobody_has_given() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", ESCALATED), AT)
    shard.drain(AT)
    shard.adjudicate(adjudication(0, "eve", "cat"), AT)
    assert [each.reason for each in shard.drain(AT).closed] == ["settled"]


@pytest.mark.parametrize(
    ("confidences", "settled"),
    [((0.9, 0.8), True), ((0.9, 0.3), False), ((0.9, None), True), ((None, None), True)],
)
def test_people_who_agree_but_are_not_sure_are_adjudicated(
    confidences: tuple[float | None, float | None], *, settled: bool
) -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(min_confidence=0.7))
    for slot, (who, confidence) in enumerate(zip(("ann", "bob"), confidences, strict=True)):
        shard.review(review(0, slot, who, "cat", confidence=confidence), AT)
    assert shard.settled is settled


def test_a_verdict_that_needs_a_reason_is_refused_without_one() -> None:
    rules = ReviewRules(rationale_for=(VerdictKind.ESCALATE,))
    shard = open_shard(records=1, reviewing=rules)
    shard.review(review(0, 0, "ann", ESCALATED, rationale="  "), AT)
    assert last_refusal(shard) == "this round wants a reason with each verdict of kind escalate"
    shard.review(review(0, 0, "ann", ESCALATED, review_id="y", rationale="a name"), AT)
    assert shard.drain(AT).reviews[-1].status is ReviewStatus.ACCEPTED


def test_a_record_may_want_more_reviews_than_its_round() -> None:
    opened = open_shard(records=2, reviews={1: 3}).drain(AT).opened
    assert [each.ordinal for each in opened] == [0, 0, 1, 1, 1]
