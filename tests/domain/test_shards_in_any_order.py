"""Whatever the order, repetition or mixture of messages: nothing is lost, nothing counts twice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import digest
from domain.directing import Direction, TaskDirected
from domain.ids import Timestamp
from domain.ledger import GENESIS, chain
from domain.moments import later
from domain.reviewing import Escalation, ReviewRules
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    Verdict,
    VerdictKind,
)
from domain.shards import Shard
from domain.tasks import Projection, ReviewStatus
from tests.domain.shard_world import (
    AT,
    DAY,
    adjudication,
    closing,
    direction,
    extension,
    open_shard,
    record_id,
    review,
    undo,
)

PEOPLE = ("ann", "bob", "cid", "dan", "eve")
RECORDS = 3
WANTED = 2
RULES = ReviewRules(
    min_confidence=0.5,
    extra_reviews=1,
    remind_at=(0.5,),
    escalations=(Escalation(after_hours=24.0, roles=("admin",), every_hours=24.0, times=3),),
)
Message = Submission | UndoRequested | TaskDirected | DeadlineExtended | ClosingRequested
Event = tuple[float, Message | None]
"""Seconds since the event before, and what is said; none: only time passes."""

ordinals = st.integers(0, RECORDS)
people = st.sampled_from(PEOPLE)
verdicts: st.SearchStrategy[Verdict | str] = st.sampled_from(
    ["cat", "dog", "horse", Verdict(kind=VerdictKind.ESCALATE)]
)
slots = st.integers(0, WANTED + 1)


@st.composite
def corrections(draw: st.DrawFn) -> Submission:
    ordinal, slot, who = draw(ordinals), draw(slots), draw(people)
    earlier = draw(st.sampled_from([f"{ordinal}-{slot}-{who}", f"{ordinal}-{slot}-{who}-better"]))
    named = f"{earlier}-better"
    return review(ordinal, slot, who, draw(verdicts), review_id=named, corrects=earlier)


@st.composite
def undos(draw: st.DrawFn) -> UndoRequested:
    ordinal, slot, who = draw(ordinals), draw(slots), draw(people)
    given_as = st.sampled_from([f"{ordinal}-{slot}-{who}", f"{ordinal}-adjudication-{who}"])
    return undo(ordinal, who, draw(given_as), request_id=draw(st.sampled_from("abcdefgh")))


answers = st.builds(
    review, ordinals, slots, people, verdicts, confidence=st.sampled_from([None, 0.2, 0.9])
)
# Those who undo may answer once more, under another id.
again = st.builds(
    lambda ordinal, slot, who, verdict: review(
        ordinal, slot, who, verdict, review_id=f"{ordinal}-{slot}-{who}-again"
    ),
    ordinals,
    slots,
    people,
    verdicts,
)
messages = st.one_of(
    answers,
    answers,
    again,
    st.builds(adjudication, ordinals, people, st.sampled_from(["cat", "dog"])),
    undos(),
    corrections(),
    st.builds(direction, ordinals, slots, st.sampled_from(Direction), who=people),
    st.builds(extension, st.just(DAY), request_id=st.sampled_from("xyz")),
)
pauses = st.sampled_from([0.0, 0.0, 0.0, 30.0, 61.0, DAY])
events = st.lists(
    st.tuples(pauses, st.one_of(messages, messages, messages, st.none())), max_size=50
)
endings = st.lists(
    st.tuples(pauses, st.builds(closing, request_id=st.sampled_from("cd"))), max_size=1
)


def feed(shard: Shard, sent: Sequence[Event], at: Timestamp = AT) -> Timestamp:
    """Says it all; returns what time it is then."""
    for pause, message in sent:
        at = later(at, pause)
        match message:
            case Submission() if message.task_id.endswith("adjudication"):
                shard.adjudicate(message, at)
            case Submission():
                shard.review(message, at)
            case UndoRequested():
                shard.undo(replace(message, submitted_at=at), at)
            case TaskDirected():
                shard.direct(message, at)
            case DeadlineExtended():
                shard.extend_deadline(message, at)
            case ClosingRequested():
                shard.close(message, at)
        shard.time_passed(at)
    return at


def shown(projections: Sequence[Projection]) -> tuple[dict[str, str], set[str], set[str]]:
    """Reviews with their status, open tasks, and records with an outcome, as a reader sees them."""
    reviews: dict[str, str] = {}
    answers: dict[str, str] = {}
    open_tasks: set[str] = set()
    settled: set[str] = set()
    for each in projections:
        open_tasks |= {opening.task_id for opening in each.opened}
        reviews |= {retracted.review_id: retracted.status for retracted in each.retracted}
        for one in each.reviews:
            reviews.setdefault(one.message.review_id, one.status)
            answers.setdefault(one.message.review_id, one.message.task_id)
        undone = {r.review_id for r in each.retracted} | {r.message.review_id for r in each.reviews}
        open_tasks |= {answers[r] for r in undone if reviews[r] == ReviewStatus.UNDONE}
        open_tasks -= {
            one.message.task_id
            for one in each.reviews
            if one.status in {ReviewStatus.ACCEPTED, ReviewStatus.CORRECTED}
        }
        open_tasks -= {closed.task_id for closed in each.closed}
        settled = (settled - set(each.withdrawn)) | {o.record_id for o in each.outcomes}
    return reviews, open_tasks, settled


@given(events, endings)
def test_every_message_is_decided_once(sent: list[Event], ending: list[Event]) -> None:
    shard = open_shard(records=RECORDS, reviewing=RULES)
    feed(shard, [*sent, *ending])
    decided = [entry for entry in shard.ledger.entries if "message_digest" in entry.decision.detail]
    assert len(decided) == sum(message is not None for _, message in [*sent, *ending])


@given(events, endings)
def test_no_record_gets_a_review_too_many_and_nobody_judges_one_twice(
    sent: list[Event], ending: list[Event]
) -> None:
    shard = open_shard(records=RECORDS, reviewing=RULES)
    at = AT
    for event in [*sent, *ending]:
        at = feed(shard, [event], at)
        for ordinal in range(RECORDS):
            standing = [each for record, each in shard.given if record == record_id(ordinal)]
            assert len(standing) <= WANTED + RULES.extra_reviews
            assert len({each.account_id for each in standing}) == len(standing)
            assert len({each.slot_task for each in standing}) == len(standing)


@given(events, endings)
def test_nobody_both_reviews_and_adjudicates_a_record(
    sent: list[Event], ending: list[Event]
) -> None:
    shard = open_shard(records=RECORDS, reviewing=RULES)
    feed(shard, [*sent, *ending])
    parts: dict[tuple[str, str], set[str]] = {}
    for entry in shard.ledger.entries:
        kind, _, decided = entry.decision.kind.partition("_")
        if decided == "accepted":
            who = (entry.decision.subject, entry.decision.actor.account_id)
            parts.setdefault(who, set()).add(kind)
    assert all(len(each) == 1 for each in parts.values())


@given(events)
def test_every_unsettled_record_waits_for_somebody_and_no_settled_one_does(
    sent: list[Event],
) -> None:
    shard = open_shard(records=RECORDS, reviewing=RULES)
    feed(shard, sent)
    for progress in shard.state.progress:
        assert bool(progress.open_tasks) == (progress.outcome is None)


@given(events, endings, st.integers(1, 7))
def test_the_read_model_comes_to_the_same_however_often_it_is_told(
    sent: list[Event], ending: list[Event], every: int
) -> None:
    """Projecting in batches leaves what projecting after each message does."""
    shards = [open_shard(records=RECORDS, reviewing=RULES) for _ in range(2)]
    seen: list[list[Projection]] = [[], []]
    for shard, projections, size in zip(shards, seen, (1, every), strict=True):
        at = AT
        for place, event in enumerate([*sent, *ending]):
            at = feed(shard, [event], at)
            if place % size == 0:
                projections.append(shard.drain(at))
        projections.append(shard.drain(at))
    one, other = (shown(projections) for projections in seen)
    assert one == other
    _, open_tasks, settled = one
    assert open_tasks == {task for each in shards[0].state.progress for task in each.open_tasks}
    assert settled == {outcome.record_id for outcome in shards[0].outcomes}


@given(events)
def test_the_ledger_is_one_unbroken_chain(sent: list[Event]) -> None:
    shard = open_shard(records=RECORDS, reviewing=RULES)
    feed(shard, sent)
    head = GENESIS
    for sequence, entry in enumerate(shard.ledger.entries):
        assert entry.sequence == sequence
        head = chain(head, entry.decision)
        assert entry.hash == head
    assert shard.ledger.head == head


@given(st.integers(0, 2**32))
def test_reviews_in_another_order_give_the_same_outcomes(seed: int) -> None:
    given_answers = (("cat", "cat"), ("dog", "cat"), ("dog", "dog"))
    sent: list[Event] = [
        (0.0, review(ordinal, slot, who, answer))
        for ordinal, answers_ in enumerate(given_answers)
        for slot, (who, answer) in enumerate(zip(("ann", "bob"), answers_, strict=True))
    ]
    shuffled = random.Random(seed).sample(sent, len(sent))
    straight, mixed = open_shard(records=3), open_shard(records=3)
    feed(straight, sent)
    feed(mixed, shuffled)
    for shard in (straight, mixed):
        shard.adjudicate(adjudication(1, "eve", "cat"), AT)
    assert digest(straight.outcomes) == digest(mixed.outcomes)


@given(st.lists(verdicts.filter(lambda each: each != "horse"), min_size=3, max_size=3), st.data())
def test_what_a_record_comes_to_depends_on_what_stands_and_not_on_the_way_there(
    verdicts_: list[Verdict | str], data: st.DataObject
) -> None:
    """Somebody changes their mind by undoing or correcting; others never say anything else."""
    changed = data.draw(st.integers(0, 2))
    by_undo = data.draw(st.booleans())
    first = data.draw(st.sampled_from(["cat", "dog"]))
    rules = ReviewRules(extra_reviews=0)
    direct = open_shard(records=1, reviews_per_record=3, reviewing=rules)
    detour = open_shard(records=1, reviews_per_record=3, reviewing=rules)
    for slot, (who, verdict) in enumerate(zip(PEOPLE[:3], verdicts_, strict=True)):
        direct.review(review(0, slot, who, verdict), AT)
        detour.review(review(0, slot, who, first if slot == changed else verdict), AT)
    who, earlier = PEOPLE[changed], f"0-{changed}-{PEOPLE[changed]}"
    if by_undo:
        detour.undo(undo(0, who, earlier), AT)
    corrects = None if by_undo else earlier
    detour.review(
        review(0, changed, who, verdicts_[changed], review_id="new", corrects=corrects), AT
    )
    for shard in (direct, detour):
        shard.adjudicate(adjudication(0, "eve", "cat"), AT)
    assert digest(direct.outcomes) == digest(detour.outcomes)


@given(events, st.integers(0, 50))
def test_a_hand_over_at_any_point_changes_nothing(sent: list[Event], cut: int) -> None:
    whole = open_shard(records=RECORDS, reviewing=RULES)
    first = open_shard(records=RECORDS, reviewing=RULES)
    end = feed(whole, sent)
    at = feed(first, sent[:cut])
    second = Shard(first.rules, first.state)
    assert feed(second, sent[cut:], at) == end
    assert second.outcomes == whole.outcomes
    assert (second.ledger.head, second.ledger.length) == (whole.ledger.head, whole.ledger.length)
    assert second.state == whole.state
