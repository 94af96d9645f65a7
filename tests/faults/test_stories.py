"""People at random, processes killed at random: what was promised, heard and shown is one and the
same, and what comes of it is what a plain model says.

`LABELWRIGHT_TEST_SEED` is the story that is told, `LABELWRIGHT_TEST_STEPS` how long it is.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import select

from domain.reviews import Submission
from storage import reviews
from storage.tables import review_receipts
from storage.tables import reviews as review_rows
from tests.faults.evidence import check_by_audit
from tests.faults.report import FAULT
from tests.faults.stories import REVIEWING, Story, shard_runs, signals
from tests.faults.world import REVIEWS_PER_RECORD, Round, World
from tests.reviewing_model import Message, Model, Rules
from workers.client import connect

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

SEED = int(os.environ.get("LABELWRIGHT_TEST_SEED", "1"))
STEPS = int(os.environ.get("LABELWRIGHT_TEST_STEPS", "150"))


def test_people_and_crashes_at_random(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    record_property(FAULT, f"people and crashes at random, seed {SEED}, {STEPS} steps")
    people = [world.join(f"everybody {n}", "reviewer", "adjudicator") for n in range(5)]
    round_ = world.start(reviewing=REVIEWING)
    world.wait_for(round_, "reviewing")
    story = Story(world, round_, people, random.Random(SEED))
    try:
        story.tell(STEPS)
        story.end()
    finally:
        # Shown with a failure, and only then.
        sys.stdout.write("\n".join([f"seed {SEED}", *story.told, ""]))
        for person in people:
            person.close()
    heard, runs = asyncio.run(heard_by(world, round_))
    promised = check_nothing_lost(world, round_, story, heard)
    model = replayed(world, round_, heard)
    check_what_came_of_it(world, round_, model)
    check_by_audit(world, round_)
    standing = sum(status == "accepted" for status in model.status.values())
    record_property(
        "found",
        f"{len(promised)} answers acknowledged, in history and in the read model, "
        f"{standing} of them stand; {len(heard)} signals in {runs} runs of the shard; "
        "outcomes as the model's",
    )


async def heard_by(world: World, round_: Round) -> tuple[list[Message], int]:
    """What the shard was told, and in how many runs."""
    client = await connect(world.stack.settings)
    runs = await shard_runs(client, round_)
    return [message for _, message in await signals(client, runs)], len(runs)


def replayed(world: World, round_: Round, heard: list[Message]) -> Model:
    """The model, told what the shard was told. No time passes: every window is longer."""
    page = world.team.get(f"/api/v1/rounds/{round_.round_id}/batch?limit=500")
    rules = Rules(
        wanted=REVIEWS_PER_RECORD,
        extra=int(REVIEWING["extra_reviews"]),
        min_confidence=REVIEWING["min_confidence"],
        undo_seconds=REVIEWING["undo_seconds"],
    )
    model = Model([each["record_id"] for each in page["items"]], rules, seconds=14 * 86_400.0)
    for message in heard:
        model.hear(message, 0.0)
    return model


def check_nothing_lost(world: World, round_: Round, story: Story, heard: list[Message]) -> set[str]:
    """Acknowledged = history = read model, each once; what was sent twice was promised twice."""
    promised = set(story.promised)
    with world.engine.connect() as connection:
        rows = connection.scalars(
            select(review_rows.c.review_id).where(review_rows.c.round_id == round_.round_id)
        ).all()
        acknowledged = connection.scalars(
            select(review_receipts.c.review_id).where(
                review_receipts.c.review_id.in_(promised),
                review_receipts.c.acknowledged_at.is_not(None),
            )
        ).all()
    in_history = {each.review_id for each in heard if isinstance(each, Submission)}
    assert promised == in_history == set(rows) == set(acknowledged)
    assert len(rows) == len(promised)
    return promised


def check_what_came_of_it(world: World, round_: Round, model: Model) -> None:
    """Each answer and each record stands in the tables as in the model; nobody had two parts."""
    with world.engine.connect() as connection:
        shown = reviews.reviews_of(connection, round_.round_id)
        concluded = reviews.outcomes_of(connection, round_.round_id)
    assert {each.review_id: each.status.value for each in shown} == model.status
    assert {
        each.outcome.record_id: (
            each.outcome.how.value,
            each.outcome.verdict and each.outcome.verdict.answer,
        )
        for each in concluded
    } == model.outcomes
    for record_id in model.records:
        given = [each for each in shown if each.record_id == record_id]
        standing = [each.account_id for each in given if each.status == "accepted"]
        assert len(standing) == len(set(standing))
        of_kind = [each for each in given if each.kind == "review" and each.status == "accepted"]
        assert len(of_kind) <= REVIEWS_PER_RECORD + int(REVIEWING["extra_reviews"])
        reviewed, adjudicated = (
            {each.account_id for each in given if each.kind == kind and each.status != "refused"}
            for kind in ("review", "adjudication")
        )
        assert not reviewed & adjudicated
