"""What a round makes of it when the servers that it stands on die."""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.conftest import Survived
from tests.faults.people import Crowd, eventually
from tests.faults.publishing import folders, no_row_may_be_written, wait_for_the_row_to_wait
from tests.faults.world import World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

SEED = 8
DOWN_SECONDS = 5


def test_temporal_is_killed_while_reviews_come_in(world: World, survived: Survived) -> None:
    """Workers that are started meanwhile wait for it, rather than die again and again."""
    round_ = world.start()
    with world.reviewing(round_) as crowd:
        crowd.wait_for(8)
        with world.down("temporal"):
            started = [world.kill(part) for part in ("orchestration", "compute")]
            refusals = stays_down(world, crowd)
        assert all(process.is_running() for process in started)
    world.finish(round_)
    survived(round_, f"1 kill, {refusals} × 503 with Retry-After and no 202 meanwhile")


def test_postgresql_is_killed_while_reviews_come_in_and_while_publishing(
    world: World, survived: Survived
) -> None:
    round_ = world.start()
    with world.reviewing(round_) as crowd:
        crowd.wait_for(8)
        with world.down("postgres"):
            refusals = stays_down(world, crowd)
    with no_row_may_be_written(world) as connection:
        world.approve(round_)
        wait_for_the_row_to_wait(world)
        with world.down("postgres"):
            connection.invalidate()
            assert folders(world, round_) == {"v1"}
    world.wait_for(round_, "closed")
    survived(round_, f"2 kills, {refusals} × 503 with Retry-After and no 202 meanwhile")


def test_everything_is_killed_in_any_order(world: World, survived: Survived) -> None:
    """While reviews come in, and once the dataset is approved; the seed fixes the orders."""
    chance = random.Random(SEED)
    round_ = world.start()
    with world.reviewing(round_) as crowd:
        crowd.wait_for(8)
        orders = [kill_everything(world, chance)]
    world.approve(round_)
    orders.append(kill_everything(world, chance))
    world.wait_for(round_, "closed")
    survived(round_, "; ".join(", ".join(order) for order in orders))


def stays_down(world: World, crowd: Crowd) -> int:
    """For some seconds nothing is promised: each answer is a 503 that says when to come again."""
    eventually("readiness is red", lambda: world.ready() == 503)
    # What was on its way when the server died may still be acknowledged, and nothing after that.
    time.sleep(1)
    promised, refused = len(crowd.acknowledged), crowd.interrupted["503"]
    time.sleep(DOWN_SECONDS)
    eventually("answers are refused", lambda: crowd.interrupted["503"] >= refused + 4)
    assert len(crowd.acknowledged) == promised
    return crowd.interrupted["503"]


def kill_everything(world: World, chance: random.Random) -> list[str]:
    order = chance.sample(world.stack.parts, k=len(world.stack.parts))
    for part in order:
        world.stack.kill(part)
    return order
