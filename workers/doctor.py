"""`labelwright doctor`: looks at every part, says its version and what mends it."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import DatabaseUnavailable, LabelwrightError
from domain.ids import COMPUTE_QUEUE, ORCHESTRATION_QUEUE
from storage import database
from storage.enforcement import why_not_enforced
from workers import temporal
from workers.addresses import StackAddresses, running_stack
from workers.archive_health import archive_finding, lag_of
from workers.checkup import Finding, State
from workers.client import connect
from workers.settings import DEFAULT_TEMPORAL_ADDRESS, Settings

__all__ = ["Finding", "State", "examine"]

START = "Start the stack: labelwright up"
LEAST_FREE_BYTES = 1_000_000_000
# A poll takes a minute at most; the server remembers pollers for five.
POLLED_WITHIN = timedelta(seconds=90)


async def examine(settings: Settings) -> list[Finding]:
    """Look at every part, whatever is running."""
    stack = running_stack(settings.data_dir)
    settings = _completed(settings, stack)
    findings = [
        _python(),
        _data_dir(settings.data_dir),
        _artifacts(settings),
        *await asyncio.to_thread(_postgres, settings.database_url),
        *await _temporal(settings, stack),
        await _archive(settings),
        await asyncio.to_thread(_page, "api", _api_url(settings, stack), "/readyz"),
    ]
    if stack is not None and stack.temporal_ui:
        ui = await asyncio.to_thread(_page, "temporal ui", stack.temporal_ui, "/")
        findings.append(ui)
    return [*findings, _browser()]


def _completed(settings: Settings, stack: StackAddresses | None) -> Settings:
    """The settings with the running stack's addresses where none are given."""
    return settings.model_copy(
        update={
            "database_url": settings.database_url or (stack.database_url if stack else ""),
            "temporal_address": settings.temporal_address
            or (stack.temporal if stack else DEFAULT_TEMPORAL_ADDRESS),
        }
    )


def _api_url(settings: Settings, stack: StackAddresses | None) -> str:
    if named := os.environ.get("LABELWRIGHT_API_URL"):
        return named.rstrip("/")
    return stack.api if stack else f"http://{settings.api_host}:{settings.api_port}"


def _python() -> Finding:
    # Whoever runs this passed the installer's check of the version.
    return Finding(
        part="python",
        state=State.GOOD,
        detail=f"Labelwright {version('labelwright')}",
        version=platform.python_version(),
    )


def _data_dir(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            part="data folder",
            state=State.BROKEN,
            detail=f"{folder} cannot be written to",
            mend="Name another folder with --data-dir or LABELWRIGHT_DATA_DIR.",
        )
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Finding(
            part="data folder",
            state=State.BROKEN,
            detail=detail,
            mend="Free some disk space, or move the folder and set LABELWRIGHT_DATA_DIR.",
        )
    return Finding(part="data folder", state=State.GOOD, detail=detail)


def _artifacts(settings: Settings) -> Finding:
    where = settings.artifacts
    if "://" in where:
        return Finding(part="artifacts", state=State.GOOD, detail=f"{where} (not looked into)")
    folder = Path(where)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        return Finding(part="artifacts", state=State.GOOD, detail=where)
    return Finding(
        part="artifacts",
        state=State.BROKEN,
        detail=f"{where} cannot be written to",
        mend="Give its owner the right to write, or set LABELWRIGHT_ARTIFACTS.",
    )


def _postgres(url: str) -> list[Finding]:
    if not url:
        return [
            Finding(part="postgresql", state=State.BROKEN, detail="no stack is running", mend=START)
        ]
    engine = database.engine(url, connections=1)
    try:
        with database.answering(), engine.connect() as connection:
            server = str(connection.execute(text("SHOW server_version")).scalar_one())
            revision = database.current_revision(connection)
            head = database.head_revision()
            # Without the tables there is nothing to try.
            unguarded = why_not_enforced(connection) if revision == head else None
    except DatabaseUnavailable as error:
        return [
            Finding(
                part="postgresql",
                state=State.BROKEN,
                detail=error.message,
                mend=f"{START}; for a database elsewhere, check LABELWRIGHT_DATABASE_URL.",
            )
        ]
    finally:
        engine.dispose()
    if unguarded is None:
        return [
            Finding(
                part="postgresql",
                state=State.BROKEN,
                detail=f"its tables are at {revision or 'nothing'}, this version wants {head}",
                version=server,
                mend="Bring them up to date: labelwright db upgrade",
            )
        ]
    return [
        Finding(
            part="postgresql", state=State.GOOD, detail=f"tables at {revision}", version=server
        ),
        _row_security(unguarded),
    ]


