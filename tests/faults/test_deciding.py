"""What becomes of a decision about a held batch when nobody is there to take it up."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Survived
from tests.faults.world import World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def test_the_workers_are_killed_while_a_batch_is_held(world: World, survived: Survived) -> None:
    """Once before anybody decides, and again so that the decision is made while nobody works."""
    round_ = world.start(policy="gated@1")
    world.wait_for(round_, "checking")
    world.kill("orchestration")
    assert world.see(round_)["phase"] == "checking"
    with world.down("orchestration"), world.down("compute"):
        world.accept(round_)
        assert world.see(round_)["phase"] == "checking"
    world.finish(round_)
    [decision] = world.see(round_)["summary"]["batch_decisions"]
    assert (decision["action"], decision["reason"]) == ("accept", "it will do")
    survived(round_, "2 kills, accepted while no worker ran")
