"""Children of the local stack: started, watched, ended, and found again after a crash."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

CHILD = Path(__file__).with_name("child.py")
LARGEST_LOG = 20_000_000
# psutil derives creation times from the clock at boot, which settles by fractions of a second.
CREATE_TIME_TOLERANCE = 1.0


@dataclass(frozen=True, kw_only=True)
class ProcessRecord:
    """Enough to know a process again: a pid alone may belong to someone else by now."""

    pid: int
    create_time: float
    stop_signal: int

    def find(self) -> psutil.Process | None:
        """The very process that was recorded, or None when it is gone."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < CREATE_TIME_TOLERANCE
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def record_of(pid: int, stop_signal: int = signal.SIGTERM) -> ProcessRecord:
    return ProcessRecord(
        pid=pid, create_time=psutil.Process(pid).create_time(), stop_signal=int(stop_signal)
    )


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    cwd: Path,
    user: str | None = None,
    death_signal: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, its output appended to `log`.

    In its own session it does not hear the terminal's Ctrl-C: the supervisor ends its children in
    an order that loses nothing. `death_signal` reaches it when the thread that called us dies.
    """
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".previous.log"))
    launcher = [sys.executable, "-I", "-S", str(CHILD)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launcher, str(os.getpid()), str(int(death_signal)), user or "-", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], stop_signal: int, patience: float) -> bool:
    """End a child: ask, wait, insist. True when asking was enough."""
    if process.poll() is not None:
        return True
    process.send_signal(stop_signal)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        kill_tree(process.pid)
        process.wait()
        return False
    return True


def kill_tree(pid: int) -> None:
    """Kill a process and everything under it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [*root.children(recursive=True), root]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def end_left_over(records: Mapping[str, ProcessRecord], patience: float = 10.0) -> list[str]:
    """End what an earlier supervisor left behind; returns the names of what was still running."""
    running = {name: found for name, record in records.items() if (found := record.find())}
    for name, process in running.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(records[name].stop_signal)
    deadline = time.monotonic() + patience
    for process in running.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except psutil.TimeoutExpired:
            kill_tree(process.pid)
    return list(running)


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, to show why a part did not start."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 20_000))
            lines = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-count:])
