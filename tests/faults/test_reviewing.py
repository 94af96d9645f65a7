"""What people were promised while parts of the product died under them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx
import pytest
from sqlalchemy import select, text

from storage.tables import review_receipts
from tests.faults.conftest import Survived
from tests.faults.evidence import signalled
from tests.faults.people import eventually, review_body
from tests.faults.world import Round, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

ACKNOWLEDGING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE review_receipts%'"
)


def test_the_orchestration_worker_is_killed_while_reviews_come_in(
    world: World, survived: Survived
) -> None:
    round_ = world.start()
    with world.reviewing(round_) as crowd:
        for promised in (8, 24):
            crowd.wait_for(promised)
            world.kill("orchestration")
    world.finish(round_)
    survived(round_, "2 kills")


def test_the_api_is_killed_while_reviews_come_in(world: World, survived: Survived) -> None:
    round_ = world.start()
    with world.reviewing(round_) as crowd:
        before = crowd.interrupted
        for promised in (8, 24):
            crowd.wait_for(promised)
            world.kill("api")
            crowd.wait_for(promised + 2)
        broken = crowd.interrupted - before
    world.finish(round_)
    survived(round_, f"2 kills, {broken.total()} requests broken off")


def test_the_api_is_killed_on_either_side_of_a_signal(world: World, survived: Survived) -> None:
    """The same review sent again is promised once, and a second signal of it changes nothing."""
    round_ = world.start()
    world.claim(world.reviewers[0], round_)
    # No shard runs meanwhile, whose projection would acknowledge the review in the API's place.
    world.stack.halt("orchestration")
    try:
        with submitted_to_a_silent_temporal(world, round_) as (review_id, answer):
            world.kill("api")
        promised(round_, review_id, answer)
        with submitted_to_a_silent_temporal(world, round_) as (review_id, answer):
            world.stack.process("temporal").resume()
            eventually("the API acknowledges", partial(acknowledging, world))
            assert signalled(world, round_.round_id, [0])[0].count(review_id) >= 1
            world.kill("api")
        promised(round_, review_id, answer)
        assert signalled(world, round_.round_id, [0])[0].count(review_id) >= 2
    finally:
        world.stack.resume("orchestration")
    world.finish(round_)
    survived(round_, "killed before one signal and after another")


@contextmanager
def submitted_to_a_silent_temporal(
    world: World, round_: Round
) -> Iterator[tuple[str, Future[httpx.Response]]]:
    """A review on its way: its receipt is written and locked, and Temporal does not answer yet.

    When the block is over, Temporal answers, and the receipt may be acknowledged.
    """
    reviewer, temporal = world.reviewers[0], world.stack.process("temporal")
    task = world.claim(reviewer, round_)
    body = review_body(task)
    address = f"/api/v1/tasks/{task['task_id']}/review"
    receipt = (
        select(review_receipts)
        .where(review_receipts.c.review_id == body["review_id"])
        .with_for_update()
    )
    with ThreadPoolExecutor(1) as background, world.engine.connect() as connection:
        temporal.suspend()
        try:
            answer = background.submit(reviewer.ask, "POST", address, json=body)
            eventually("a receipt", lambda: connection.execute(receipt).one_or_none())
            yield body["review_id"], answer
        finally:
            temporal.resume()


def acknowledging(world: World) -> bool:
    """Whether the API waits to write down that Temporal has a review."""
    # A connection for each look: within a transaction the view does not change.
    with world.engine.connect() as connection:
        return bool(connection.execute(ACKNOWLEDGING).scalar_one())


def promised(round_: Round, review_id: str, answer: Future[httpx.Response]) -> None:
    assert answer.result().status_code == 202, answer.result().text
    assert answer.result().json()["review_id"] == review_id
    round_.acknowledged.append(review_id)
