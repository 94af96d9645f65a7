"""Which TCP ports the local stack listens on."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from domain.errors import PortBusy

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The stack's ports on the loopback address."""

    api: int = 8420
    temporal: int = 7233
    temporal_ui: int = 8233
    postgres: int = 5433
    orchestration_metrics: int = 9470
    compute_metrics: int = 9471


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: a port whose last connections linger is free to them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def any_free_ports() -> dict[str, int]:
    """A free port for each part: tests run many stacks side by side."""
    chosen: set[int] = set()
    while len(chosen) < len(fields(Ports)):
        chosen.add(free_port())
    return dict(zip((field.name for field in fields(Ports)), chosen, strict=True))


def choose_ports(
    wanted: Mapping[str, int], previous: Mapping[str, int]
) -> tuple[Ports, dict[str, int]]:
    """The ports to use, and those that were busy and made way, by name.

    A port that somebody asked for by number (`wanted`) must be free. One that nobody named is the
    one used last time (`previous`), else the default, else any free one.

    Raises `PortBusy`.
    """
    chosen: dict[str, int] = {}
    displaced: dict[str, int] = {}
    for field in fields(Ports):
        name = field.name
        if name in wanted:
            if not is_free(wanted[name]):
                raise PortBusy(
                    f"Port {wanted[name]} ({name.replace('_', ' ')}) is in use by another program.",
                    hint="Name another port, or name none and a free one is taken.",
                    port=wanted[name],
                )
            chosen[name] = wanted[name]
            continue
        port = previous.get(name, int(str(field.default)))
        if not is_free(port) or port in chosen.values() or port in wanted.values():
            displaced[name] = port
            port = free_port()
        chosen[name] = port
    return Ports(**chosen), displaced
