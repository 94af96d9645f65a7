"""A real PostgreSQL for each test process, and a fresh database for each test that wants one."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from storage.database import upgrade
from tests.faults.report import pytest_terminal_summary
from workers.ports import free_port
from workers.postgres import (
    STOP_SIGNAL,
    THROWAWAY,
    EmbeddedPostgres,
    make_reachable,
    new_password,
    system_user,
)
from workers.processes import end, last_lines, spawn

__all__ = ["pytest_terminal_summary"]

TEMPLATE = "migrated"
_numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that needs a server is slow, whether it says so or not."""
    for item in items:
        if "postgres_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def reachable_dir() -> Iterator[Path]:
    """A folder that goes away and that, unlike pytest's, PostgreSQL's system account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="labelwright-test-"))
    make_reachable(folder / "anything")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(reachable_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server, empty but for a migrated database to copy."""
    server = EmbeddedPostgres(
        folder=reachable_dir / "postgres",
        port=free_port(),
        password=new_password(),
        options=tuple(THROWAWAY.items()),
    )
    server.initialise()
    log = reachable_dir / "postgres.log"
    process = spawn(
        server.command(),
        environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        log=log,
        cwd=reachable_dir,
        user=system_user(),
        death_signal=STOP_SIGNAL,
    )
    try:
        deadline = time.monotonic() + 30
        while not server.answers():
            assert process.poll() is None, last_lines(log)
            assert time.monotonic() < deadline, last_lines(log)
            time.sleep(0.05)
        server.create_database(TEMPLATE)
        upgrade(server.url(TEMPLATE))
        yield server
    finally:
        end(process, STOP_SIGNAL, patience=10)


@pytest.fixture(scope="session")
def database_url(postgres_server: EmbeddedPostgres) -> str:
    """One migrated database that the tests of this process share."""
    postgres_server.create_database("shared", template=TEMPLATE)
    return postgres_server.url("shared")


@pytest.fixture
def database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a fresh, migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    postgres_server.create_database(name, template=TEMPLATE)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def stack_dir(reachable_dir: Path) -> Iterator[Path]:
    """An empty data folder for a local stack."""
    folder = Path(tempfile.mkdtemp(prefix="stack-", dir=reachable_dir))
    yield folder
    shutil.rmtree(folder)
