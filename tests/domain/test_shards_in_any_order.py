"""Whatever the order, repetition or mixture of messages: nothing is lost, nothing counts twice."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import digest
from domain.ledger import GENESIS, chain
from domain.shards import Shard
from domain.tasks import ReviewStatus
from tests.domain.shard_world import AT, adjudication, open_shard, review

PEOPLE = ("ann", "bob", "cid", "eve")
RECORDS = 3

messages = st.lists(
    st.one_of(
        st.builds(
            review,
            st.integers(0, RECORDS),
            st.integers(0, 2),
            st.sampled_from(PEOPLE),
            st.sampled_from(["cat", "dog", "horse"]),
        ),
        st.builds(
            adjudication,
            st.integers(0, RECORDS),
            st.sampled_from(PEOPLE),
            st.sampled_from(["cat", "dog"]),
        ),
    ),
    max_size=40,
)


def feed(shard: Shard, sent: list[object]) -> None:
    for message in sent:
        if message.task_id.endswith("adjudication"):  # type: ignore[attr-defined]
            shard.adjudicate(message, AT)  # type: ignore[arg-type]
        else:
            shard.review(message, AT)  # type: ignore[arg-type]


@given(messages)
def test_every_message_is_decided_once_and_no_record_gets_a_review_too_many(
    sent: list[object],
) -> None:
    shard = open_shard(records=RECORDS)
    opened = len(shard.ledger.entries)
    feed(shard, sent)
    decided = [
        entry
        for entry in shard.ledger.entries[opened:]
        if entry.decision.kind.endswith(("_accepted", "_refused"))
    ]
    assert len(decided) == len(sent)
    accepted = [each for each in shard.drain(AT).reviews if each.status is ReviewStatus.ACCEPTED]
    assert len({each.message.review_id for each in accepted}) == len(accepted)
    for ordinal in range(RECORDS):
        mine = [each for each in accepted if each.message.record_id == f"record-{ordinal}"]
        reviews = [each for each in mine if each.kind == "review"]
        assert len(reviews) <= 2
        assert len({each.message.actor.account_id for each in mine}) == len(mine)


@given(messages)
def test_the_ledger_is_one_unbroken_chain(sent: list[object]) -> None:
    shard = open_shard(records=RECORDS)
    feed(shard, sent)
    head = GENESIS
    for sequence, entry in enumerate(shard.ledger.entries):
        assert entry.sequence == sequence
        head = chain(head, entry.decision)
        assert entry.hash == head
    assert shard.ledger.head == head


@given(st.integers(0, 2**32))
def test_reviews_in_another_order_give_the_same_outcomes(seed: int) -> None:
    sent = [
        review(ordinal, slot, who, answer)
        for ordinal, answers in enumerate((("cat", "cat"), ("dog", "cat"), ("dog", "dog")))
        for slot, (who, answer) in enumerate(zip(("ann", "bob"), answers, strict=True))
    ]
    shuffled = random.Random(seed).sample(sent, len(sent))
    straight, mixed = open_shard(records=3), open_shard(records=3)
    feed(straight, list(sent))
    feed(mixed, list(shuffled))
    for shard in (straight, mixed):
        shard.adjudicate(adjudication(1, "eve", "cat"), AT)
    assert digest(straight.outcomes) == digest(mixed.outcomes)


@given(messages, st.integers(0, 40))
def test_a_hand_over_at_any_point_changes_nothing(sent: list[object], cut: int) -> None:
    whole, first = open_shard(records=RECORDS), open_shard(records=RECORDS)
    feed(whole, sent)
    feed(first, sent[:cut])
    second = Shard(first.rules, first.state)
    feed(second, sent[cut:])
    assert second.outcomes == whole.outcomes
    assert (second.ledger.head, second.ledger.length) == (whole.ledger.head, whole.ledger.length)
