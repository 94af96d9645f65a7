"""A review's way: receipt, acknowledgement, projection; each of them as often as need be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from domain.errors import (
    IdempotencyConflict,
    LeaseExpired,
    NotTheHolder,
    TaskClosed,
    TaskHeldByAnother,
)
from domain.ids import AccountId, ReviewId, TaskId
from domain.outcomes import How, Outcome
from domain.reviews import Verdict, VerdictKind
from domain.tasks import Projection, ReviewStatus, TaskClosing
from storage import reviews, tasks
from storage.claims import claim_named, release_task
from storage.projection import project_shard
from storage.reviews import project_outcomes, project_reviews
from storage.submissions import Receipt, acknowledge, begin_submission
from storage.tables import tasks as task_table
from storage.tasks import TaskStatus
from tests.storage.samples import (
    BODY,
    LEASE,
    NOON,
    ONE_O_CLOCK,
    decided,
    make_round,
    open_adjudication,
    person,
    record,
    review_task,
    sha,
)

HOLD = timedelta(hours=1)


def submit(
    connection: Connection,
    account_id: AccountId,
    *,
    review_id: str = "v1",
    task_id: TaskId | None = None,
    body: str = "",
) -> Receipt:
    return begin_submission(
        connection,
        review_id=ReviewId(review_id),
        task_id=task_id or review_task(),
        account_id=account_id,
        body_digest=sha(body) if body else BODY,
        hold_for=HOLD,
    )


def status(connection: Connection, task_id: TaskId | None = None) -> TaskStatus:
    return tasks.get_task(connection, task_id or review_task()).task.status


def test_the_same_review_again_gets_the_same_receipt(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(), LEASE)

    first = submit(connection, ada)
    acknowledge(connection, [first.review_id])
    tasks.close_tasks(connection, [TaskClosing(task_id=review_task(), reason="deadline")])
    again = submit(connection, ada)

    assert not first.repeated
    assert again.repeated
    assert again.created_at == first.created_at
    assert again.acknowledged_at is not None


def test_a_review_id_with_another_answer_is_refused(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    claim_named(connection, ada, review_task(slot=0), LEASE)
    claim_named(connection, ben, review_task(slot=1), LEASE)
    submit(connection, ada)
    with pytest.raises(IdempotencyConflict):
        submit(connection, ada, body="another answer")
    with pytest.raises(IdempotencyConflict):
        submit(connection, ben, task_id=review_task(slot=1))


def test_only_the_holder_on_a_live_lease_may_answer(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    with pytest.raises(NotTheHolder):
        submit(connection, ada)
    claim_named(connection, ada, review_task(), LEASE)
    with pytest.raises(TaskHeldByAnother):
        submit(connection, ben)
    _lapse(connection)
    with pytest.raises(LeaseExpired) as refused:
        submit(connection, ada)
    assert "kept" in refused.value.hint


def test_an_answer_on_its_way_holds_the_task(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    ada = person(connection, "Ada").account_id
    claimed = claim_named(connection, ada, review_task(), LEASE)
    submit(connection, ada)
    held = tasks.get_task(connection, review_task()).task
    assert claimed.lease_until is not None
    assert held.lease_until is not None
    assert held.lease_until > claimed.lease_until
    with pytest.raises(TaskClosed):
        release_task(connection, ada, review_task())


def test_an_answered_task_takes_no_second_answer(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(), LEASE)
    acknowledge(connection, [submit(connection, ada).review_id])
    assert status(connection) is TaskStatus.SUBMITTED
    with pytest.raises(TaskClosed):
        submit(connection, ada, review_id="v2")


def test_an_accepted_review_is_written_once_and_its_task_is_done(
    engine: Engine, connection: Connection
) -> None:
    made = make_round(engine)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(), LEASE)
    submit(connection, ada)
    accepted = [decided("v1", by=ada)]

    for expected in (1, 0):
        written = project_reviews(connection, round_id=made.round_id, shard=0, decided=accepted)
        assert written == expected
    acknowledge(connection, [ReviewId("v1")])  # comes late: the shard was faster

    assert status(connection) is TaskStatus.DONE
    [review] = reviews.reviews_of(connection, made.round_id)
    assert review.verdict == accepted[0].message.verdict
    assert review.submitted_at == NOON


def test_a_review_that_comes_after_a_take_over_settles_the_task_as_its_authors(
    engine: Engine, connection: Connection
) -> None:
    made = make_round(engine, slots=1)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    claim_named(connection, ada, review_task(), LEASE)
    submit(connection, ada)
    _lapse(connection)
    claim_named(connection, ben, review_task(), LEASE)

    project_reviews(connection, round_id=made.round_id, shard=0, decided=[decided("v1", by=ada)])

    done = tasks.get_task(connection, review_task()).task
    assert (done.status, done.holder) == (TaskStatus.DONE, ada)
    adjudication = open_adjudication(connection)
    assert claim_named(connection, ben, adjudication, LEASE).holder == ben


def test_a_refused_review_gives_its_task_back(engine: Engine, connection: Connection) -> None:
    made = make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    claim_named(connection, ada, review_task(), LEASE)
    acknowledge(connection, [submit(connection, ada).review_id])

    refused = decided("v1", by=ada, status=ReviewStatus.REFUSED)
    project_reviews(connection, round_id=made.round_id, shard=0, decided=[refused])

    assert status(connection) is TaskStatus.OPEN
    adjudication = open_adjudication(connection)
    assert claim_named(connection, ada, adjudication, LEASE).holder == ada


def test_a_refusal_that_comes_before_the_acknowledgement_gives_the_task_back(
    engine: Engine, connection: Connection
) -> None:
    made = make_round(engine, slots=1)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    claim_named(connection, ada, review_task(), LEASE)
    receipt = submit(connection, ada)
    refused = decided("v1", by=ada, status=ReviewStatus.REFUSED)
    project_reviews(connection, round_id=made.round_id, shard=0, decided=[refused])

    acknowledge(connection, [receipt.review_id])

    release_task(connection, ada, review_task())
    assert claim_named(connection, ben, review_task(), LEASE).holder == ben


def test_a_refused_message_may_hold_anything(engine: Engine, connection: Connection) -> None:
    made = make_round(engine)
    poison = decided(
        "v1",
        by=AccountId("acc-nobody"),
        task_id=TaskId("no such task"),
        status=ReviewStatus.REFUSED,
        rationale="NUL \x00 and half a character \ud800",
    )
    project_reviews(connection, round_id=made.round_id, shard=0, decided=[poison])
    [review] = reviews.reviews_of(connection, made.round_id, record())
    assert review.rationale == "NUL \ufffd and half a character ?"


def test_an_outcome_of_an_earlier_look_never_replaces_a_later_one(
    engine: Engine, connection: Connection
) -> None:
    made = make_round(engine)

    def project(look: int, label: str) -> None:
        outcome = Outcome(
            record_id=record(),
            verdict=Verdict(kind=VerdictKind.LABEL, label=label),
            how=How.AGREEMENT,
            label_confidence=1.0,
            reviews=2,
            look=look,
        )
        project_outcomes(
            connection,
            round_id=made.round_id,
            shard=look - 1,
            outcomes_=[outcome],
            at=ONE_O_CLOCK,
        )

    project(1, "billing")
    project(2, "other")
    project(1, "billing")

    [decided_outcome] = reviews.outcomes_of(connection, made.round_id)
    assert decided_outcome.outcome.look == 2
    assert decided_outcome.outcome.verdict == Verdict(kind=VerdictKind.LABEL, label="other")


def test_a_repeated_projection_changes_nothing(engine: Engine, connection: Connection) -> None:
    made = make_round(engine)
    ada = person(connection, "Ada").account_id
    projection = Projection(
        round_id=made.round_id,
        shard=0,
        look=1,
        at=ONE_O_CLOCK,
        closed=(TaskClosing(task_id=review_task(slot=1), reason="deadline"),),
        reviews=(decided("v1", by=ada),),
        outcomes=(
            Outcome(
                record_id=record(),
                verdict=None,
                how=How.DEADLINE,
                label_confidence=None,
                reviews=1,
            ),
        ),
    )

    def rows() -> list[object]:
        return [
            *connection.execute(select(task_table).order_by(task_table.c.task_id)).all(),
            *reviews.reviews_of(connection, made.round_id),
            *reviews.outcomes_of(connection, made.round_id),
        ]

    project_shard(connection, projection)
    once = rows()
    project_shard(connection, projection)
    assert rows() == once
    assert [each.status for each in tasks.backlog(connection, made.round_id)] == [
        TaskStatus.CLOSED,
        TaskStatus.DONE,
    ]


def _lapse(connection: Connection) -> None:
    connection.execute(update(task_table).values(lease_until=func.now() - LEASE))
