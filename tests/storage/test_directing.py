"""Tasks that are handed on, put off or passed by, as the queues show them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.accounts import Role
from domain.directing import Direction
from domain.errors import TaskSuspended
from domain.ids import TaskId
from domain.moments import seconds_between
from domain.routing import Clearance, Lane, Queue, Requirement
from storage import accounts, lanes
from storage.claims import claim_named, claim_task, held_tasks, release_task
from storage.notices import inbox
from storage.projection import project_shard
from storage.tables import batch_records, task_directions, tasks
from storage.waiting import waiting_tasks
from tests.storage.samples import BOTH, LEASE
from tests.storage.shard_in_tables import Projected, task

EXPERTS = Queue(name="experts", expertise={"law": 2})
OWN = Lane(number=0)


def offered(world: Projected, who: int) -> list[TaskId]:
    """Every review task that this person could claim now."""
    found: list[TaskId] = []
    savepoint = world.connection.begin_nested()
    while got := claim_task(
        world.connection, world.accounts[who], kinds=BOTH, lease=LEASE, skip=found
    ):
        found.append(got.task_id)
        release_task(world.connection, world.accounts[who], got.task_id)
    savepoint.rollback()
    return found


def repeated(world: Projected) -> None:
    """Whatever was shown before is shown once more, and changes nothing."""
    before = world.rows()
    for each in world.projections:
        project_shard(world.connection, each)
    assert world.rows() == before


def test_a_delegated_task_is_the_delegates_for_long_and_they_are_told(
    projected: Projected,
) -> None:
    ann, bob, *_ = projected.accounts
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.direct(0, 0, Direction.DELEGATE, 0, to_account=bob)
    projected.project()
    [held] = held_tasks(projected.connection, bob)
    assert held.task_id == task(0, 0)
    assert held_tasks(projected.connection, ann) == []
    [notice] = inbox(projected.connection, bob)
    assert (notice.kind, notice.subject) == ("task.assigned", task(0, 0))
    assert "it is better so" in notice.text
    assert inbox(projected.connection, ann) == []
    lease = projected.task(0, 0).lease_until
    claim_named(projected.connection, bob, task(0, 0), LEASE)
    assert projected.task(0, 0).lease_until == lease, "opening it does not shorten it"
    release_task(projected.connection, bob, task(0, 0))
    repeated(projected)


def test_a_lease_by_delegation_ends_with_the_deadline(projected: Projected) -> None:
    projected.direct(0, 0, Direction.DELEGATE, 1)
    projected.project()
    projected.rest(80_000.0)
    projected.direct(0, 1, Direction.DELEGATE, 2)
    projected.project()
    early, late = projected.task(0, 0), projected.task(0, 1)
    assert timedelta(seconds=seconds_between(late.lease_until, early.lease_until)) > timedelta(
        hours=20
    )


def test_a_delegate_who_has_another_slot_by_then_does_not_get_the_task(
    projected: Projected,
) -> None:
    ann, bob, *_ = projected.accounts
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    claim_named(projected.connection, bob, task(0, 1), LEASE)
    projected.direct(0, 0, Direction.DELEGATE, 0, to_account=bob)
    projected.project()
    assert (projected.task(0, 0).status, projected.task(0, 0).holder) == ("open", None)
    assert inbox(projected.connection, bob) == []
    projected.check()


def test_a_suspended_task_is_offered_to_nobody_until_it_is_resumed(projected: Projected) -> None:
    ann = projected.accounts[0]
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.direct(0, 0, Direction.SUSPEND, until="2999-01-01T00:00:00.000000+00:00")
    projected.project()
    assert projected.task(0, 0).suspended_until is None, "not until after its deadline"
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.connection.execute(
        tasks.update()
        .where(tasks.c.task_id == task(0, 0))
        .values(suspended_until="2999-01-01T00:00:00.000000+00:00", status="open", holder=None)
    )
    assert task(0, 0) not in offered(projected, 1)
    with pytest.raises(TaskSuspended, match="put off until 2999"):
        claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.direct(0, 0, Direction.RESUME)
    projected.project()
    assert task(0, 0) in offered(projected, 1)
    repeated(projected)


def test_a_skipped_task_is_offered_to_others_and_the_last_skip_is_told_once(
    projected: Projected,
) -> None:
    connection = projected.connection
    lead = accounts.create_account(connection, name="Lea", roles={Role.REQUESTER}).account_id
    for who in range(4):
        assert inbox(connection, lead) == []
        claim_named(connection, projected.accounts[who], task(0, 0), LEASE)
        projected.direct(0, 0, Direction.SKIP, who, reason=f"reason {who}")
        projected.project()
        assert projected.task(0, 0).status == "open"
        assert not {task(0, 0), task(0, 1)} & set(offered(projected, who)), "nor its other slot"
    [notice] = inbox(connection, lead)
    assert notice.kind == "task.skipped"
    assert all(f"reason {who}" in notice.text for who in range(4))
    claim_named(connection, projected.accounts[0], task(0, 0), LEASE)
    projected.direct(0, 0, Direction.SKIP, 0)
    projected.project()
    assert len(inbox(connection, lead)) == 1
    repeated(projected)
    [first, *_] = waiting_tasks(connection, projected.shard.rules.round_id)
    assert (first.task_id, first.skips, first.holder) == (task(0, 0), 4, None)


def test_a_forwarded_task_keeps_what_its_record_demands(projected: Projected) -> None:
    connection, round_id = projected.connection, projected.shard.rules.round_id
    made = lanes.lane_in_queue(connection, round_id, OWN, EXPERTS)
    assert (made.number, made.queue, made.requirement.expertise) == (1, "experts", {"law": 2})
    assert lanes.lane_in_queue(connection, round_id, OWN, EXPERTS) == made, "found again"
    assert lanes.lane_in_queue(connection, round_id, OWN, Queue(name="general")) == OWN
    claim_named(connection, projected.accounts[0], task(0, 0), LEASE)
    projected.direct(0, 0, Direction.FORWARD, to_queue="experts")
    projected.project()
    row = projected.task(0, 0)
    assert (row.lane, row.status, row.holder) == (1, "open", None)
    assert task(0, 0) not in offered(projected, 1), "nobody here knows the law"
    repeated(projected)


def test_no_lane_that_demands_less_takes_a_record(projected: Projected) -> None:
    connection, round_id = projected.connection, projected.shard.rules.round_id
    secret = Lane(number=5, requirement=Requirement(clearance=Clearance.RESTRICTED))
    lanes.put_lanes(connection, round_id, [secret], schema="topics")
    connection.execute(batch_records.update().values(lane=5))
    connection.execute(tasks.update().values(lane=5))
    for wrong in (0, 7):
        projected.direct(0, 0, Direction.FORWARD, to_lane=wrong)
        projected.project()
        assert projected.task(0, 0).lane == 5


def test_a_task_that_was_answered_meanwhile_stays_as_it_is(projected: Projected) -> None:
    ann, bob, *_ = projected.accounts
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.direct(0, 0, Direction.DELEGATE, 0, to_account=bob)
    projected.review(0, 0, 0, "billing")
    projected.project()
    row = projected.task(0, 0)
    assert (row.status, row.holder) == ("done", ann)
    assert held_tasks(projected.connection, bob) == []
    noted = projected.connection.scalars(select(task_directions.c.direction)).all()
    assert noted == ["delegate"], "it was decided all the same"
    projected.check()


def test_a_withdrawn_record_has_no_open_task(projected: Projected) -> None:
    projected.direct(0, 0, Direction.WITHDRAW)
    projected.project()
    assert {projected.task(0, slot).status for slot in (0, 1)} == {"closed"}
    projected.check()
    repeated(projected)
