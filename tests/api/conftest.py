"""The API over a fresh database and a real Temporal server.

No worker runs unless a test starts one: Temporal keeps signals all the same.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import structlog.testing
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from storage import accounts
from storage.database import engine
from tests.api.team import Team
from workers import temporal
from workers.ports import LOOPBACK, free_port
from workers.processes import end, last_lines, spawn
from workers.settings import Settings


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Temporal server that the tests of this process share."""
    folder = tmp_path_factory.mktemp("temporal")
    port, log = free_port(), folder / "temporal.log"
    process = spawn(
        temporal.server_command(folder / "temporal.db", port=port, ui_port=free_port()),
        environment=dict(temporal.ENVIRONMENT),
        log=log,
        cwd=folder,
    )
    address = f"{LOOPBACK}:{port}"
    try:
        deadline = time.monotonic() + 60
        while not asyncio.run(temporal.answers(address)):
            assert process.poll() is None, last_lines(log)
            assert time.monotonic() < deadline, last_lines(log)
            time.sleep(0.1)
        yield address
    finally:
        end(process, temporal.STOP_SIGNAL, patience=10)


@pytest.fixture
def settings(database: str, tmp_path: Path, temporal_address: str) -> Settings:
    return Settings(data_dir=tmp_path, database_url=database, temporal_address=temporal_address)


@pytest.fixture
def without_temporal(database: str, tmp_path: Path) -> Settings:
    """Settings that name a port where nothing listens."""
    return Settings(
        data_dir=tmp_path, database_url=database, temporal_address=f"{LOOPBACK}:{free_port()}"
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(settings)
    yield application
    application.state.labelwright.engine.dispose()


@pytest.fixture
async def team(app: FastAPI) -> AsyncIterator[Team]:
    """One account for each role, with a client for each."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with Team(app.state.labelwright, transport) as members:
        yield members


@pytest.fixture
def served(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API on a port, with an admin's token in the environment."""
    database = engine(settings.database_url)
    token = accounts.ensure_admin(database)
    database.dispose()
    app, port = create_app(settings), free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    base = f"http://{LOOPBACK}:{port}"
    monkeypatch.setenv("LABELWRIGHT_API_URL", base)
    monkeypatch.setenv("LABELWRIGHT_TOKEN", str(token))
    # The server logs to the stdout that the commands print to: here they share a process.
    with structlog.testing.capture_logs():
        thread.start()
        _wait_for(base)
        yield base
        server.should_exit = True
        thread.join()


def _wait_for(base: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{base}/healthz").raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
