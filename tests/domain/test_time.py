"""What time brings to a shard: reminders, escalations, deadlines, and an early end."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import InvalidReviewRules
from domain.ids import AccountId, Timestamp
from domain.moments import later
from domain.notices import NoticeKind
from domain.outcomes import How
from domain.reviewing import Escalation, ReviewRules, check_review_rules
from domain.shards import Shard
from tests.domain.shard_world import (
    AT,
    DAY,
    DEADLINE,
    closing,
    extension,
    open_shard,
    record_id,
    review,
)

HOUR = 3600.0
CHAIN = Escalation(after_hours=24.0, roles=("admin",), every_hours=12.0, times=2, raises=5)


def kinds(shard: Shard) -> list[str]:
    return [entry.decision.kind for entry in shard.ledger.entries[1:]]


def walk(shard: Shard, until: Timestamp) -> list[Timestamp]:
    """Lets time pass as a timer would, and says when something was due."""
    moments = []
    while (due := shard.next_due) is not None and due <= until:
        moments.append(due)
        shard.time_passed(due)
    return moments


def test_each_record_has_a_deadline_of_its_own() -> None:
    shard = open_shard(records=2, seconds={0: DAY})
    assert shard.next_due == later(AT, DAY)
    shard.time_passed(later(AT, DAY))
    assert [outcome.record_id for outcome in shard.outcomes] == [record_id(0)]
    assert shard.next_due == DEADLINE
    shard.time_passed(DEADLINE)
    assert {outcome.how for outcome in shard.outcomes} == {How.DEADLINE}


def test_an_extension_moves_the_deadline_of_every_record() -> None:
    shard = open_shard(records=2, seconds={0: DAY})
    shard.drain(AT)
    shard.extend_deadline(extension(DAY), AT)
    moved = {each.deadline: each.records for each in shard.drain(AT).deadlines}
    assert moved == {
        later(AT, 2 * DAY): (record_id(0),),
        later(AT, 15 * DAY): (record_id(1),),
    }
    shard.time_passed(later(AT, DAY))
    assert shard.outcomes == []


def test_those_who_may_do_what_is_open_are_reminded_at_each_share_once() -> None:
    shard = open_shard(records=2, reviewing=ReviewRules(remind_at=(0.5, 0.9)))
    shard.drain(AT)
    assert walk(shard, later(AT, 13 * DAY)) == [later(AT, 7 * DAY), later(AT, 12.6 * DAY)]
    first, second = shard.drain(AT).notices
    assert first.kind is NoticeKind.DEADLINE_NEAR
    assert first.audience.lanes == (0, 1)
    assert first.notice_id != second.notice_id


def test_of_reminders_that_were_missed_only_the_last_is_sent() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(remind_at=(0.5, 0.9)))
    shard.time_passed(later(AT, 13 * DAY))
    shard.time_passed(later(AT, 13 * DAY))
    assert kinds(shard) == ["reminded"]


def test_a_reminder_that_was_sent_is_not_sent_again_for_a_later_deadline() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(remind_at=(0.5, 0.9)))
    shard.time_passed(later(AT, 7 * DAY))
    shard.extend_deadline(extension(14 * DAY), later(AT, 7 * DAY))
    assert walk(shard, later(AT, 27 * DAY)) == [later(AT, 0.9 * 28 * DAY)]


def test_an_escalation_goes_to_whom_the_rules_name_as_often_as_they_say() -> None:
    chain = Escalation(
        after_hours=24.0, accounts=(AccountId("ria"),), every_hours=12.0, times=2, raises=5
    )
    shard = open_shard(records=2, reviewing=ReviewRules(escalations=(chain,)))
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.drain(AT)
    assert walk(shard, later(AT, 10 * DAY)) == [later(AT, 24 * HOUR), later(AT, 36 * HOUR)]
    projection = shard.drain(AT)
    assert [each.kind for each in projection.notices] == [NoticeKind.ESCALATED] * 2
    assert {each.audience.accounts for each in projection.notices} == {("ria",)}
    assert [(each.urgency, each.records) for each in projection.urgencies] == [
        (10, (record_id(1),))
    ]


def test_steps_that_were_taken_are_not_taken_again_after_a_hand_over() -> None:
    rules = ReviewRules(remind_at=(0.1,), escalations=(CHAIN,))
    shard = open_shard(records=1, reviewing=rules)
    walk(shard, later(AT, 2 * DAY))
    second = Shard(shard.rules, shard.state)
    assert walk(second, later(AT, 13 * DAY)) == []


def test_a_task_that_opens_after_an_escalation_comes_as_early_as_the_others() -> None:
    shard = open_shard(records=1, reviewing=ReviewRules(escalations=(CHAIN,)))
    shard.time_passed(later(AT, 24 * HOUR))
    shard.drain(AT)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "dog"), AT)
    [opened] = shard.drain(AT).opened
    assert opened.urgency == 5


def test_nobody_is_told_of_a_record_whose_deadline_has_passed() -> None:
    rules = ReviewRules(remind_at=(0.5,), escalations=(CHAIN,))
    shard = open_shard(records=1, reviewing=rules)
    shard.time_passed(DEADLINE)
    assert kinds(shard) == ["deadline_passed", "outcome_reached"]


def test_closing_holds_what_is_unsettled_and_keeps_what_is_settled() -> None:
    shard = open_shard(records=2)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.drain(AT)
    shard.close(closing(), AT)
    assert [outcome.how for outcome in shard.outcomes] == [How.AGREEMENT, How.CLOSED_EARLY]
    assert {each.reason for each in shard.drain(AT).closed} == {"reviewing was closed"}
    assert shard.finished(AT)


def test_closing_twice_is_recorded_and_has_one_effect() -> None:
    shard = open_shard(records=1)
    shard.close(closing(), AT)
    shard.close(closing(), AT)
    assert kinds(shard) == ["reviewing_closed", "outcome_reached", "closing_refused"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_confidence": 1.5},
        {"extra_reviews": 6},
        {"undo_seconds": -1.0},
        {"remind_at": (0.9, 0.5)},
        {"remind_at": (1.0,)},
        {"escalations": (Escalation(after_hours=1.0),)},
        {"escalations": (Escalation(after_hours=0.0, roles=("admin",)),)},
        {"escalations": (Escalation(after_hours=1.0, roles=("boss",)),)},
        {"escalations": (Escalation(after_hours=1.0, roles=("admin",), times=3),)},
        {"escalations": (Escalation(after_hours=1.0, roles=("admin",), every_hours=1.0),)},
    ],
)
def test_rules_that_cannot_be_kept_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidReviewRules):
        check_review_rules(ReviewRules(**wrong))


def test_rules_that_can_be_kept_are_taken_as_they_are() -> None:
    rules = ReviewRules(remind_at=(0.5,), escalations=(CHAIN,), extra_reviews=2)
    assert check_review_rules(rules) is rules
