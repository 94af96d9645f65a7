"""What people were promised while parts of the product died under them."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Survived
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
