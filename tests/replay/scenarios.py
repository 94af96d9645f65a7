"""Rounds whose histories are kept: between them they walk every path of the workflows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle, WorkflowHistory

from activities.clock import now
from activities.histories import round_histories, workflow_type_of
from domain.arms import Arm, ArmKind
from domain.directing import Direction
from domain.ids import ORCHESTRATION_QUEUE, RecordId, RoundId, round_workflow_id
from domain.moments import later
from domain.policy import Gate, Measure
from domain.reviewing import ReviewRules
from domain.rounds import Phase, RoundResult
from storage import reviews, rounds
from tests.replay import people
from tests.signing import SIGNER
from tests.workflows.round_world import POLICY, World, candidate_of, held_batch_of, truth
from workflows.rounds import RoundWorkflow

Handle = WorkflowHandle[RoundWorkflow, RoundResult]


def _command(event: HistoryEvent) -> str | None:
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            return f"activity {scheduled.activity_type.name}"
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            child = event.start_child_workflow_execution_initiated_event_attributes
            return f"child {child.workflow_type.name}"
        case EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            return "cancel child"
        case EventType.EVENT_TYPE_TIMER_STARTED:
            return "timer"
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            return "patch"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            return "complete"
        case _:
            return None


def mistaken(record_id: RecordId, reviewer: str) -> str:
    """Cid is mistaken about every third record, so that some are adjudicated."""
    right = truth(record_id)
    if reviewer == "cid" and int(record_id[1:]) % 3 == 0:
        return "sport" if right == "money" else "money"
    return right


async def published(world: World) -> RoundId:
    plan = world.plan(world.pool(), round_id=RoundId("published"))
    await world.complete(plan, mistaken)
    return plan.round_id


async def looked_at_again(world: World) -> RoundId:
    plan = world.plan(world.pool(), round_id=RoundId("looked-at-again"))
    handle = await world.start(plan)
    await world.answer_all(plan.round_id, mistaken)
    before = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    with world.engine.connect() as connection:
        found = reviews.outcomes_of(connection, plan.round_id)
    again = tuple(sorted(each.outcome.record_id for each in found)[:3])
    rejection = world.decision(plan.round_id, before, approved=False, records=again)
    await handle.signal(RoundWorkflow.decide_approval, rejection)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id)
    after = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    await handle.signal(RoundWorkflow.decide_approval, world.decision(plan.round_id, after))
    await handle.result()
    return plan.round_id


async def cancelled(world: World) -> RoundId:
    plan = world.plan(world.pool(), round_id=RoundId("cancelled"))
    handle = await world.start(plan)
    await world.until(plan.round_id, Phase.REVIEWING)
    await world.answer_all(plan.round_id, most=5)
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(plan.round_id))
    await handle.result()
    return plan.round_id


async def _held(world: World, name: str) -> tuple[RoundId, Handle, str]:
    """A round whose batch failed a gate, with the batch's digest."""
    gate = Gate(measure=Measure.RANDOM_SHARE, at_least=0.9)
    policy = replace(POLICY, name="strict", gates=(gate,))
    plan = world.plan(world.pool(), round_id=RoundId(name), policy=policy)
    handle = await world.start(plan)
    waiting = await world.until(plan.round_id, Phase.CHECKING)
    return plan.round_id, handle, held_batch_of(waiting)


async def accepted(world: World) -> RoundId:
    round_id, handle, digest = await _held(world, "accepted")
    await handle.signal(RoundWorkflow.decide_batch, world.batch_decision(round_id, "0" * 64))
    await handle.signal(RoundWorkflow.decide_batch, world.batch_decision(round_id, digest))
    return await _approved(world, handle, round_id)


async def amended(world: World) -> RoundId:
    """By a policy that asks a committee, so that the pool is scored again."""
    round_id, handle, digest = await _held(world, "amended")
    arms = (
        Arm(name="disagreement", kind=ArmKind.DISAGREEMENT, share=0.5),
        Arm(name="random", kind=ArmKind.RANDOM, share=0.5),
    )
    decision = world.batch_decision(
        round_id, digest, policy=replace(POLICY, name="committee", arms=arms)
    )
    await handle.signal(RoundWorkflow.decide_batch, decision)
    return await _approved(world, handle, round_id)


async def cancelled_while_held(world: World) -> RoundId:
    round_id, handle, _ = await _held(world, "cancelled-while-held")
    await handle.signal(RoundWorkflow.cancel_round, world.cancellation(round_id))
    await handle.result()
    return round_id


