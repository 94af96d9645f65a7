"""A round's read model can be made again from its histories, and is what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Engine, delete, select, text
from temporalio.client import Client

from activities.archive import archive_round
from activities.clock import now
from domain.directing import Direction, TaskDirected
from domain.errors import InvalidInput
from domain.ids import (
    ReviewId,
    RoundId,
    round_workflow_id,
    shard_workflow_id,
)
from domain.moments import later
from domain.reviewing import ReviewRules
from domain.reviews import ClosingRequested, Submission, UndoRequested, Verdict, VerdictKind
from domain.rounds import Phase
from domain.routing import Queue, Routing
from domain.tasks import TaskKind
from storage import accounts, claims, lanes, pools, tasks
from storage.artifacts import ArtifactStore
from storage.database import engine as connect_database
from storage.rebuilding import ROWS, WAITING
from storage.tables import metadata
from storage.tables import tasks as tasks_table
from tests.audit.tampering import tampered
from tests.conftest import TEMPLATE
from tests.replay.scenarios import cancelled, glass_broken, looked_at_again, mistaken, published
from tests.workflows.round_world import World, candidate_of, make_world, working
from workers.audit import verify_round
from workers.conversion import encrypted
from workers.encryption import EncryptionCodec, ensure_keys
from workers.postgres import EmbeddedPostgres
from workers.rebuilding import (
    HistoryDoesNotVerify,
    RoundRebuilt,
    export_archive,
    rebuild_round,
    restore_archive,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MOMENTARY = {"review_receipts", "task_skips"}
EXPERTS = Queue(name="experts")
RECEIPTS = text(
    "insert into review_receipts (review_id, task_id, account_id, body_digest)"
    " select review_id, task_id, account_id, 'x' from reviews where round_id = :round"
    " on conflict do nothing"
)
"""As the API writes them: whoever has one has judged the record, whatever they take back."""
Snapshot = dict[str, list[dict[str, Any]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    temporal_address: str,
    postgres_server: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """Without the API's signatures: what is compared here are tables."""
    postgres_server.create_database("rebuilt", template=TEMPLATE)
    folder = tmp_path_factory.mktemp("rebuilt")
    converter = encrypted(EncryptionCodec(ensure_keys(folder / "payload.keys")))
    client = await Client.connect(temporal_address, data_converter=converter)
    connected = connect_database(postgres_server.url("rebuilt"))
    made = make_world(client, connected, folder)
    async with working(made):
        yield made
    connected.dispose()
    postgres_server.drop_database("rebuilt")


async def rebuilt(world: World, round_id: RoundId, **more: Any) -> RoundRebuilt:
    return await rebuild_round(
        more.pop("client", world.client),
        world.engine,
        world.store,
        world.datasets,
        round_id,
        public_keys={},
        codec=world.client.data_converter.payload_codec,
        **more,
    )


def shown(world: World, round_id: RoundId) -> Snapshot:
    return rows_of(world.engine, round_id)


def rows_of(engine: Engine, round_id: RoundId) -> Snapshot:
    """Every row of the round but for what is momentary: who holds a task, and receipts."""
    found: Snapshot = {}
    with engine.connect() as connection:
        for each in ROWS:
            if each.table.name in MOMENTARY:
                continue
            rows = connection.execute(
                select(each.table)
                .where(each.table.c.round_id == round_id)
                .order_by(*each.table.primary_key)
            )
            found[each.table.name] = [_lasting(each.table.name, dict(r)) for r in rows.mappings()]
    return found


