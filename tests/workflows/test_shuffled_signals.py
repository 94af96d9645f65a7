"""Where order does not matter, none makes a difference, however often each signal comes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import product

import pytest
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import now
from domain.accounts import Actor
from domain.ids import (
    RecordId,
    ReviewId,
    adjudication_task_id,
    review_task_id,
    shard_workflow_id,
)
from domain.reviewing import ReviewRules
from domain.reviews import Submission, Verdict, VerdictKind
from domain.rounds import Phase, RoundPlan
from storage import reviews, rounds
from tests.reviewing_model import Model, Rules
from tests.workflows.round_world import World

pytestmark = pytest.mark.slow

RECORDS = 8
SAID = tuple(product(("label:sport", "label:money", "escalate"), repeat=2))
"""What the two reviewers of a record say, record by record."""


@pytest.mark.parametrize("seed", [1, 2])
async def test_shuffled_and_doubled_signals_come_to_the_same_outcomes(
    world: World, seed: int
) -> None:
    """First all reviews, then a correction of each, then all decisions, each lot in any order."""
    rules = ReviewRules(undo_seconds=0.0)
    plan = world.plan(world.pool(), shard_size=RECORDS, reviewing=rules)
    await world.start(plan)
    await world.until_open(plan.round_id)
    with world.engine.connect() as connection:
        batch = rounds.get_batch(connection, plan.round_id, limit=RECORDS)
    records = {row.selection.ordinal: row.selection.record_id for row in batch}
    # The records that need a decision keep the shard from ending before the last lot.
    lots = [
        [answer(plan, records, n, slot, world.reviewers[slot]) for n in records for slot in (0, 1)],
        [answer(plan, records, n, 0, world.reviewers[0], better=True) for n in records],
        [answer(plan, records, n, None, world.adjudicator) for n in records],
    ]
    expected = Model(records.values(), Rules(extra=0, undo_seconds=0.0), seconds=1e9)
    for message in (each for lot in lots for each in lot):
        expected.hear(message, 0.0)

    chance = random.Random(seed)
    for number, lot in enumerate(lots):
        await send(world, plan, chance.sample([*lot, *lot], 2 * len(lot)))
        if number < len(lots) - 1:
            await world.until_heard(plan.round_id, sum(map(len, lots[: number + 1])))
    await world.until(plan.round_id, Phase.APPROVAL)

    with world.engine.connect() as connection:
        shown = reviews.reviews_of(connection, plan.round_id)
        concluded = reviews.outcomes_of(connection, plan.round_id)
    outcomes = {
        each.outcome.record_id: (
            each.outcome.how,
            each.outcome.verdict and each.outcome.verdict.answer,
        )
        for each in concluded
    }
    assert outcomes == expected.outcomes
    assert {how for how, _ in outcomes.values()} == {"agreement", "adjudication"}
    statuses = {each.review_id: each.status for each in shown if each.kind == "review"}
    assert statuses == {name: expected.status[name] for name in statuses}
    assert len(statuses) == 3 * RECORDS


def answer(
    plan: RoundPlan,
    records: dict[int, RecordId],
    ordinal: int,
    slot: int | None,
    who: Actor,
    *,
    better: bool = False,
) -> Submission:
    """What that person says of the record; `better` is how they correct it."""
    if slot is None:
        task_id, said = adjudication_task_id(plan.round_id, 0, ordinal), "label:sport"
    else:
        task_id = review_task_id(plan.round_id, 0, ordinal, slot)
        said = SAID[(ordinal + 4 if better else ordinal) % len(SAID)][slot]
    kind, _, label = said.partition(":")
    return Submission(
        review_id=ReviewId(f"{task_id}{'/better' if better else ''}"),
        task_id=task_id,
        record_id=records[ordinal],
        verdict=Verdict(kind=VerdictKind(kind), label=label or None),
        confidence=0.9,
        rationale="the words",
        seconds=1.0,
        guideline="news@1",
        actor=who,
        submitted_at=now(),
        corrects=ReviewId(task_id) if better else None,
    )


async def send(world: World, plan: RoundPlan, messages: Sequence[Submission]) -> None:
    """All at once, begun in this order. What comes after the last decision finds nobody."""
    shard = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    answers = await asyncio.gather(
        *(
            shard.signal("adjudicate" if "adjudication" in each.task_id else "review", each)
            for each in messages
        ),
        return_exceptions=True,
    )
    for error in filter(None, answers):
        assert isinstance(error, RPCError)
        assert error.status is RPCStatusCode.NOT_FOUND
