"""Messages past the API: who is not known, or speaks where the message was not meant for, is heard
and written down, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.client import Client

from activities.clock import now
from activities.histories import round_histories
from domain.ids import (
    ReviewId,
    RoundId,
    review_task_id,
    round_workflow_id,
    shard_workflow_id,
)
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    Verdict,
    VerdictKind,
)
from domain.rounds import Phase, RoundResult
from domain.signing import audience_of
from storage import reviews, rounds, signing_keys
from storage.rounds import get_batch
from tests.signing import SIGNER, signing_client
from tests.workflows.round_world import World
from workers.audit import LedgerLine, ledger_of
from workers.conversion import MESSAGES
from workers.signing import Signer

pytestmark = pytest.mark.slow

ELSEWHERE = "it was not signed for this workflow and signal"


@pytest.fixture
async def insider(world: World, development_address: str) -> Client:
    """Somebody who reaches Temporal past the API."""
    return await Client.connect(development_address, data_converter=MESSAGES)


async def reviewing(world: World) -> RoundId:
    plan = world.plan(world.pool())
    await world.start(plan)
    await world.until(plan.round_id, Phase.REVIEWING)
    for shard in (0, 1):
        await world.until_open(plan.round_id, shard)
    return plan.round_id


def answer(world: World, round_id: RoundId, ordinal: int = 0) -> Submission:
    """Ann's, to a record of the first shard."""
    with world.engine.connect() as connection:
        row = get_batch(connection, round_id)[ordinal]
    return Submission(
        review_id=ReviewId(f"review-{ordinal}"),
        task_id=review_task_id(round_id, row.shard, ordinal, 0),
        record_id=row.selection.record_id,
        verdict=Verdict(kind=VerdictKind.LABEL, label="sport"),
        confidence=1.0,
        rationale="",
        seconds=1.0,
        guideline="news@1",
        actor=world.reviewers[0],
        submitted_at=now(),
    )


async def until_written(
    world: World, round_id: RoundId, wanted: Callable[[list[LedgerLine]], bool]
) -> list[LedgerLine]:
    for _ in range(300):
        lines = await ledger_of(world.client, world.engine, world.store, round_id)
        if wanted(lines):
            return lines
        await asyncio.sleep(0.1)
    raise AssertionError([(line.kind, line.detail) for line in lines[-10:]])


def forged(lines: list[LedgerLine]) -> list[tuple[str, object, object]]:
    return [
        (line.source, line.detail["signal"], line.detail["refusal"])
        for line in lines
        if line.kind == "message_forged"
    ]


async def end(world: World, round_id: RoundId) -> None:
    handle = world.client.get_workflow_handle(round_workflow_id(round_id))
    await handle.signal("cancel_round", world.cancellation(round_id))
    await handle.result()


async def test_what_nobody_signed_for_this_place_changes_nothing(
    world: World, insider: Client
) -> None:
    round_id = await reviewing(world)
    first, second = shard_workflow_id(round_id, 0), shard_workflow_id(round_id, 1)
    said = answer(world, round_id)
    review = SIGNER.sign(said, audience=audience_of(first, "review"))
    undo = UndoRequested(
        request_id="undo",
        round_id=round_id,
        record_id=said.record_id,
        review_id=said.review_id,
        actor=said.actor,
        submitted_at=now(),
    )
    request = {
        "round_id": round_id,
        "reason": "holidays",
        "actor": world.requester,
        "submitted_at": now(),
    }
    closing = SIGNER.sign(
        ClosingRequested(request_id="close", **request),  # type: ignore[arg-type]
        audience=audience_of(first, "close_shard"),
    )
    longer = SIGNER.sign(
        DeadlineExtended(request_id="more", seconds=60.0, **request),  # type: ignore[arg-type]
        audience=audience_of(first, "extend_deadline"),
    )
    past = insider.get_workflow_handle
    await past(first).signal("review", said)
    await past(first).signal("review", replace(review, seconds=2.0))
    await past(first).signal("adjudicate", review)
    await past(second).signal("review", review)
    await past(second).signal("extend_deadline", longer)
    await past(second).signal("close_shard", closing)
    await past(second).signal("undo", undo)
    # The two have the same fields, so that the one reads as the other.
    await past(round_workflow_id(round_id)).signal("cancel_round", closing)
    lines = await until_written(world, round_id, lambda lines: len(forged(lines)) == 8)
    assert sorted(forged(lines)) == [
        ("round", "cancel_round", ELSEWHERE),
        ("shard 0", "adjudicate", ELSEWHERE),
        ("shard 0", "review", "it is not signed"),
        ("shard 0", "review", "its signature is over something else"),
        ("shard 1", "close_shard", ELSEWHERE),
        ("shard 1", "extend_deadline", ELSEWHERE),
        ("shard 1", "review", ELSEWHERE),
        ("shard 1", "undo", "it is not signed"),
    ]
    with world.engine.connect() as connection:
        assert reviews.reviews_of(connection, round_id) == []
    assert world.round(round_id).phase is Phase.REVIEWING
    # Who was named in a forged message can still speak, under the very id that was taken.
    await past(first).signal("review", review)
    [heard] = await world.until_heard(round_id, 1)
    assert (heard.review_id, heard.refusal) == (said.review_id, "")
    await end(world, round_id)


