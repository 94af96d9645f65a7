"""A real Temporal server for as long as a test, or a whole process of tests, needs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers import temporal
from workers.ports import LOOPBACK, free_port
from workers.processes import end, last_lines, spawn

PATIENCE_SECONDS = 60.0


@contextmanager
def temporal_server(folder: Path, *options: str) -> Iterator[str]:
    """Its address. `options` are added to the command, such as `--dynamic-config-value`."""
    port, log = free_port(), folder / "temporal.log"
    process = spawn(
        temporal.server_command(
            folder / "temporal.db", port=port, ui_port=free_port(), options=options
        ),
        environment=dict(temporal.ENVIRONMENT),
        log=log,
        cwd=folder,
    )
    address = f"{LOOPBACK}:{port}"
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not asyncio.run(temporal.answers(address)):
            assert process.poll() is None, last_lines(log)
            assert time.monotonic() < deadline, last_lines(log)
            time.sleep(0.1)
        yield address
    finally:
        end(process, temporal.STOP_SIGNAL, patience=10)
