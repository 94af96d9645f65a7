"""Events wait in their order, are claimed by one at a time, and settle once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, select, text

from domain.errors import Conflict, NotFound
from domain.ids import AccountId, RoundId
from domain.notices import Audience, Notice, NoticeKind
from domain.webhooks import DeliveryState, WebhookState
from storage import outbox, webhooks
from storage.notices import tell
from storage.outbox import Attempted, Due
from storage.tables import events
from tests.storage.samples import NOON

LEASE = timedelta(minutes=1)
DONE = Attempted(status=204, milliseconds=12)
FAILED = Attempted(status=500, failure="status", milliseconds=12)
R1, R2 = RoundId("r1"), RoundId("r2")


def add(connection: Connection, name: str = "hook-1", kinds: Sequence[NoticeKind] = ()) -> str:
    webhooks.add_webhook(
        connection,
        webhook_id=name,
        url="https://example.com/hook",
        description="",
        kinds=kinds,
        sealed_secret="sealed",
        created_by=AccountId("acc-admin"),
    )
    return name


def say(connection: Connection, *names: str, round_id: RoundId = R1) -> None:
    for name in names:
        notice = Notice(
            notice_id=name,
            kind=NoticeKind.PHASE_ENTERED,
            audience=Audience(),
            subject=name,
            text="A text that names people.",
            detail={"phase": "reviewing", "rationale": "not to be told"},
        )
        tell(connection, [notice], round_id=round_id, at=NOON)


def claim(connection: Connection, lease: timedelta = LEASE) -> list[Due]:
    return outbox.claim_due(connection, limit=10, lease=lease)


def subjects(claimed: list[Due]) -> list[str]:
    return [each.event.subject for each in claimed]


def test_an_event_goes_to_each_webhook_that_wants_it_with_its_listed_fields_alone(
    connection: Connection,
) -> None:
    add(connection, "every")
    add(connection, "phases", [NoticeKind.PHASE_ENTERED])
    add(connection, "ends", [NoticeKind.ROUND_ENDED])
    say(connection, "a")
    say(connection, "a")
    claimed = claim(connection)
    assert sorted(each.webhook_id for each in claimed) == ["every", "phases"]
    assert {str(each.event.data) for each in claimed} == {
        "{'phase': 'reviewing', 'round_id': 'r1'}"
    }
    assert {each.place for each in claimed} == {"/rounds/r1"}


def test_the_next_event_of_a_round_waits_and_another_rounds_does_not(
    connection: Connection,
) -> None:
    add(connection)
    say(connection, "a", "b")
    say(connection, "c", round_id=R2)
    [a, c] = claim(connection)
    assert subjects([a, c]) == ["a", "c"]
    assert claim(connection) == []
    assert outbox.settle(connection, a, FAILED, again_in=60.0)
    assert claim(connection) == []  # b waits for a, which is not due
    connection.execute(text("UPDATE deliveries SET due_at = now()"))
    [a] = claim(connection)
    assert a.attempt == 2
    outbox.settle(connection, a, DONE, again_in=None)
    assert subjects(claim(connection)) == ["b"]


def test_a_dead_letter_lets_the_next_one_pass_and_is_replayed_before_those_that_wait(
    connection: Connection,
) -> None:
    hook = add(connection)
    say(connection, "a", "b", "c", "d")
    for _ in range(2):
        [due] = claim(connection)
        outbox.settle(connection, due, FAILED, again_in=None)
    assert webhooks.get_webhook(connection, hook).dead == 2
    assert webhooks.replay(connection, hook) == 2
    order = []
    while claimed := claim(connection):
        order += subjects(claimed)
        outbox.settle(connection, claimed[0], DONE, again_in=None)
    assert order == ["a", "b", "c", "d"]


def test_a_claim_whose_lease_ran_out_goes_to_another_and_its_holder_settles_nothing(
    connection: Connection,
) -> None:
    add(connection)
    say(connection, "a")
    [slow] = claim(connection, lease=timedelta(seconds=-1))
    [quick] = claim(connection)
    assert slow.event == quick.event
    assert not outbox.settle(connection, slow, FAILED, again_in=None)
    assert outbox.settle(connection, quick, DONE, again_in=None)
    assert not outbox.settle(connection, quick, DONE, again_in=None)


def test_many_who_claim_at_once_share_the_events_out(engine: Engine) -> None:
    rounds = [RoundId(f"r{number}") for number in range(40)]
    with engine.begin() as connection:
        add(connection)
        for round_id in rounds:
            say(connection, f"first of {round_id}", f"second of {round_id}", round_id=round_id)
    claimed: list[str] = []

    def work() -> None:
        while True:
            with engine.begin() as connection:
                mine = claim(connection)
            if not mine:
                return
            claimed.extend(subjects(mine))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while True:
        with engine.begin() as connection:
            if not (rest := claim(connection)):
                break
        claimed.extend(subjects(rest))
    assert sorted(claimed) == sorted(f"first of {round_id}" for round_id in rounds)


def test_events_of_a_round_are_numbered_in_the_order_of_their_commits(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection)
    with engine.connect() as first:
        say(first, "a")
        other = threading.Thread(target=_say_alone, args=(engine, "b"))
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive()  # it waits, or it might be seen before what happened earlier
        first.commit()
        other.join()
    with engine.connect() as connection:
        assert list(connection.scalars(select(events.c.subject).order_by(events.c.sequence))) == [
            "a",
            "b",
        ]


def _say_alone(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        say(connection, name)


def test_while_a_webhook_is_paused_its_events_wait(connection: Connection) -> None:
    hook = add(connection)
    say(connection, "a")
    [due] = claim(connection)
    outbox.settle(connection, due, FAILED, again_in=3_600.0)
    webhooks.pause(connection, hook, reason="by admin")
    say(connection, "b")
    assert claim(connection) == []
    assert webhooks.resume(connection, hook)
    resumed = webhooks.get_webhook(connection, hook)
    assert (resumed.state, resumed.pending) == (WebhookState.ACTIVE, 2)
    assert subjects(claim(connection)) == ["a"]


def test_a_removed_webhook_has_no_secret_and_nothing_waits_for_it(connection: Connection) -> None:
    hook = add(connection)
    say(connection, "a")
    webhooks.remove(connection, hook)
    say(connection, "b")
    assert claim(connection) == []
    assert webhooks.list_webhooks(connection) == []
    for ask in (webhooks.get_webhook, webhooks.remove):
        with pytest.raises(NotFound):
            ask(connection, hook)
    assert not webhooks.resume(connection, hook)
    assert not webhooks.pause(connection, hook, reason="it answers 410")
    [dropped] = webhooks.list_deliveries(connection, hook)
    assert dropped.state is DeliveryState.DROPPED


def test_one_named_event_is_sent_again_unless_it_still_waits(connection: Connection) -> None:
    hook = add(connection)
    say(connection, "a", "b")
    [a] = claim(connection)
    outbox.settle(connection, a, DONE, again_in=None)
    assert webhooks.replay(connection, hook) == 0
    assert webhooks.replay(connection, hook, event_ids=[a.event.event_id]) == 1
    with pytest.raises(Conflict):
        webhooks.replay(connection, hook, event_ids=[a.event.event_id])
    with pytest.raises(NotFound):
        webhooks.replay(connection, hook, event_ids=["nothing"])


def test_one_webhook_with_much_to_do_leaves_room_for_the_others(connection: Connection) -> None:
    add(connection, "busy")
    for number in range(20):
        say(connection, f"e{number}", round_id=RoundId(f"r{number}"))
    add(connection, "quiet")
    say(connection, "last", round_id=RoundId("r99"))
    assert "quiet" in {each.webhook_id for each in claim(connection)}