def _lasting(table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table == "rounds":
        del row["archived_at"]
    if table == "tasks":
        del row["lease_until"], row["suspended_until"]
        if row["status"] in WAITING:
            row["status"] = "waiting"
        if row["status"] != "done":
            del row["holder"], row["review_id"]
    return row


def wipe(world: World, round_id: RoundId) -> None:
    """Nothing is left of the round in any table."""
    with world.engine.begin() as connection:
        for name in ("inbox_entries", "notices"):
            connection.execute(text(f"delete from {name}"))  # noqa: S608 -- names from here
        ours = select(tasks_table.c.task_id).where(tasks_table.c.round_id == round_id)
        for each in reversed(ROWS):
            which = (
                each.table.c.round_id == round_id
                if "round_id" in each.table.c
                else each.table.c.task_id.in_(ours)
            )
            connection.execute(delete(each.table).where(which))


async def turned_down(world: World) -> RoundId:
    plan = world.plan(world.pool(), round_id=RoundId("turned-down"))
    handle = await world.start(plan)
    await world.answer_all(plan.round_id)
    waiting = candidate_of(await world.until(plan.round_id, Phase.APPROVAL))
    await handle.signal("decide_approval", world.decision(plan.round_id, waiting, approved=False))
    await handle.result()
    return plan.round_id


async def terminated(world: World) -> RoundId:
    from activities.archive import end_in_read_model

    plan = world.plan(world.pool(), round_id=RoundId("terminated"))
    await world.start(plan)
    await world.until_open(plan.round_id)
    given = await world.answer_all(plan.round_id, most=3)
    await world.until_heard(plan.round_id, given)
    await world.client.get_workflow_handle(round_workflow_id(plan.round_id)).terminate(reason="x")
    assert await end_in_read_model(world.client, world.engine, plan.round_id)
    return plan.round_id


async def minds_changed(world: World) -> RoundId:
    """Answers taken back and corrected, tasks sent elsewhere, and an early end."""
    rules = ReviewRules(extra_reviews=1)
    routing = Routing(name="by-hand", queues=(EXPERTS,))
    round_id = RoundId("minds-changed")
    plan = world.plan(
        world.pool(), round_id=round_id, reviewing=rules, routing=routing, shard_size=8
    )
    handle = await world.start(plan)
    await world.until_open(round_id)
    shard = world.client.get_workflow_handle(shard_workflow_id(round_id, 0))
    given = await world.until_heard(round_id, await world.answer_all(round_id, mistaken, most=3))
    with world.engine.begin() as connection:
        connection.execute(RECEIPTS, {"round": round_id})
    people = {each.account_id: each for each in world.reviewers}
    undone, corrected = given[-1], given[-2]
    await shard.signal(
        "undo",
        UndoRequested(
            request_id="undo",
            round_id=round_id,
            record_id=undone.record_id,
            review_id=undone.review_id,
            actor=people[undone.account_id],
            submitted_at=now(),
        ),
    )
    await shard.signal(
        "review",
        Submission(
            review_id=ReviewId("better"),
            task_id=corrected.task_id,
            record_id=corrected.record_id,
            verdict=Verdict(kind=VerdictKind.ESCALATE),
            confidence=None,
            rationale="on second thought",
            seconds=1.0,
            guideline="news@1",
            actor=people[corrected.account_id],
            submitted_at=now(),
            corrects=corrected.review_id,
        ),
    )
    await directed(world, round_id)
    closing = ClosingRequested(
        request_id="close",
        round_id=round_id,
        reason="enough",
        actor=world.requester,
        submitted_at=now(),
    )
    await shard.signal("close_shard", closing)
    waiting = await world.until(round_id, Phase.APPROVAL)
    await handle.signal("decide_approval", world.decision(round_id, candidate_of(waiting)))
    await handle.result()
    return round_id


async def directed(world: World, round_id: RoundId) -> None:
    """Some of the tasks that wait are sent elsewhere, put off, passed by and withdrawn."""
    with world.engine.begin() as connection:
        own = lanes.find_lane(connection, round_id, 0)
        experts = lanes.lane_in_queue(connection, round_id, own, EXPERTS)
        open_tasks = connection.execute(
            select(tasks_table.c.task_id, tasks_table.c.record_id)
            .where(
                tasks_table.c.round_id == round_id,
                tasks_table.c.status == "open",
                tasks_table.c.kind == "review",
            )
            .order_by(tasks_table.c.ordinal.desc())
        ).all()
    ann = world.reviewers[0]
    ways: list[dict[str, Any]] = [
        {"direction": Direction.FORWARD, "to_lane": experts.number, "to_queue": "experts"},
        {"direction": Direction.DELEGATE, "to_account": ann.account_id},
        {"direction": Direction.SUSPEND, "until": later(now(), 60.0)},
        {"direction": Direction.SKIP, "actor": ann},
        {"direction": Direction.WITHDRAW},
    ]
    shard = world.client.get_workflow_handle(shard_workflow_id(round_id, 0))
    for number, (task, way) in enumerate(zip(open_tasks, ways, strict=False)):
        message = TaskDirected(
            request_id=f"way {number}",
            round_id=round_id,
            task_id=task.task_id,
            record_id=task.record_id,
            reason="it is better so",
            submitted_at=now(),
            **{"actor": world.requester} | way,
        )
        await shard.signal("direct", message)
    assert len(open_tasks) >= len(ways)


SCENARIOS: list[Callable[[World], Awaitable[RoundId]]] = [
    published,
    cancelled,
    turned_down,
    looked_at_again,
    minds_changed,
    terminated,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
async def test_what_was_wiped_is_there_again(
    world: World, scenario: Callable[[World], Awaitable[RoundId]]
) -> None:
    round_id = await scenario(world)
    before = shown(world, round_id)
    assert before["reviews"]
    untouched = await rebuilt(world, round_id)
    assert untouched.findings == ()
    assert [each for each in untouched.tables if each.table not in MOMENTARY] == []
    wipe(world, round_id)
    made = await rebuilt(world, round_id)
    assert made.source == "live"
    assert shown(world, round_id) == before
    assert (await rebuilt(world, round_id)).mended == 0, "a second time changes nothing"


async def test_the_archive_alone_is_enough(world: World) -> None:
    plan = world.plan(world.pool(), round_id=RoundId("from-the-archive"))
    await world.complete(plan, mistaken)
    before = shown(world, plan.round_id)
    await archive_round(world.client, world.engine, world.store, plan.round_id)
    wipe(world, plan.round_id)
    made = await rebuilt(world, plan.round_id, client=None, source="archive")
    assert (made.source, made.histories) == ("archive", 3)
    assert shown(world, plan.round_id) == before


async def test_an_exported_archive_gives_the_same_in_an_empty_database_and_store(
    world: World, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    pool = world.pool(60)
    # By name the second comes first, and its version builds on the other's.
    for name in ("z-first", "a-second"):
        plan = world.plan(pool, round_id=RoundId(name))
        await world.complete(plan, mistaken)
        await archive_round(world.client, world.engine, world.store, plan.round_id)
    names = [RoundId("a-second"), RoundId("z-first")]
    codec = world.client.data_converter.payload_codec
    assert codec is not None
    taken = tmp_path / "taken"
    exported = await export_archive(world.engine, world.store, taken, names, codec=codec)
    assert (exported.rounds, exported.histories) == (2, 6)

    postgres_server.create_database("restored", template=TEMPLATE)
    elsewhere = connect_database(postgres_server.url("restored"))
    store, datasets = ArtifactStore(tmp_path / "artifacts"), tmp_path / "datasets"
    for _ in range(2):
        restored = await restore_archive(
            elsewhere, store, datasets, taken, public_keys={}, codec=codec
        )
        assert {each.rebuilt.round_id for each in restored} == set(names)
    assert not any(each.files or each.rebuilt.mended for each in restored), "twice is as once"
    for name in names:
        assert rows_of(elsewhere, name) == shown(world, name)
        report = await verify_round(
            None, elsewhere, store, datasets, name, public_keys={}, codec=codec
        )
        assert report.findings == ()
    with elsewhere.connect() as connection, world.engine.connect() as before:
        there, here = pools.get_pool(connection, pool), pools.get_pool(before, pool)
        assert replace(there, created_at=here.created_at) == here
        assert all(each.disabled_at for each in accounts.list_accounts(connection))
    elsewhere.dispose()
    postgres_server.drop_database("restored")


async def test_what_is_no_archive_is_not_taken_in(world: World, tmp_path: Path) -> None:
    codec = world.client.data_converter.payload_codec
    assert codec is not None
    for index in (None, "{}", '{"format": "another", "histories": []}', "no json"):
        if index is not None:
            write(tmp_path / "archive.json", index)
        with pytest.raises(InvalidInput):
            await restore_archive(
                world.engine, world.store, world.datasets, tmp_path, public_keys={}, codec=codec
            )


def write(path: Path, content: str) -> None:
    path.write_text(content)


async def test_an_open_round_is_open_again_and_goes_on(world: World) -> None:
    plan = world.plan(world.pool(), round_id=RoundId("still-open"))
    handle = await world.start(plan)
    given = await world.until_heard(
        plan.round_id, await world.answer_all(plan.round_id, mistaken, most=4)
    )
    with world.engine.begin() as connection:
        [who, *_] = world.reviewers
        held = claims.claim_task(
            connection, who.account_id, kinds={TaskKind.REVIEW}, lease=claims.URGENT,
            round_id=plan.round_id,
        )  # fmt: skip
    before = shown(world, plan.round_id)
    assert held is not None
    await rebuilt(world, plan.round_id)
    with world.engine.connect() as connection:
        assert tasks.find_task(connection, held.task_id).holder == who.account_id
    wipe(world, plan.round_id)
    await rebuilt(world, plan.round_id)
    after = shown(world, plan.round_id)
    parts: Snapshot = {"participations": []}
    assert after | parts == before | parts
    assert len(given) == len(after["reviews"])
    with world.engine.connect() as connection:
        assert tasks.find_task(connection, held.task_id).status == "open"
    await world.answer_all(plan.round_id)
    waiting = await world.until(plan.round_id, Phase.APPROVAL)
    await handle.signal("decide_approval", world.decision(plan.round_id, candidate_of(waiting)))
    assert (await handle.result()).phase is Phase.CLOSED


async def test_only_what_was_changed_is_set_right_and_it_is_named(world: World) -> None:
    plan = world.plan(world.pool(), round_id=RoundId("tampered"))
    await world.complete(plan, mistaken)
    before = shown(world, plan.round_id)
    with world.engine.begin() as connection:
        for sql in (
            "update outcomes set label_confidence = 0.1 where round_id = 'tampered'",
            "delete from reviews where round_id = 'tampered' and task_id like '%review-0'",
            "update rounds set phase = 'failed' where round_id = 'tampered'",
        ):
            assert connection.execute(text(sql)).rowcount > 0
    made = await rebuilt(world, plan.round_id)
    mended = {each.table: (bool(each.added), bool(each.changed)) for each in made.tables}
    assert {name: mended[name] for name in ("outcomes", "reviews", "rounds")} == {
        "outcomes": (False, True),
        "reviews": (True, False),
        "rounds": (False, True),
    }
    assert set(mended) <= {"outcomes", "reviews", "rounds"} | MOMENTARY
    assert shown(world, plan.round_id) == before


async def test_a_dataset_for_which_the_glass_was_broken_is_there_again(world: World) -> None:
    round_id = await glass_broken(world)
    before = shown(world, round_id)
    with world.engine.begin() as connection:
        gone = text("delete from dataset_versions where round_id = :round")
        assert connection.execute(gone, {"round": round_id}).rowcount == 1
    made = await rebuilt(world, round_id)
    assert "dataset_versions" in {each.table for each in made.tables}
    assert shown(world, round_id) == before


async def test_nothing_is_made_from_histories_that_do_not_verify(world: World) -> None:
    plan = world.plan(world.pool(), round_id=RoundId("unverified"))
    await world.complete(plan)
    await archive_round(world.client, world.engine, world.store, plan.round_id)
    sql = f"""delete from archived_histories
              where workflow_id = '{shard_workflow_id(plan.round_id, 1)}'"""  # noqa: S608
    before = shown(world, plan.round_id)
    with tampered(world.engine, "archived_histories", sql):
        with pytest.raises(HistoryDoesNotVerify):
            await rebuilt(world, plan.round_id, client=None, source="archive")
        assert shown(world, plan.round_id) == before
        forced = await rebuilt(world, plan.round_id, client=None, source="archive", force=True)
        assert forced.findings
        assert forced.mended > 0
    await rebuilt(world, plan.round_id)
    assert shown(world, plan.round_id) == before


async def test_every_table_of_rounds_is_rebuilt_or_known_to_be_something_else() -> None:
    of_rounds = {name for name, table in metadata.tables.items() if "round_id" in table.c}
    apart = {"archived_histories", "notices"}
    assert of_rounds - apart <= {each.table.name for each in ROWS}
