"""A whole round as a program outside hears of it, and as its people do."""

from __future__ import annotations

import asyncio

import pytest

from domain.ids import AccountId
from storage import notices, webhooks
from tests.webhook_receiver import SEALER, receiving
from tests.workflows.round_world import World, truth
from workers.orchestration import ensure_schedules

pytestmark = pytest.mark.slow


def inbox(world: World, account_id: AccountId) -> list[str]:
    with world.engine.connect() as connection:
        return [each.kind.value for each in reversed(notices.inbox(connection, account_id))]


async def test_a_round_tells_programs_each_step_in_order_and_people_what_concerns_them(
    world: World,
) -> None:
    with receiving() as receiver:
        with world.engine.begin() as connection:
            webhooks.add_webhook(
                connection,
                webhook_id="hook",
                url=receiver.url,
                description="",
                kinds=(),
                sealed_secret=SEALER.seal("hook", b"s" * 32),
                created_by=world.requester.account_id,
            )
        plan = world.plan(world.pool())
        result = await world.complete(plan, truth)
        assert result.published is not None
        # Only now does anything deliver: what was said while nothing did is not lost.
        await ensure_schedules(world.client)
        for _ in range(1_200):
            if receiver.received and receiver.kinds[-1].endswith("round.ended"):
                break
            await asyncio.sleep(0.05)
        events = [each.event for each in receiver.received]
    told = [each for each in events if each["type"] != "labelwright.record.outcomes"]
    names = [each["data"].get("phase") or each["type"] for each in told]
    assert names == [
        "labelwright.round.started", "snapshot", "scoring", "selecting", "routing", "reviewing",
        "assessing", "approval", "labelwright.round.approval_wanted", "publishing",
        "retraining", "labelwright.dataset.published", "evaluating", "labelwright.model.evaluated",
        "closed",
    ]  # fmt: skip
    settled = [each["data"] for each in events if each["type"] == "labelwright.record.outcomes"]
    records = [outcome["record_id"] for data in settled for outcome in data["outcomes"]]
    assert len(records) == len(set(records)) == 8
    assert [each["sequence"] for each in events] == sorted(each["sequence"] for each in events)
    assert inbox(world, world.requester.account_id) == [
        "round.approval_wanted",
        "dataset.published",
        "round.ended",
    ]
    assert inbox(world, world.approver.account_id) == ["round.approval_wanted"]
    assert inbox(world, world.reviewers[0].account_id) == []
