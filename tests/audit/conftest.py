"""Rounds that really ran, with every message signed as the API signs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from activities.archive import archive_round
from domain.ids import RecordId, RoundId, round_workflow_id
from domain.rounds import RoundPlan, RoundResult
from storage.database import engine as connect_database
from storage.histories import ArchivedHistory, histories_of
from tests.conftest import TEMPLATE
from tests.signing import KEYS, SIGNER
from tests.temporal_server import temporal_server
from tests.workflows.round_world import Answer, World, make_world, truth, working
from workers.audit import AuditReport, FindingKind, verify_round
from workers.conversion import encrypted
from workers.encryption import EncryptionCodec, ensure_keys
from workers.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with temporal_server(tmp_path_factory.mktemp("temporal")) as address:
        yield address


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A round that ran to its end, and its world."""

    world: World
    round_id: RoundId
    result: RoundResult

    async def verify(self, *, live: bool = True) -> AuditReport:
        """As an auditor would; `live=False` is for when Temporal does not answer."""
        return await verify_round(
            self.world.client if live else None,
            self.world.engine,
            self.world.store,
            self.world.datasets,
            self.round_id,
            public_keys=KEYS,
            codec=self.world.client.data_converter.payload_codec,
        )

    async def differences(self, *, live: bool = True) -> list[tuple[FindingKind, str]]:
        report = await self.verify(live=live)
        assert report.verified == (not report.findings)
        return [(finding.kind, finding.subject) for finding in report.findings]


def signed_plan(world: World, **changes: object) -> RoundPlan:
    """A plan of its own name: the worlds of several tests share a Temporal server."""
    names = {"round_id": RoundId(f"round-{uuid4().hex[:8]}")}
    return SIGNER.sign_plan(world.plan(world.pool(), **names | changes))


async def end_a_round(world: World, answer: Answer = truth, **changes: object) -> Ended:
    plan = signed_plan(world, **changes)
    result = await world.complete(plan, answer)
    return Ended(world=world, round_id=plan.round_id, result=result)


async def verify(world: World, round_id: RoundId, keys: dict[str, str] = KEYS) -> AuditReport:
    return await verify_round(
        world.client, world.engine, world.store, world.datasets, round_id, public_keys=keys
    )


async def end_open_round(world: World, plan: RoundPlan) -> None:
    handle = world.client.get_workflow_handle(round_workflow_id(plan.round_id))
    await handle.signal("cancel_round", world.cancellation(plan.round_id))
    await handle.result()


async def archive(ended: Ended) -> dict[str, ArchivedHistory]:
    """The archived histories, by workflow."""
    world = ended.world
    await archive_round(world.client, world.engine, world.store, ended.round_id)
    with world.engine.connect() as connection:
        return {row.workflow_id: row for row in histories_of(connection, ended.round_id)}


def divided(record_id: RecordId, reviewer: str) -> str:
    """Bob is wrong about every third record, so that some are adjudicated."""
    right = truth(record_id)
    if reviewer == "bob" and int(record_id[1:]) % 3 == 0:
        return "money" if right == "sport" else "sport"
    return right


@asynccontextmanager
async def signing_world(address: str, database_url: str, folder: Path) -> AsyncIterator[World]:
    connected = connect_database(database_url)
    converter = encrypted(EncryptionCodec(ensure_keys(folder / "secrets" / "payload.keys")))
    client = await Client.connect(address, data_converter=converter)
    world = make_world(client, connected, folder)
    async with working(world):
        yield world
    connected.dispose()


@pytest.fixture
def hasty_temporal(tmp_path: Path) -> Iterator[str]:
    """A server that wants workflows to continue as new after a handful of events."""
    option = "limit.historyCount.suggestContinueAsNew=30"
    with temporal_server(tmp_path, "--dynamic-config-value", option) as address:
        yield address


@pytest.fixture
async def world(temporal_address: str, database: str, tmp_path: Path) -> AsyncIterator[World]:
    async with signing_world(temporal_address, database, tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ended(
    temporal_address: str,
    postgres_server: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Ended]:
    """One round for all tests of a module: whoever tampers with it sets it right again."""
    postgres_server.create_database("audited", template=TEMPLATE)
    folder = tmp_path_factory.mktemp("audited")
    async with signing_world(temporal_address, postgres_server.url("audited"), folder) as made:
        yield await end_a_round(made, divided)
    postgres_server.drop_database("audited")
