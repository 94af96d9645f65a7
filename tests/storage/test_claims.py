"""Claims: one holder a slot, one slot a person, leases that run out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.errors import DutiesNotSeparate, NotTheHolder, TaskClosed, TaskHeldByAnother
from domain.ids import AccountId, TaskId
from domain.tasks import TaskClosing, TaskKind
from storage import claims, tasks
from storage.claims import claim_named, claim_task, release_task, renew_lease
from storage.queues import queue_facts
from storage.tables import participations
from storage.tables import tasks as task_table
from storage.tasks import TaskStatus
from tests.storage.samples import (
    BOTH,
    LEASE,
    NO_LEASE,
    make_round,
    open_adjudication,
    person,
    record,
    review_task,
)


def test_eight_people_at_once_never_get_the_same_task(engine: Engine) -> None:
    make_round(engine, records=100, slots=2)
    with engine.begin() as connection:
        people = [person(connection, f"person {n}").account_id for n in range(8)]

    def work(account_id: AccountId) -> list[TaskId]:
        taken: list[TaskId] = []
        while True:
            with engine.begin() as connection:
                task = claim_task(connection, account_id, kinds=BOTH, lease=LEASE)
            if task is None:
                return taken
            taken.append(task.task_id)

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(work, people))

    claimed = [task_id for each in taken for task_id in each]
    assert len(claimed) == len(set(claimed)) == 200
    for each in taken:
        records = [task_id.rsplit(".", 1)[0] for task_id in each]
        assert len(records) == len(set(records)), "one person got two slots of a record"


def test_one_person_in_two_windows_never_gets_two_slots_of_a_record(engine: Engine) -> None:
    make_round(engine, records=1, slots=4)
    with engine.begin() as connection:
        ada = person(connection, "Ada").account_id

    def claim(_: int) -> bool:
        with engine.begin() as connection:
            return claim_task(connection, ada, kinds=BOTH, lease=LEASE) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(claim, range(4))) == 1


def test_the_most_urgent_task_comes_first(engine: Engine, connection: Connection) -> None:
    make_round(engine, records=3, slots=1)
    ada = person(connection, "Ada").account_id
    connection.execute(update(task_table).where(task_table.c.ordinal == 2).values(priority=5))
    order = []
    while task := claim_task(connection, ada, kinds=BOTH, lease=LEASE):
        order.append(task.ordinal)
    assert order == [2, 0, 1]


def test_a_lapsed_lease_returns_the_task_to_the_queue(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    held = claim_task(connection, ada, kinds=BOTH, lease=LEASE)
    assert held is not None
    assert claim_task(connection, ben, kinds=BOTH, lease=LEASE) is None

    _lapse(connection, held.task_id)

    taken = claim_task(connection, ben, kinds=BOTH, lease=LEASE)
    assert taken is not None
    assert taken.task_id == held.task_id
    assert taken.holder == ben
    with pytest.raises(TaskHeldByAnother):
        renew_lease(connection, ada, held.task_id, LEASE)


def test_whoever_let_a_lease_lapse_may_still_adjudicate(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    held = claim_task(connection, ada, kinds=BOTH, lease=NO_LEASE)
    assert held is not None
    _lapse(connection, held.task_id)
    assert claim_task(connection, ben, kinds=BOTH, lease=LEASE) is not None

    task_id = open_adjudication(connection)

    assert claim_named(connection, ada, task_id, LEASE).holder == ada


def test_a_skipped_task_is_not_offered_again(engine: Engine, connection: Connection) -> None:
    make_round(engine, records=2, slots=1)
    ada = person(connection, "Ada").account_id
    task = claim_task(connection, ada, kinds=BOTH, lease=LEASE, skip=[review_task(0)])
    assert task is not None
    assert task.task_id == review_task(1)


def test_a_skipped_record_is_not_offered_again_in_another_slot(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, records=2, slots=2)
    ada = person(connection, "Ada").account_id
    passed = [review_task(0)]
    task = claim_task(connection, ada, kinds=BOTH, lease=LEASE, skip=passed)
    assert task is not None
    assert task.record_id == record(1)
    passed.append(task.task_id)
    release_task(connection, ada, task.task_id)
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE, skip=passed) is None


def test_only_the_wanted_kind_is_claimed(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    ada = person(connection, "Ada").account_id
    assert claim_task(connection, ada, kinds={TaskKind.ADJUDICATION}, lease=LEASE) is None


def test_a_reviewer_is_never_offered_the_adjudication_of_the_record(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    claim_task(connection, ada, kinds=BOTH, lease=LEASE)
    task_id = open_adjudication(connection)

    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is None
    with pytest.raises(DutiesNotSeparate):
        claim_named(connection, ada, task_id, LEASE)


def test_the_database_itself_refuses_a_reviewer_as_adjudicator(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    claim_task(connection, ada, kinds=BOTH, lease=LEASE)
    task_id = open_adjudication(connection)
    take_anyway = (
        update(task_table)
        .where(task_table.c.task_id == task_id)
        # In a later look, where the rule on slots of one shard says nothing.
        .values(shard=1, status="claimed", holder=ada, lease_until=func.now())
    )
    with pytest.raises(IntegrityError, match="duties_are_separate"), connection.begin_nested():
        connection.execute(take_anyway)
    with pytest.raises(IntegrityError, match="pk_participations"), connection.begin_nested():
        connection.execute(
            insert(participations).values(
                round_id="r1", record_id=record(), account_id=ada, part="adjudication"
            )
        )


def test_the_database_itself_refuses_a_second_slot_of_a_record(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=2)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(slot=0), LEASE)
    take_anyway = (
        update(task_table)
        .where(task_table.c.task_id == review_task(slot=1))
        .values(status="claimed", holder=ada, lease_until=func.now())
    )
    with pytest.raises(IntegrityError, match="one_slot_a_person"):
        connection.execute(take_anyway)


def test_a_named_task_that_another_person_holds_is_refused(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=2)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    claim_named(connection, ada, review_task(), LEASE)
    with pytest.raises(TaskHeldByAnother) as refused:
        claim_named(connection, ben, review_task(), LEASE)
    assert refused.value.context["lease_until"] is not None
    with pytest.raises(DutiesNotSeparate):
        claim_named(connection, ada, review_task(slot=1), LEASE)


def test_a_released_task_is_open_and_its_holder_free(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(), LEASE)

    release_task(connection, ada, review_task())

    assert tasks.get_task(connection, review_task()).task.status is TaskStatus.OPEN
    assert connection.scalar(select(func.count()).select_from(participations)) == 0
    with pytest.raises(NotTheHolder):
        release_task(connection, ada, review_task())


def test_a_closed_task_is_nobodys(engine: Engine, connection: Connection) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(), LEASE)
    closings = [TaskClosing(task_id=review_task(), reason="deadline")]

    assert tasks.close_tasks(connection, closings) == 1
    assert tasks.close_tasks(connection, closings) == 0

    closed = tasks.get_task(connection, review_task()).task
    assert (closed.status, closed.holder, closed.close_reason) == ("closed", None, "deadline")
    assert connection.scalar(select(func.count()).select_from(participations)) == 0
    with pytest.raises(TaskClosed):
        claim_named(connection, ada, review_task(), LEASE)


def test_an_empty_queue_says_why(engine: Engine, connection: Connection) -> None:
    make_round(engine, records=2, slots=2)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    claim_named(connection, ada, review_task(0, 0), LEASE)
    claim_named(connection, ben, review_task(1, 0), LEASE)

    facts = queue_facts(connection, ada, BOTH)

    assert (facts.claimable, facts.barred) == (1, 1)
    assert (facts.claimed_by_others, facts.mine) == (1, 1)
    assert facts.next_lapse is not None
    assert [held.task_id for held in claims.held_tasks(connection, ada)] == [review_task(0, 0)]


def _lapse(connection: Connection, task_id: TaskId) -> None:
    """As if the lease had been given a while ago: inside one transaction the clock stands."""
    connection.execute(
        update(task_table)
        .where(task_table.c.task_id == task_id)
        .values(lease_until=func.now() - LEASE)
    )