async def test_a_new_key_counts_while_a_round_is_open_and_a_strange_one_never_does(
    world: World, insider: Client
) -> None:
    round_id = await reviewing(world)
    rotated, stranger = Signer(Ed25519PrivateKey.generate()), Signer(Ed25519PrivateKey.generate())
    shard = shard_workflow_id(round_id, 0)
    strange = signing_client(insider, stranger).get_workflow_handle(shard)
    for number in range(40):
        await strange.signal("review", answer(world, round_id, number % 5))
    with world.engine.begin() as connection:
        signing_keys.make_known(connection, rotated.public_key)
    for number in range(3):
        said = answer(world, round_id, number)
        await signing_client(insider, rotated).get_workflow_handle(shard).signal("review", said)
    heard = await world.until_heard(round_id, 3)
    assert [each.refusal for each in heard] == ["", "", ""]
    renewed = signing_client(insider, rotated)
    handle = renewed.get_workflow_handle(round_workflow_id(round_id))
    await handle.signal("cancel_round", world.cancellation(round_id))
    await handle.result()
    lines = await ledger_of(world.client, world.engine, world.store, round_id)
    why = "it is signed with a key that is not known"
    assert forged(lines) == [("shard 0", "review", why)] * 40
    histories = await round_histories(world.client, round_id)
    asked = [
        event
        for history in histories
        if history.workflow_id == shard
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "signing_keys"
    ]
    assert 1 <= len(asked) <= 12, "asking pauses for longer each time that it brings nothing"


async def test_a_plan_that_nobody_signed_ends_before_anything_is_scored(
    world: World, insider: Client
) -> None:
    signed = SIGNER.sign_plan(world.plan(world.pool()))
    forged_plan = replace(signed, dataset="somebody-elses")
    with world.engine.begin() as connection:
        rounds.create_round(connection, forged_plan)
    past = await insider.start_workflow(
        "RoundWorkflow",
        forged_plan,
        id=round_workflow_id(signed.round_id),
        task_queue="orchestration",
        result_type=RoundResult,
    )
    result = await past.result()
    assert result.phase is Phase.FAILED
    assert result.failure is not None
    assert result.failure["code"] == "forged"
    lines = await ledger_of(world.client, world.engine, world.store, signed.round_id)
    assert [line.kind for line in lines] == ["message_forged", "round_failed"]
    assert lines[0].detail["claimed_name"] == world.requester.name
    shown = world.round(signed.round_id)
    assert shown.failure is not None
    assert (shown.phase, shown.failure["code"]) == (Phase.FAILED, "forged")


async def test_a_signed_plan_under_another_workflow_id_touches_no_round(
    world: World, insider: Client
) -> None:
    round_id = await reviewing(world)
    plan = world.round(round_id).plan
    past = await insider.start_workflow(
        "RoundWorkflow",
        plan,
        id="round/another",
        task_queue="orchestration",
        result_type=RoundResult,
    )
    assert (await past.result()).phase is Phase.FAILED
    assert world.round(round_id).phase is Phase.REVIEWING
    await end(world, round_id)
