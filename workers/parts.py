"""The parts of a local stack: how each is started and when it is ready."""

from __future__ import annotations

import asyncio
import os
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from workers import postgres, temporal
from workers.addresses import StackAddresses
from workers.ports import LOOPBACK, Ports
from workers.supervisor import Part

CODEC = "/api/v1/codec"
"""Where the API decodes payloads, below its address."""

# What each service runs, here and in docker-compose.yml.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "migrate": ("labelwright", "db", "upgrade"),
    "orchestration": ("labelwright", "worker", "orchestration"),
    "compute": ("labelwright", "worker", "compute"),
    "api": ("labelwright", "api"),
}
SERVERS = ("postgres", "temporal")
SERVICES = ("orchestration", "compute", "api")
ALL_PARTS = SERVERS + SERVICES


def postgres_part(server: postgres.EmbeddedPostgres) -> Part:
    return Part(
        name="postgres",
        command=server.command(),
        environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        ready=server.answers,
        stop_signal=postgres.STOP_SIGNAL,
        death_signal=postgres.STOP_SIGNAL,
        user=postgres.system_user(),
    )


def temporal_part(database: Path, ports: Ports, options: tuple[str, ...]) -> Part:
    address = f"{LOOPBACK}:{ports.temporal}"
    return Part(
        name="temporal",
        command=temporal.server_command(
            database,
            port=ports.temporal,
            ui_port=ports.temporal_ui,
            codec=f"http://{LOOPBACK}:{ports.api}{CODEC}",
            options=options,
        ),
        environment={**os.environ, **temporal.ENVIRONMENT},
        ready=lambda: asyncio.run(temporal.answers(address)),
        stop_signal=temporal.STOP_SIGNAL,
        death_signal=temporal.STOP_SIGNAL,
    )


def service_part(name: str, addresses: StackAddresses, environment: Mapping[str, str]) -> Part:
    page = {
        "orchestration": f"{addresses.orchestration_metrics}/healthz",
        "compute": f"{addresses.compute_metrics}/healthz",
        "api": f"{addresses.api}/readyz",
    }[name]
    return Part(
        name=name,
        command=command(name),
        environment=environment,
        ready=lambda: _answers(page),
    )


def command(service: str) -> list[str]:
    """The service's command, with the program that was installed beside this interpreter."""
    program, *arguments = COMMANDS[service]
    return [str(Path(sysconfig.get_path("scripts")) / program), *arguments]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
