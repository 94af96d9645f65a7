"""The whole stack on one machine: real servers, processes that are really killed."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from temporalio.client import Client

from domain.errors import PortBusy
from storage.database import at_head, engine
from workers import temporal
from workers.addresses import STACK_FILE, running_stack
from workers.local_stack import LocalStack, StackAlreadyRunning
from workers.ports import any_free_ports

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

SERVERS = ("postgres", "temporal")


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the supervisor announced."""
    return []


@pytest.fixture(scope="module")
def stack(reachable_dir: Path, said: list[str]) -> Iterator[LocalStack]:
    with LocalStack(
        reachable_dir / "whole", ports=any_free_ports(), announce=said.append
    ) as running:
        yield running


def query(url: str, statement: str) -> object:
    connections = engine(url, connections=1)
    try:
        with connections.begin() as connection:
            result = connection.execute(text(statement))
            return result.scalar_one() if result.returns_rows else None
    finally:
        connections.dispose()


def test_every_part_runs_and_the_tables_are_there(stack: LocalStack) -> None:
    assert set(stack.parts) == {"postgres", "temporal", "orchestration", "compute", "api"}
    assert all(stack.process(name).is_running() for name in stack.parts)
    connections = engine(stack.addresses.database_url, connections=1)
    assert at_head(connections)
    connections.dispose()


def test_the_first_start_makes_an_account_and_a_key_that_others_cannot_read(
    stack: LocalStack,
) -> None:
    assert stack.first_run
    secrets = stack.data_dir / "secrets"
    assert stack.addresses.admin_token_file.read_text().startswith("lw_")
    for file in [*secrets.iterdir(), stack.data_dir / STACK_FILE]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert (secrets / "signing.pem").exists()


def test_postgres_asks_for_the_password(stack: LocalStack) -> None:
    url = stack.addresses.database_url
    secret = url.split(":")[2].split("@")[0]
    with pytest.raises(OperationalError, match="password authentication failed"):
        query(url.replace(secret, "guess"), "SELECT 1")


def test_histories_are_kept_long_enough_for_an_audit(stack: LocalStack) -> None:
    async def retention() -> object:
        return await temporal.namespace_retention(await Client.connect(stack.addresses.temporal))

    assert asyncio.run(retention()) == temporal.RETENTION


def test_a_worker_shows_its_own_and_temporals_figures(stack: LocalStack) -> None:
    with urlopen(f"{stack.addresses.compute_metrics}/metrics") as answer:
        figures = answer.read().decode()
    assert "python_info" in figures
    assert 'temporal_num_pollers{namespace="default",poller_type="activity_task"' in figures


def test_killed_postgres_comes_back_with_what_was_committed(
    stack: LocalStack, said: list[str]
) -> None:
    url = stack.addresses.database_url
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    before = stack.process("postgres").pid
    stack.kill("postgres")
    stack.wait_until_ready("postgres")
    assert query(url, "SELECT answer FROM kept") == 42
    assert stack.process("postgres").pid != before
    assert any(line.startswith("postgres: died (signal SIGKILL)") for line in said)


def test_killed_temporal_comes_back_with_its_workflows(stack: LocalStack) -> None:
    async def start() -> None:
        client = await Client.connect(stack.addresses.temporal)
        await client.start_workflow("Nobody", id="survivor", task_queue="nobody")

    async def status() -> object:
        client = await Client.connect(stack.addresses.temporal)
        description = await client.get_workflow_handle("survivor").describe()
        return description.status and description.status.name

    asyncio.run(start())
    stack.kill("temporal")
    stack.wait_until_ready("temporal")
    assert asyncio.run(status()) == "RUNNING"


@pytest.mark.parametrize("service", ["orchestration", "compute", "api"])
def test_a_killed_service_is_started_again(stack: LocalStack, service: str) -> None:
    before = stack.process(service).pid
    stack.kill(service)
    stack.wait_until_ready(service)
    assert stack.process(service).pid != before


def test_a_halted_service_stays_down_until_it_is_resumed(stack: LocalStack) -> None:
    process = stack.process("compute")
    stack.halt("compute")
    assert not process.is_running()
    stack.resume("compute")
    assert stack.process("compute").pid != process.pid


def test_other_commands_find_the_running_stack(stack: LocalStack) -> None:
    assert running_stack(stack.data_dir) == stack.addresses


def test_a_second_stack_on_the_folder_is_refused_and_says_where_the_first_is(
    stack: LocalStack,
) -> None:
    with pytest.raises(StackAlreadyRunning) as refusal:
        LocalStack(stack.data_dir).start()
    assert stack.addresses.api in refusal.value.message
    assert str(stack.data_dir) in refusal.value.message
    assert running_stack(stack.data_dir) == stack.addresses


def test_a_port_asked_for_by_number_that_is_busy_is_named(
    stack: LocalStack, stack_dir: Path
) -> None:
    busy = int(stack.addresses.api.rsplit(":", maxsplit=1)[-1])
    with pytest.raises(PortBusy, match=str(busy)):
        LocalStack(stack_dir, ports={"api": busy}).start()
    assert running_stack(stack_dir) is None


def test_a_stopped_stack_resumes_on_the_same_data_and_ports(stack_dir: Path) -> None:
    with LocalStack(stack_dir, ports=any_free_ports(), parts=SERVERS) as first:
        before = first.addresses
        processes = [first.process(name) for name in SERVERS]
        query(before.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert running_stack(stack_dir) is None
    assert not any(process.is_running() for process in processes)
    with LocalStack(stack_dir, parts=SERVERS) as second:
        assert second.addresses == before
        assert second.displaced_ports == {}
        assert query(before.database_url, "SELECT answer FROM kept") == 42


def test_a_stack_that_cannot_start_leaves_no_process_and_shows_the_log(stack_dir: Path) -> None:
    stack = LocalStack(
        stack_dir,
        ports=any_free_ports(),
        parts=["postgres"],
        postgres_options={"no_such_setting": "1"},
    )
    with pytest.raises(Exception, match="no_such_setting") as failure:
        stack.start()
    assert "postgres.log" in str(getattr(failure.value, "hint", ""))
    mine = psutil.Process().children(recursive=True)
    assert not [child for child in mine if str(stack_dir) in " ".join(child.cmdline())]
