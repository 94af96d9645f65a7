"""Where a local stack listens, and how another process finds it: the file `stack.json`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workers.ports import LOOPBACK, Ports
from workers.processes import ProcessRecord, record_of

STACK_FILE = "stack.json"


@dataclass(frozen=True, kw_only=True)
class StackAddresses:
    """A running stack, as its users see it."""

    data_dir: Path
    api: str
    """Base URL of the HTTP API and the pages."""
    temporal: str
    """host:port of Temporal's gRPC service."""
    temporal_ui: str
    """URL of Temporal's own page; empty where Temporal runs elsewhere."""
    database_url: str = field(repr=False)
    orchestration_metrics: str
    compute_metrics: str

    @property
    def api_url(self) -> str:
        return self.api

    @property
    def admin_token_file(self) -> Path:
        """Holds the first account's token; readable by who started the stack."""
        return self.data_dir / "secrets" / "admin-token"


@dataclass(frozen=True, kw_only=True)
class StackState:
    """What `stack.json` holds: enough to find a running stack, and to clean up after a dead one."""

    supervisor: ProcessRecord | None
    ports: dict[str, int]
    processes: dict[str, ProcessRecord]
    addresses: dict[str, str]


NOTHING = StackState(supervisor=None, ports={}, processes={}, addresses={})


def addresses_of(
    data_dir: Path, ports: Ports, *, database_url: str, temporal: str | None
) -> StackAddresses:
    """The addresses of a stack on these ports; `temporal` names one that runs elsewhere."""
    return StackAddresses(
        data_dir=data_dir,
        api=f"http://{LOOPBACK}:{ports.api}",
        temporal=temporal or f"{LOOPBACK}:{ports.temporal}",
        temporal_ui="" if temporal else f"http://{LOOPBACK}:{ports.temporal_ui}",
        database_url=database_url,
        orchestration_metrics=f"http://{LOOPBACK}:{ports.orchestration_metrics}",
        compute_metrics=f"http://{LOOPBACK}:{ports.compute_metrics}",
    )


def write_state(
    data_dir: Path,
    *,
    ports: Ports,
    processes: dict[str, ProcessRecord],
    addresses: StackAddresses | None,
) -> None:
    """Record the stack; `addresses` is None once it has stopped. Only its owner may read it."""
    content = {
        "supervisor": asdict(record_of(os.getpid())) if addresses else None,
        "ports": asdict(ports),
        "processes": {name: asdict(record) for name, record in processes.items()},
        "addresses": {k: str(v) for k, v in asdict(addresses).items()} if addresses else {},
    }
    path = data_dir / STACK_FILE
    unfinished = path.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(path)


def read_state(data_dir: Path) -> StackState:
    """What is recorded of the folder's stack; nothing where the file is missing or spoilt."""
    try:
        content: dict[str, Any] = json.loads((data_dir / STACK_FILE).read_text())
        supervisor = content["supervisor"]
        return StackState(
            supervisor=ProcessRecord(**supervisor) if supervisor else None,
            ports=content["ports"],
            processes={name: ProcessRecord(**one) for name, one in content["processes"].items()},
            addresses=content["addresses"],
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return NOTHING
    except (json.JSONDecodeError, KeyError, TypeError):
        # It says nothing that the data would miss: ports and pids of a stack that is gone.
        return NOTHING


def running_stack(data_dir: Path) -> StackAddresses | None:
    """The stack that runs on this data folder now, or None."""
    state = read_state(data_dir)
    if state.supervisor is None or state.supervisor.find() is None:
        return None
    return StackAddresses(data_dir=data_dir, **_without(state.addresses, "data_dir"))


def _without(values: dict[str, str], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}
