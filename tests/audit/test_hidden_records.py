"""A round with records that few may see: where they go, and what an uncleared auditor is shown."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection, delete, select, update

from api.app import create_app
from domain.access import HIDDEN, clearance_of
from domain.accounts import Role
from domain.ids import AccountId, RecordId, RoundId
from domain.profiles import Profile
from domain.rounds import Phase
from domain.routing import Clearance
from storage import accounts, datasets, lanes, profiles, rounds, tokens
from storage.tables import batch_records, outcomes, reviews, tasks
from tests.audit.conftest import Ended
from tests.signing import SIGNER
from tests.workflows.round_world import World, text_of, truth
from workers.rebuilding import rebuild_round
from workers.settings import Settings

pytestmark = pytest.mark.slow

SECRETS = 20


def secret(number: int) -> RecordId:
    return RecordId(f"s{100 + number}")


async def run_with_secrets(world: World) -> Ended:
    """A round that no routing tells of its restricted records, judged by people who are cleared."""
    pool = world.pool(8, seeds=6, tests=0)
    lines: list[dict[str, object]] = [
        {"id": secret(number), "text": text_of(number) + " hush", "sensitivity": "restricted"}
        for number in range(SECRETS)
    ]
    world.add(pool, lines)
    for each in [*world.reviewers, world.adjudicator]:
        clear(world, each.account_id, Clearance.RESTRICTED)
    plan = world.plan(pool, round_id=RoundId(f"round-{uuid4().hex[:8]}"))
    result = await world.complete(SIGNER.sign_plan(plan), truth)
    assert result.phase is Phase.CLOSED, result.failure
    return Ended(world=world, round_id=plan.round_id, result=result)


def clear(world: World, account_id: AccountId, clearance: Clearance) -> None:
    with world.engine.begin() as connection:
        profiles.put_profile(
            connection,
            Profile(account_id=account_id, clearance=clearance),
            changed_by=account_id,
            reason="as it is",
        )


async def test_what_an_auditor_is_not_cleared_for_is_masked_and_the_ledger_stays_whole(
    world: World, temporal_address: str
) -> None:
    ended = await run_with_secrets(world)
    with world.engine.begin() as connection:
        batch = rounds.get_batch(connection, ended.round_id)
        found = {lane.number: lane for lane in lanes.list_lanes(connection, ended.round_id)}
        version = datasets.version_of_round(connection, ended.round_id)
    in_batch = {row.selection.record_id: row for row in batch}
    secrets = {record_id for record_id in in_batch if record_id.startswith("s1")}
    assert secrets, "the batch holds some"
    for record_id, row in in_batch.items():
        demanded = found[row.lane].requirement.clearance
        assert demanded is (Clearance.RESTRICTED if record_id in secrets else Clearance.PUBLIC)
    assert version is not None
    assert clearance_of(version.level) is Clearance.RESTRICTED
    assert await ended.differences() == []
    with world.engine.begin() as connection:  # so that there is something to say of every record
        connection.execute(update(reviews).values(rationale="said by nobody"))

    settings = Settings(
        data_dir=world.datasets.parent,
        database_url=world.engine.url.render_as_string(hide_password=False),
        temporal_address=temporal_address,
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    ledgers, report = {}, None
    for clearance in (Clearance.INTERNAL, Clearance.RESTRICTED):
        with world.engine.begin() as connection:
            auditor = accounts.create_account(
                connection, name=f"auditor-{clearance}", roles={Role.AUDITOR}
            )
            token = tokens.issue_token(connection, auditor.account_id, "test")
        clear(world, auditor.account_id, clearance)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://labelwright.test", headers=headers, timeout=60
        ) as client:
            base = f"/api/v1/rounds/{ended.round_id}"
            ledgers[clearance] = await client.get(f"{base}/ledger?limit=10000")
            if clearance is Clearance.INTERNAL:
                report = await client.post(f"{base}/verification")
    app.state.labelwright.engine.dispose()

    assert report is not None
    assert len(report.json()["findings"]) >= 2 * len(in_batch)
    whole = ledgers[Clearance.RESTRICTED].json()["items"]
    masked = ledgers[Clearance.INTERNAL].json()["items"]
    assert [line["hash"] for line in masked] == [line["hash"] for line in whole]
    for record_id in secrets:
        assert record_id in ledgers[Clearance.RESTRICTED].text
        assert f'"{record_id}"' not in ledgers[Clearance.INTERNAL].text
        assert record_id not in report.text
    for line, seen in zip(masked, whole, strict=True):
        if seen["subject"] in secrets:
            assert (line["subject"], line["detail"], line["reason"]) == (HIDDEN, {}, "")
        else:
            assert line["subject"] == seen["subject"]


async def test_levels_are_there_again_when_the_read_model_is_made_again(world: World) -> None:
    ended = await run_with_secrets(world)
    with world.engine.begin() as connection:
        before = levels_of(connection, ended.round_id)
        assert {level for _, _, level in before} == {0, 3}
        for table in (outcomes, reviews):
            connection.execute(delete(table).where(table.c.round_id == ended.round_id))
        assert len(levels_of(connection, ended.round_id)) < len(before)
    rebuilt = await rebuild_round(
        world.client,
        world.engine,
        world.store,
        world.datasets,
        ended.round_id,
        public_keys={},
        codec=world.client.data_converter.payload_codec,
    )
    mended = {each.table for each in rebuilt.tables if each.total}
    # Receipts are the API's, which these people did without.
    assert mended - {"review_receipts"} == {"outcomes", "reviews"}
    with world.engine.begin() as connection:
        assert levels_of(connection, ended.round_id) == before


def levels_of(connection: Connection, round_id: RoundId) -> list[tuple[str, str, int]]:
    """Table, record and level of every row that is about a record of the round."""
    return [
        (table.name, row.record_id, row.level)
        for table in (batch_records, tasks, reviews, outcomes)
        for row in connection.execute(
            select(table.c.record_id, table.c.level)
            .where(table.c.round_id == round_id)
            .order_by(table.c.record_id, table.c.level)
        )
    ]
