"""A round can be audited from its archived histories alone, and an edited one is noticed."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from activities.archive import archive_round
from activities.histories import round_histories
from domain.canonical import Sha256
from domain.errors import NotFound, TemporalUnavailable
from storage.artifacts import ArtifactStore
from storage.histories import ArchivedHistory, histories_of
from storage.tables import archived_histories
from tests.audit.conftest import Ended, end_a_round
from tests.audit.tampering import flipped, rewritten, tampered
from tests.workflows.round_world import World
from workers.audit import FindingKind, ledger_of

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def archive(ended: Ended) -> dict[str, ArchivedHistory]:
    """The archived histories, by workflow."""
    world = ended.world
    await archive_round(world.client, world.engine, world.store, ended.round_id)
    with world.engine.connect() as connection:
        return {row.workflow_id: row for row in histories_of(connection, ended.round_id)}


def path_of(store: ArtifactStore, row: ArchivedHistory) -> Path:
    return Path(store.path_of(row.sha256))


def edited(ended: Ended, row: ArchivedHistory, before: str, after: str) -> Sha256:
    """Stores the history with a word replaced in its payloads, as an insider would."""
    document = json.loads(gzip.decompress(path_of(ended.world.store, row).read_bytes()))

    def replaced(value: object) -> object:
        match value:
            case {"data": str(data), **others}:
                changed = base64.b64decode(data).replace(before.encode(), after.encode())
                return {"data": base64.b64encode(changed).decode()} | others
            case dict():
                return {key: replaced(item) for key, item in value.items()}
            case list():
                return [replaced(item) for item in value]
            case _:
                return value

    return ended.world.store.put(gzip.compress(json.dumps(replaced(document)).encode()))


async def test_an_archived_round_verifies_without_temporal(ended: Ended) -> None:
    rows = await archive(ended)
    assert len(rows) == 3
    live, archived = await ended.verify(), await ended.verify(live=False)
    assert (live.source, archived.source) == ("live", "archive")
    assert live.findings == archived.findings == ()
    assert live.ledger_head == archived.ledger_head
    assert "archived histories: 3" in live.checks


async def test_both_sources_tell_the_same_ledger(ended: Ended) -> None:
    await archive(ended)
    world = ended.world
    live = await ledger_of(world.client, world.engine, world.store, ended.round_id)
    archived = await ledger_of(None, world.engine, world.store, ended.round_id)
    assert live == archived
    assert [line.at for line in live] == sorted(line.at for line in live)
    assert live[0].kind == "round_requested"
    assert live[-1].kind == "round_closed"
    assert {line.source for line in live} == {"round", "shard 0", "shard 1"}
    assert {line.actor for line in live if line.kind == "review_accepted"} <= {"ann", "bob", "cid"}


async def test_changed_bytes_of_an_archived_history_are_named(ended: Ended) -> None:
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/1"]
    path = path_of(ended.world.store, row)
    with rewritten(path, flipped(path)):
        found = await ended.differences()
    assert found == [
        (FindingKind.ARCHIVE_ALTERED, f"archived history {row.workflow_id} run {row.run_id}")
    ]


async def test_a_lost_archived_history_is_named(ended: Ended) -> None:
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/1"]
    where = f"where workflow_id = '{row.workflow_id}'"
    sql = f"delete from archived_histories {where}"  # noqa: S608 -- as an insider would
    with tampered(ended.world.engine, "archived_histories", sql):
        report = await ended.verify(live=False)
    missing = [each.subject for each in report.findings if each.kind is FindingKind.HISTORY_MISSING]
    assert missing == [f"history {row.workflow_id}"]


async def test_an_edited_history_is_noticed_even_under_a_digest_of_its_own(ended: Ended) -> None:
    """Whoever can write to artifacts and database cannot make an answer another one."""
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/0"]
    sha256 = edited(ended, row, '"label":"sport"', '"label":"money"')
    engine = ended.world.engine
    which = archived_histories.c.workflow_id == row.workflow_id
    try:
        with engine.begin() as connection:
            connection.execute(update(archived_histories).where(which).values(sha256=sha256))
        archived, live = await ended.verify(live=False), await ended.verify()
    finally:
        with engine.begin() as connection:
            connection.execute(update(archived_histories).where(which).values(sha256=row.sha256))
    kinds = {finding.kind for finding in archived.findings}
    assert FindingKind.FORGED_ACTOR in kinds
    assert FindingKind.LEDGER_HEAD_DIFFERS in kinds
    assert FindingKind.ROW_CHANGED in kinds, "the tables say something else"
    assert [finding.kind for finding in live.findings] == [FindingKind.ARCHIVE_ALTERED]


async def test_what_is_nowhere_is_not_found(ended: Ended) -> None:
    world = ended.world
    with pytest.raises(NotFound):
        await ledger_of(world.client, world.engine, world.store, "never-was")  # type: ignore[arg-type]
    with pytest.raises(TemporalUnavailable):
        await ledger_of(None, world.engine, world.store, "never-was")  # type: ignore[arg-type]


@pytest.mark.asyncio(loop_scope="function")
async def test_a_round_that_temporal_has_forgotten_verifies_from_the_archive(world: World) -> None:
    ended = await end_a_round(world)
    rows = await archive(ended)
    for row in rows.values():
        await world.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=world.client.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=row.workflow_id, run_id=row.run_id
                ),
            )
        )
    await _forgotten(ended)
    report = await ended.verify()
    assert report.source == "archive"
    assert report.findings == ()
    assert report.ledger_head == ended.result.ledger_head
    assert "Temporal has forgotten the round" in report.notes


async def _forgotten(ended: Ended) -> None:
    for _ in range(300):
        try:
            await round_histories(ended.world.client, ended.round_id)
        except RPCError:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("Temporal still has the histories")
