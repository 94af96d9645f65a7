"""A real Temporal server on this machine: one process, its state in one SQLite file."""

from __future__ import annotations

import shutil
import signal
import sysconfig
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import TemporalUnavailable
from workers.ports import LOOPBACK

# Histories are the audit log: they must outlive the sweep that archives them by a wide margin.
RETENTION = timedelta(days=90)
STOP_SIGNAL = signal.SIGTERM
# The server would otherwise ask the internet whether it is up to date.
ENVIRONMENT: Mapping[str, str] = {"TEMPORAL_VERSION_CHECK_DISABLED": "1"}


def executable() -> Path:
    """The `temporal` program that was installed beside this interpreter."""
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    if beside.exists():
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise TemporalUnavailable(
            "The `temporal` program is not installed.", hint="Run `make install`."
        )
    return Path(found)


def server_command(
    database: Path,
    *,
    port: int,
    ui_port: int,
    codec: str = "",
    options: tuple[str, ...] = (),
) -> list[str]:
    """`temporal server start-dev`, kept on disk and safe against a sudden end.

    `codec` is the URL that its history pages have payloads decoded at.
    Without write-ahead logging the server is three to five times slower; without full
    synchronisation an acknowledged signal could be lost with the machine's power.
    """
    return [
        str(executable()),
        "server",
        "start-dev",
        *("--ip", LOOPBACK, "--port", str(port)),
        *("--ui-ip", LOOPBACK, "--ui-port", str(ui_port), "--ui-disable-news-fetch"),
        *(("--ui-codec-endpoint", codec) if codec else ()),
        *("--db-filename", str(database)),
        *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"),
        *("--log-format", "json", "--log-level", "warn"),
        *options,
    ]


async def answers(address: str, namespace: str = "default") -> bool:
    """Whether the server is healthy and knows the namespace."""
    try:
        client = await Client.connect(address, namespace=namespace)
        return await client.service_client.check_health() and bool(
            await namespace_retention(client)
        )
    except (RPCError, RuntimeError):
        # The SDK raises RuntimeError for a connection that is refused.
        return False


async def namespace_retention(client: Client) -> timedelta:
    """How long the server keeps the history of a closed workflow."""
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()


async def keep_histories(address: str, namespace: str = "default") -> None:
    """Raise the namespace's retention to `RETENTION`; never lowers it."""
    client = await Client.connect(address, namespace=namespace)
    if await namespace_retention(client) >= RETENTION:
        return
    retention = Duration()
    retention.FromTimedelta(RETENTION)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=retention),
        )
    )