def _row_security(unguarded: str) -> Finding:
    if unguarded:
        return Finding(
            part="row-level security",
            state=State.BROKEN,
            detail=f"{unguarded}; queries alone keep secret records from who is not cleared",
            mend="As an administrator of the server, make the role and make this user its member "
            "(docs/access.md), then: labelwright db upgrade",
        )
    return Finding(
        part="row-level security",
        state=State.GOOD,
        detail="a secret record was hidden from who is not cleared for it",
    )


async def _temporal(settings: Settings, stack: StackAddresses | None) -> list[Finding]:
    try:
        client = await asyncio.wait_for(connect(settings), timeout=10)
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
        retention = await temporal.namespace_retention(client)
    except (LabelwrightError, RPCError, TimeoutError) as error:
        away = "not looked at: Temporal does not answer"
        return [
            Finding(part="temporal", state=State.BROKEN, detail=str(error), mend=START),
            *(
                Finding(part=f"{queue} worker", state=State.BROKEN, detail=away, mend=START)
                for queue in (ORCHESTRATION_QUEUE, COMPUTE_QUEUE)
            ),
        ]
    short = retention < temporal.RETENTION
    return [
        Finding(
            part="temporal",
            state=State.OPTIONAL if short else State.GOOD,
            detail=f"keeps closed histories {retention.days} days",
            version=info.server_version,
            mend=(
                f"Keep histories longer: temporal operator namespace update "
                f"--namespace {client.namespace} --retention {temporal.RETENTION.days}d"
                if short
                else ""
            ),
        ),
        await _worker(client, ORCHESTRATION_QUEUE, stack.orchestration_metrics if stack else None),
        await _worker(client, COMPUTE_QUEUE, stack.compute_metrics if stack else None),
    ]


async def _archive(settings: Settings) -> Finding:
    """Whether histories are archived long before Temporal deletes them."""
    part = "archive"
    try:
        lag = await asyncio.to_thread(lag_of, settings.database_url)
        client = await asyncio.wait_for(connect(settings), timeout=10)
        retention = await temporal.namespace_retention(client)
    except (LabelwrightError, SQLAlchemyError, RPCError, TimeoutError):
        away = "not looked at: PostgreSQL or Temporal does not answer as it should"
        return Finding(part=part, state=State.OPTIONAL, detail=away)
    return archive_finding(lag, retention)


async def _worker(client: Client, queue: str, metrics: str | None) -> Finding:
    part = f"{queue} worker"
    if metrics is not None:
        # The server remembers a poller for minutes; the stack's own worker can be asked itself.
        page = await asyncio.to_thread(_page, part, metrics, "/healthz")
        if page.state is State.BROKEN:
            return page
    pollers: set[str] = set()
    since = datetime.now(UTC) - POLLED_WITHIN
    for kind in (
        TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    ):
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=kind,
            )
        )
        pollers |= {
            poller.identity
            for poller in answer.pollers
            if poller.last_access_time.ToDatetime(UTC) > since
        }
    if not pollers:
        return Finding(
            part=part,
            state=State.BROKEN,
            detail="nobody asks for its tasks; they wait, nothing is lost",
            mend=f"Start one: labelwright worker {queue}",
        )
    return Finding(part=part, state=State.GOOD, detail=", ".join(sorted(pollers)))


def _page(part: str, base: str, path: str) -> Finding:
    try:
        with urllib.request.urlopen(base + path, timeout=5) as answer:  # noqa: S310 - as configured
            served = str(answer.headers.get("Server", ""))
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        return Finding(
            part=part,
            state=State.BROKEN,
            detail=f"{base} does not answer as ready ({getattr(error, 'reason', error)})",
            mend=START,
        )
    return Finding(part=part, state=State.GOOD, detail=base, version=served)


def _browser() -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        return Finding(
            part="chromium",
            state=State.OPTIONAL,
            detail="not found; only the tests of the pages need it",
            mend="Install it, on Debian: apt-get install chromium",
        )
    return Finding(part="chromium", state=State.GOOD, detail=found)
