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


class Reservation:
    """Ports that are kept from other programs until the parts that use them start.

    Two stacks that start at once would otherwise find the same port free, and one would fail.
    """

    def __init__(self) -> None:
        self._held: dict[str, socket.socket] = {}

    def take(self, name: str, port: int) -> int | None:
        """Hold the port (0 for any) under the part's name; None when another program has it."""
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Servers set this too: a port whose last connections linger is free to them.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((LOOPBACK, port))
            # Only a listening socket keeps out another that may reuse the address.
            holder.listen(1)
        except OSError:
            holder.close()
            return None
        self._held[name] = holder
        taken: int = holder.getsockname()[1]
        return taken

    def release(self, *names: str) -> None:
        """Let go of these ports, or of all; to be called right before their servers start."""
        for name in names or tuple(self._held):
            if name in self._held:
                self._held.pop(name).close()


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
    wanted: Mapping[str, int], previous: Mapping[str, int], reservation: Reservation
) -> tuple[Ports, dict[str, int]]:
    """The ports to use, now held by `reservation`, and those that were busy, by name.

    A port that somebody asked for by number (`wanted`) must be free. One that nobody named is the
    one used last time (`previous`), else the default, else any free one.

    Raises `PortBusy`.
    """
    chosen: dict[str, int] = {}
    displaced: dict[str, int] = {}
    for name, port in wanted.items():
        if reservation.take(name, port) is None:
            raise PortBusy(
                f"Port {port} ({name.replace('_', ' ')}) is in use by another program.",
                hint="Name another port, or name none and a free one is taken.",
                port=port,
            )
        chosen[name] = port
    for field in fields(Ports):
        if field.name in wanted:
            continue
        usual = previous.get(field.name, int(str(field.default)))
        port = reservation.take(field.name, usual) or 0
        if not port:
            displaced[field.name] = usual
            port = reservation.take(field.name, 0) or free_port()
        chosen[field.name] = port
    return Ports(**chosen), displaced
