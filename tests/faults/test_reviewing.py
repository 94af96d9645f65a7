"""What people were promised while parts of the product died under them."""

from __future__ import annotations

import time

import pytest

from tests.faults.conftest import Survived
from tests.faults.people import eventually
from tests.faults.world import World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


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


def test_temporal_is_killed_while_reviews_come_in(world: World, survived: Survived) -> None:
    round_ = world.start()
    with world.reviewing(round_) as crowd:
        crowd.wait_for(8)
        world.bring_down("temporal")
        try:
            # What was on its way when Temporal died may still be acknowledged, and nothing after.
            eventually("readiness is red", lambda: world.ready() == 503)
            time.sleep(1)
            before, refused = len(crowd.acknowledged), crowd.interrupted["503"]
            eventually("answers are refused", lambda: crowd.interrupted["503"] >= refused + 4)
            assert len(crowd.acknowledged) == before
        finally:
            world.stack.resume("temporal")
        refusals = crowd.interrupted["503"]
    world.finish(round_)
    survived(round_, f"1 kill, {refusals} × 503 with Retry-After, no 202 meanwhile")