async def _approved(world: World, handle: Handle, round_id: RoundId) -> RoundId:
    """The round, reviewed and approved."""
    await world.until(round_id, Phase.REVIEWING)
    await world.answer_all(round_id, mistaken)
    waiting = candidate_of(await world.until(round_id, Phase.APPROVAL))
    await handle.signal(RoundWorkflow.decide_approval, world.decision(round_id, waiting))
    await handle.result()
    return round_id


async def second_thoughts(world: World) -> RoundId:
    """Answers are taken back and corrected, tasks go other ways, and somebody forges an answer."""
    # The shards stay open until nothing can be taken back any more.
    plan = world.plan(
        world.pool(), round_id=RoundId("second-thoughts"), reviewing=ReviewRules(undo_seconds=5.0)
    )
    round_id, handle = plan.round_id, await world.start(plan)
    for shard in (0, 1):
        await world.until_open(round_id, shard)
    first, second, third = world.open_tasks(round_id)[:3]
    await people.direct(world, round_id, first, Direction.SUSPEND, until=later(now(), 3_600.0))
    await people.direct(world, round_id, first, Direction.RESUME)
    cid = world.reviewers[2]
    await people.direct(world, round_id, second, Direction.DELEGATE, to_account=cid.account_id)
    await people.put_back(world, cid)
    await people.direct(world, round_id, third, Direction.WITHDRAW)
    await world.answer_all(round_id, most=3)
    heard = await world.until_heard(round_id, 3)
    await people.forge(world, heard[0])
    await people.take_back(world, heard[0])
    await people.correct(world, heard[1], "money")
    await world.answer_all(round_id, mistaken)
    waiting = candidate_of(await world.until(round_id, Phase.APPROVAL))
    await handle.signal(RoundWorkflow.decide_approval, world.decision(round_id, waiting))
    await handle.result()
    return round_id


async def glass_broken(world: World) -> RoundId:
    """Who asked for the round approves its dataset, openly."""
    plan = world.plan(world.pool(), round_id=RoundId("glass-broken"))
    handle = await world.start(plan)
    await world.answer_all(plan.round_id)
    waiting = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    decision = world.decision(plan.round_id, waiting, who=world.requester)
    await handle.signal(RoundWorkflow.decide_approval, decision)
    emergency = replace(
        world.decision(plan.round_id, waiting, who=world.requester),
        break_glass=True,
        reason="every approver is on the plane and the model is down",
    )
    await handle.signal(RoundWorkflow.decide_approval, emergency)
    await handle.result()
    return plan.round_id


async def forged(world: World) -> RoundId:
    """A plan that nobody signed."""
    plan = world.plan(world.pool(), round_id=RoundId("forged"))
    with world.engine.begin() as connection:
        rounds.create_round(connection, plan)
    signature = f"{SIGNER.key_id}:{'A' * 86}=="
    handle = await world.client.start_workflow(
        RoundWorkflow.run,
        replace(plan, signature=signature),
        id=round_workflow_id(plan.round_id),
        task_queue=ORCHESTRATION_QUEUE,
    )
    await handle.result()
    return plan.round_id


async def failed(world: World) -> RoundId:
    plan = world.plan(world.pool(records=16), round_id=RoundId("failed"))
    await (await world.start(plan)).result()
    return plan.round_id


SCENARIOS: dict[str, Callable[[World], Awaitable[RoundId]]] = {
    "published": published,
    "looked-at-again": looked_at_again,
    "cancelled": cancelled,
    "accepted": accepted,
    "amended": amended,
    "cancelled-while-held": cancelled_while_held,
    "failed": failed,
    "second-thoughts": second_thoughts,
    "glass-broken": glass_broken,
    "forged": forged,
}


async def play(world: World, scenario: str) -> list[WorkflowHistory]:
    """Runs the scenario; the round's history comes first, then its shards'."""
    return await round_histories(world.client, await SCENARIOS[scenario](world))


def fingerprint(history: WorkflowHistory) -> list[str]:
    """The commands that the workflow gave, in order: what a change of its code must not change.

    How often a shard shows what was said hangs on when people speak, and its timers on that: of a
    shard each command stands once, where it came first.
    """
    commands = [command for event in history.events if (command := _command(event)) is not None]
    is_shard = workflow_type_of(history) == "ReviewShardWorkflow"
    return list(dict.fromkeys(commands)) if is_shard else commands


def fingerprints(histories: list[WorkflowHistory]) -> dict[str, list[str]]:
    """Those of a round and of each of its shards, by workflow id."""
    return {history.workflow_id: fingerprint(history) for history in histories}
