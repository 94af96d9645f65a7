"""What becomes of a round whose compute worker dies, or only seems to."""

from __future__ import annotations

import asyncio
from functools import partial
from signal import SIGCONT
from typing import Any

import pytest
from temporalio.converter import DataConverter

from activities.scoring import SLICE_ROWS
from domain.ids import round_workflow_id
from tests.faults.conftest import Survived
from tests.faults.people import eventually
from tests.faults.publishing import (
    folders,
    no_row_may_be_written,
    published,
    versions,
    wait_for_the_row_to_wait,
)
from tests.faults.world import Round, World, in_slow_motion
from workers.client import payload_codec

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def test_the_compute_worker_is_killed_while_scoring(world: World, survived: Survived) -> None:
    round_, slices = killed_in_the_middle_of_scoring(world)
    eventually("the second attempt goes on", lambda: resumed_after(world, slices))
    world.finish(round_)
    survived(round_, f"killed after {slices} of 4 slices, resumed there")


def test_the_compute_worker_is_killed_while_publishing_and_retraining(
    world: World, survived: Survived
) -> None:
    """At four moments, each of a round of its own."""
    unrecorded, unmoved, unreported, retraining = reviewed(world, 4)
    with no_row_may_be_written(world):
        world.approve(unrecorded)
        wait_for_the_row_to_wait(world)
        with in_slow_motion(world.stack.process("compute")) as step:
            world.approve(unmoved)
            eventually("files are written aside", lambda: folders(world, unmoved), between=step)
            world.kill("compute")
        assert folders(world, unrecorded) == {"v1"}
        assert folders(world, unmoved) == {f"{unmoved.round_id}-1"}
    # A folder without a row is no version.
    assert versions(world, unrecorded) == versions(world, unmoved) == 0
    with in_slow_motion(world.stack.process("compute")) as step:
        world.approve(unreported)
        eventually("the row is there", lambda: versions(world, unreported), between=step)
        world.kill("compute")
    world.approve(retraining)
    world.wait_for(retraining, "retraining")
    eventually("the model is trained", lambda: world.pending(retraining, "train_model"))
    world.kill("compute")
    for round_, moment in (
        (unmoved, "while files were written"),
        (unrecorded, "between the folder's move and its row"),
        (unreported, "between row and report"),
        (retraining, "while retraining"),
    ):
        world.wait_for(round_, "closed")
        survived(round_, moment)


def test_a_worker_that_was_taken_for_dead_wakes_up_and_changes_nothing(
    world: World, survived: Survived
) -> None:
    """Stopped until its heartbeats ran out, while another worker publishes in its place."""
    locked, unlocked = reviewed(world, 2)
    sleeper = world.stack.process("compute")
    with no_row_may_be_written(world):
        world.approve(locked)
        wait_for_the_row_to_wait(world)
        with in_slow_motion(sleeper, then_asleep=True) as step:
            world.approve(unlocked)
            eventually("files are written aside", lambda: folders(world, unlocked), between=step)
            assert folders(world, unlocked) == {f"{unlocked.round_id}-1"}
    with world.another_compute_worker():
        for round_ in (locked, unlocked):
            eventually("the other one publishes", partial(versions, world, round_))
        before = [published(world, round_) for round_ in (locked, unlocked)]
        sleeper.send_signal(SIGCONT)
        eventually("the sleeper is done", lambda: world.activities_running("compute") == 0)
        for round_ in (locked, unlocked):
            world.wait_for(round_, "closed")
    assert [published(world, round_) for round_ in (locked, unlocked)] == before
    survived(locked, "asleep with the dataset's lock")
    survived(unlocked, "asleep before the lock")


# -- moments ----------------------------------------------------------------------------------


def reviewed(world: World, number: int) -> list[Round]:
    """Rounds that wait for their approval."""
    rounds = [world.start() for _ in range(number)]
    for round_ in rounds:
        with world.reviewing(round_):
            pass
    return rounds


def killed_in_the_middle_of_scoring(world: World) -> tuple[Round, int]:
    """A round whose worker died when it had reported some slices of the pool, but not all."""
    for _ in range(5):
        round_ = world.start()
        world.wait_for(round_, "scoring")
        with in_slow_motion(world.stack.process("compute")) as step:
            slices = eventually("it scores", partial(slices_reported, world, round_), between=step)
            if 0 < slices < 4:
                world.kill("compute")
                return round_, slices
        world.finish(round_)
    raise AssertionError("scoring was over too soon, each time")


def slices_reported(world: World, round_: Round) -> int | None:
    """How much of the pool is scored as far as Temporal knows; 4 when that is over."""
    shown = world.describe(round_workflow_id(round_.round_id))
    pending = {each.activity_type.name: each for each in shown.pending_activities}
    if "score_partition" in pending:
        [details] = heartbeat(world, pending["score_partition"]) or [[]]
        return len(details) - 1 if details else None
    return 4 if world.see(round_)["phase"] != "scoring" else None


def heartbeat(world: World, activity: Any) -> list[Any]:
    codec = payload_codec(world.stack.settings)
    plain = asyncio.run(codec.decode(activity.heartbeat_details.payloads))
    return DataConverter.default.payload_converter.from_payloads(plain)


def resumed_after(world: World, slices: int) -> bool:
    return any(
        entry["event"] == "goes on where a dead worker stopped"
        and entry["rows"] == slices * SLICE_ROWS
        for entry in world.log("compute")
    )
