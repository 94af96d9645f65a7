"""Worlds to run rounds in, on a time-skipping Temporal and on the development server."""

from __future__ import annotations

import sysconfig
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from storage.database import engine
from tests.temporal_server import temporal_server
from tests.workflows.round_world import World, make_world, working
from workers.conversion import MESSAGES

SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server on which weeks pass in no time while nobody does anything."""
    server = str(SCRIPTS / "temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=MESSAGES, test_server_existing_path=server
    ) as environment:
        yield environment


@pytest.fixture
def development_address(tmp_path: Path) -> Iterator[str]:
    """Where the real server is, which a busy machine is given time to start."""
    with temporal_server(tmp_path) as address:
        yield address


@pytest.fixture
async def development_server(development_address: str) -> WorkflowEnvironment:
    """The real server, with clock and history limits as in production."""
    return WorkflowEnvironment.from_client(
        await Client.connect(development_address, data_converter=MESSAGES)
    )


@pytest.fixture
async def world(
    development_server: WorkflowEnvironment, database: str, tmp_path: Path
) -> AsyncIterator[World]:
    connected = engine(database)
    made = make_world(development_server.client, connected, tmp_path)
    async with working(made):
        yield made
    connected.dispose()


@pytest.fixture
async def patient_world(
    time_skipping: WorkflowEnvironment, database: str, tmp_path: Path
) -> AsyncIterator[World]:
    """As `world`, on the server that skips time. Only for rounds that wait for a deadline."""
    connected = engine(database)
    made = make_world(time_skipping.client, connected, tmp_path)
    async with working(made):
        yield made
    connected.dispose()
