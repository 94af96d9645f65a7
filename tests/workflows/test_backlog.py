"""What people say while no worker runs, however long it is, is all taken up afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.clock import now
from domain.ids import ReviewId, review_task_id, shard_workflow_id
from domain.reviews import MAX_RATIONALE, Submission, Verdict, VerdictKind
from domain.rounds import Phase
from storage import rounds
from storage.database import engine
from tests.workflows.round_world import ALL_AT_RANDOM, POLICY, make_world, truth, working

pytestmark = pytest.mark.slow

RECORDS = 50


async def test_a_backlog_of_the_longest_rationales_in_emoji_is_taken_up(
    development_server: WorkflowEnvironment, database: str, tmp_path: Path
) -> None:
    connected = engine(database)
    world = make_world(development_server.client, connected, tmp_path)
    policy = replace(POLICY, batch_size=RECORDS, arms=ALL_AT_RANDOM)
    plan = world.plan(world.pool(records=70), policy=policy, shard_size=RECORDS)
    async with working(world):
        await world.start(plan)
        await world.until_open(plan.round_id)
    with connected.connect() as connection:
        batch = rounds.get_batch(connection, plan.round_id)
    shard = world.client.get_workflow_handle(shard_workflow_id(plan.round_id, 0))
    for row in batch:
        for slot, who in enumerate(world.reviewers[:2]):
            record = row.selection.record_id
            answer = Submission(
                review_id=ReviewId(f"{record}/{slot}"),
                task_id=review_task_id(plan.round_id, 0, row.selection.ordinal, slot),
                record_id=record,
                verdict=Verdict(kind=VerdictKind.LABEL, label=truth(record)),
                confidence=None,
                rationale="\N{GRINNING FACE}" * MAX_RATIONALE,
                seconds=1.0,
                guideline="news@1",
                actor=who,
                submitted_at=now(),
            )
            await shard.signal("review", answer)
    async with working(world):
        waiting = await world.until(plan.round_id, Phase.APPROVAL)
    assert waiting.summary["quality"]["agreed"] == RECORDS
    connected.dispose()
