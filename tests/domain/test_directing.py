"""What a shard makes of decisions about tasks besides their answers."""

from __future__ import annotations

from typing import Any

import pytest

from domain.directing import DIRECTED, Direction
from domain.moments import later
from domain.outcomes import How
from domain.progress import ShardRecord
from domain.shards import Shard
from domain.tasks import Projection
from tests.domain.shard_world import (
    AT,
    DAY,
    DEADLINE,
    adjudication,
    direction,
    open_shard,
    record_id,
    review,
    undo,
)


def said(shard: Shard, *, place: int = -1) -> tuple[str, str]:
    """Kind and refusal of a decision, of the last one unless `place` says otherwise."""
    decision = shard.ledger.entries[place].decision
    return decision.kind, str(decision.detail.get("refusal", ""))


def drained(shard: Shard) -> Projection:
    return shard.drain(AT)


@pytest.mark.parametrize("what", [each for each in Direction if each is not Direction.WITHDRAW])
def test_a_direction_is_in_the_ledger_and_shown(what: Direction) -> None:
    shard = open_shard(records=1)
    drained(shard)
    message = direction(0, 0, what, who="ann")
    shard.direct(message, AT)
    decision = shard.ledger.entries[-1].decision
    assert decision.kind == DIRECTED[what]
    assert (decision.actor.name, decision.reason) == ("ann", message.reason)
    assert message.told.items() <= decision.detail.items()
    [directed] = drained(shard).directed
    assert (directed.message, directed.sequence) == (message, shard.ledger.length - 1)
    assert not shard.settled


def test_a_withdrawn_record_is_held_and_waits_for_nobody() -> None:
    shard = open_shard(records=2)
    shard.review(review(0, 0, "ann", "cat"), AT)
    drained(shard)
    shard.direct(direction(0, 1, Direction.WITHDRAW), AT)
    [outcome] = shard.outcomes
    assert (outcome.how, outcome.verdict, outcome.reviews) == (How.WITHDRAWN, None, 1)
    [closed] = drained(shard).closed
    assert closed.reason == "withdrawn"
    shard.review(review(0, 1, "bob", "cat"), AT)
    assert said(shard) == ("review_refused", "late: the record is settled")
    shard.undo(undo(0, "ann", "0-0-ann"), AT)
    assert said(shard) == ("undo_refused", "late: the record is held")
    assert not shard.settled, "the other record goes on"


def test_a_withdrawn_record_with_a_known_answer_is_no_part_of_the_dataset() -> None:
    gold = ShardRecord(ordinal=0, record_id=record_id(0), expected="cat")
    shard = Shard.opened(open_shard().rules, [gold], AT)
    shard.direct(direction(0, 0, Direction.WITHDRAW), AT)
    assert [outcome.how for outcome in shard.outcomes] == [How.GOLD]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reason": "  "}, "not directed without a reason"),
        ({"round_id": "r-2"}, "another round"),
        ({"record_id": "record-9"}, "not in this shard"),
        ({"task_id": "r-1.0.1.review-0"}, "none of this record"),
        ({"to_account": None}, "delegate names an account"),
        ({"to_lane": 1, "to_queue": "experts"}, "nothing else does"),
    ],
)
def test_what_is_not_whole_is_refused_in_words(changes: dict[str, Any], why: str) -> None:
    shard = open_shard(records=1)
    drained(shard)
    shard.direct(direction(0, 0, Direction.DELEGATE, **changes), AT)
    kind, refusal = said(shard)
    assert kind == "direction_refused"
    assert why in refusal
    assert drained(shard).empty
    assert shard.refused == 1


@pytest.mark.parametrize(
    "until", [AT, DEADLINE, later(DEADLINE, DAY), "tomorrow", "2026-01-02T00:00:00", ""]
)
def test_a_task_is_put_off_until_a_time_before_its_deadline(until: str) -> None:
    shard = open_shard(records=1)
    shard.direct(direction(0, 0, Direction.SUSPEND, until=until), AT)
    assert said(shard)[0] == "direction_refused"


def test_only_a_task_that_is_open_is_directed() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.direct(direction(0, 0, Direction.FORWARD), AT)
    assert said(shard) == ("direction_refused", "the task is not open")
    shard.review(review(0, 1, "bob", "cat"), AT)
    shard.direct(direction(0, 1, Direction.FORWARD), AT)
    assert said(shard) == ("direction_refused", "late: the record is settled")


def test_a_direction_that_comes_twice_is_taken_once() -> None:
    shard = open_shard(records=1)
    for _ in range(2):
        shard.direct(direction(0, 0, Direction.FORWARD), AT)
    assert said(shard, place=-2) == ("task_forwarded", "")
    assert said(shard)[1].startswith("duplicate")
    assert len(drained(shard).directed) == 1


def test_a_task_is_not_given_to_who_has_another_part_in_the_record() -> None:
    shard = open_shard(records=1)
    shard.review(review(0, 0, "ann", "cat"), AT)
    shard.direct(direction(0, 1, Direction.DELEGATE, to_account="ann"), AT)
    assert said(shard)[1] == "this reviewer has already reviewed the record"
    shard.review(review(0, 1, "bob", "dog"), AT)
    told = {"task_id": adjudication(0, "eve", "cat").task_id, "to_account": "bob"}
    shard.direct(direction(0, 0, Direction.DELEGATE, request_id="second", **told), AT)
    assert said(shard)[1] == "who has reviewed the record does not adjudicate it"
    told["to_account"] = "eve"
    shard.direct(direction(0, 0, Direction.DELEGATE, request_id="third", **told), AT)
    assert said(shard) == ("task_delegated", "")


def test_a_malformed_direction_is_set_aside() -> None:
    shard = open_shard(records=1)
    shard.direct(direction(0, 0, Direction.SKIP, reason="x" * 2_001), AT)
    assert said(shard)[0] == "message_malformed"
