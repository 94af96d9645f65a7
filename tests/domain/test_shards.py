"""The rules of a shard: what each answer leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.ids import RoundId, Timestamp
from domain.outcomes import How
from domain.reviews import MAX_BETWEEN, ExclusionReason, Verdict, VerdictKind
from domain.shards import Shard
from domain.tasks import ReviewStatus, TaskKind
from tests.domain.shard_world import (
    AT,
    DEADLINE,
    actor,
    adjudication,
    extension,
    label,
    open_shard,
    record_id,
    review,
)

ESCALATED = Verdict(kind=VerdictKind.ESCALATE)
EXCLUDED = Verdict(kind=VerdictKind.EXCLUDE, exclusion=ExclusionReason.DUPLICATE)


def refusals(shard: Shard) -> list[str]:
    return [
        str(entry.decision.detail["refusal"])
        for entry in shard.ledger.entries
        if "refusal" in entry.decision.detail
    ]


def test_opening_opens_as_many_slots_as_reviews_are_wanted() -> None:
    shard = open_shard(records=3, reviews_per_record=2)
    opened = shard.drain(AT).opened
    assert [(each.ordinal, each.slot) for each in opened] == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1),
    ]  # fmt: skip
    assert len({each.task_id for each in opened}) == 6


def test_two_reviewers_who_agree_settle_a_record() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    assert shard.outcomes == []
    shard.review(review(0, 1, "bob", "cat"), AT)
    [outcome] = shard.outcomes
    assert (outcome.verdict, outcome.how) == (label("cat"), How.AGREEMENT)
    assert outcome.label_confidence == 1.0


def test_two_reviewers_who_differ_open_an_adjudication_that_settles_it() -> None:
    shard = open_shard(records=1)
    shard.drain(AT)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    [task] = shard.drain(AT).opened
    assert task.kind is TaskKind.ADJUDICATION
    shard.adjudicate(adjudication(0, "eve", "dog"), AT)
    [outcome] = shard.outcomes
    assert (outcome.verdict, outcome.how) == (label("dog"), How.ADJUDICATION)
    assert outcome.label_confidence == round(2 / 3, 6)


def test_reviewers_who_both_escalate_have_agreed_on_nothing() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", ESCALATED), AT)
    shard.review(review(0, 1, "bob", ESCALATED), AT)
    assert not shard.settled
    assert "escalated" in [entry.decision.reason for entry in shard.ledger.entries]


def test_an_agreed_exclusion_settles_a_record_without_a_label() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", EXCLUDED), AT)
    shard.review(review(0, 1, "bob", EXCLUDED), AT)
    [outcome] = shard.outcomes
    assert outcome.verdict == EXCLUDED


def test_the_same_ambiguity_in_another_order_is_the_same_answer() -> None:
    shard = open_shard(records=1)
    for slot, who, between in ((0, "ann", ("dog", "cat")), (1, "bob", ("cat", "dog"))):
        verdict = Verdict(kind=VerdictKind.USEFUL_AMBIGUITY, between=between)
        shard.review(review(0, slot, who, verdict), AT)
    assert shard.settled


def test_a_duplicate_review_is_recorded_and_changes_nothing() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    before = shard.drain(AT)
    shard.review(review(0, 0, "ann", "cat"), AT)
    assert len(before.reviews) == 1
    assert shard.drain(AT).empty
    assert refusals(shard) == ["duplicate: a message with this id was handled before"]


def test_a_late_review_is_recorded_and_changes_nothing() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.drain(AT)
    shard.review(review(0, 1, "cid", "dog"), AT)
    [late] = shard.drain(AT).reviews
    assert late.status is ReviewStatus.REFUSED
    assert late.refusal == "late: the record is settled"
    assert [outcome.verdict for outcome in shard.outcomes] == [label("cat")]


def test_a_slot_takes_one_answer() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 0, "bob", "dog"), AT)
    assert refusals(shard) == ["the task has its answer"]


def test_one_person_never_fills_two_slots_of_a_record() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "ann", "cat"), AT)
    assert refusals(shard) == ["this reviewer has already reviewed the record"]
    assert not shard.settled


def test_a_reviewer_of_a_record_does_not_adjudicate_it() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    shard.adjudicate(adjudication(0, "ann", "cat"), AT)
    assert not shard.settled
    assert refusals(shard) == ["you reviewed this record, so another person must adjudicate it"]


def test_an_adjudication_before_the_reviews_are_in_changes_nothing() -> None:
    shard = open_shard(records=1)
    shard.adjudicate(adjudication(0, "eve", "cat"), AT)
    assert not shard.settled
    assert shard.refused == 1


def test_an_adjudicator_cannot_escalate_further() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    shard.adjudicate(adjudication(0, "eve", ESCALATED), AT)
    assert not shard.settled


def test_a_label_that_the_schema_lacks_is_refused_whoever_sends_it() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "horse"), AT)
    assert refusals(shard) == ["“horse” is not a label of animals@1"]
    shard.review(review(0, 0, "ann", "cat", review_id="again"), AT)
    assert shard.drain(AT).reviews[-1].status is ReviewStatus.ACCEPTED


def test_a_record_of_another_shard_is_refused() -> None:
    shard = open_shard(records=1)
    shard.review(review(7, 0, "ann", "cat"), AT)
    assert refusals(shard) == ["the record is not in this shard"]


@pytest.mark.parametrize(
    "change",
    [
        {"review_id": "x" * 300},
        {"rationale": "x" * 3_000},
        {"submitted_at": "yesterday"},
        {"submitted_at": "2026-01-01T00:00:00"},
        {"actor": actor("ann\x00")},
        {"guideline": "g" * 3_000},
    ],
)
def test_a_message_that_cannot_be_ours_is_written_down_and_reaches_no_table(
    change: dict[str, Any],
) -> None:
    shard = open_shard(records=1)
    shard.drain(AT)
    shard.review(replace(review(0, 0, "ann", "cat"), **change), AT)
    [entry] = shard.ledger.entries[1:]
    assert entry.decision.kind == "message_malformed"
    assert shard.drain(AT).empty
    shard.review(review(0, 0, "ann", "cat"), AT)
    assert len(shard.drain(AT).reviews) == 1


def test_an_extension_for_another_round_moves_nothing() -> None:
    shard = open_shard()
    shard.extend_deadline(replace(extension(), round_id=RoundId("r-2")), AT)
    assert shard.deadline == DEADLINE
    assert refusals(shard) == ["the message is about another round"]


def test_the_deadline_holds_what_is_unsettled_and_closes_its_tasks() -> None:
    shard = open_shard(records=2)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.review(review(1, 0, "ann", "dog"), AT)
    shard.drain(AT)
    shard.time_passed(DEADLINE)
    assert shard.settled
    held = {outcome.record_id: outcome for outcome in shard.outcomes}[record_id(1)]
    assert (held.verdict, held.how, held.reviews) == (None, How.DEADLINE, 1)
    assert [closing.reason for closing in shard.drain(AT).closed] == ["deadline"]


def test_an_extension_moves_the_deadline_once() -> None:
    shard = open_shard()
    shard.extend_deadline(extension(), AT)
    shard.extend_deadline(extension(), AT)
    assert shard.deadline == Timestamp("2026-01-15T01:00:00.000000+00:00")


def test_what_is_carried_over_goes_on_as_if_nothing_had_happened() -> None:
    whole, first = open_shard(records=3), open_shard(records=3)
    messages = [review(o, s, w, "cat") for o in range(3) for s, w in ((0, "ann"), (1, "bob"))]
    for message in messages:
        whole.review(message, AT)
    for message in messages[:4]:
        first.review(message, AT)
    second = Shard(first.rules, first.state)
    for message in messages[3:]:
        second.review(message, AT)
    assert second.outcomes == whole.outcomes
    assert second.refused == 1, "the message that came twice was known across the hand-over"


def test_withdrawing_closes_every_open_task_and_concludes_nothing() -> None:
    shard = open_shard(records=2)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.drain(AT)
    shard.withdraw(AT, reason="cancelled")
    assert len(shard.drain(AT).closed) == 3
    assert shard.outcomes == []


def test_an_ambiguity_between_almost_all_labels_is_refused() -> None:
    shard = open_shard()
    many = tuple(f"label {number}" for number in range(MAX_BETWEEN + 1))
    shard.review(review(0, 0, "ann", Verdict(kind=VerdictKind.USEFUL_AMBIGUITY, between=many)), AT)
    [refused] = shard.drain(AT).reviews
    assert refused.refusal == "a useful ambiguity lies between 10 labels at the most"
