"""Keeps a few programs running: starts them, restarts what dies, ends them in order.

One thread does all the starting, because Linux ties "end with your parent" to the thread that
started the child. Everyone else only says what is wanted.
"""

from __future__ import annotations

import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from threading import Event, RLock, Thread

import psutil

from domain.errors import Unavailable
from workers.processes import ProcessRecord, end, last_lines, record_of, spawn

Announce = Callable[[str], None]

TICK_SECONDS = 0.1
READY_PATIENCE_SECONDS = 90.0
DEATHS_UNTIL_GIVING_UP = 5
DEATHS_WITHIN_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0


class PartFailed(Unavailable):
    """A part of the stack does not start, or dies again and again."""

    code = "part_failed"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program: how it is started, when it is ready, how it is ended."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool]
    stop_signal: int = SIGTERM
    death_signal: int = SIGKILL
    patience: float = 15.0
    """Seconds between asking it to stop and killing it."""
    user: str | None = None


@dataclass(kw_only=True)
class _Run:
    """The moving side of a part."""

    part: Part
    wanted: bool = True
    process: subprocess.Popen[bytes] | None = None
    record: ProcessRecord | None = None
    not_before: float = 0.0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_UNTIL_GIVING_UP))
    """When it died of itself."""
    killed: bool = False
    """Its next death was asked for, and says nothing of whether it can be kept running."""
    died: bool = False


class Supervisor:
    """Runs parts; `over` is set when one of them cannot be kept running."""

    def __init__(
        self,
        *,
        logs: Path,
        cwd: Path,
        announce: Announce,
        recorded: Callable[[dict[str, ProcessRecord]], None],
    ) -> None:
        self._logs = logs
        self._cwd = cwd
        self._announce = announce
        self._recorded = recorded
        self._runs: dict[str, _Run] = {}
        self._lock = RLock()
        self._closing = Event()
        self._thread = Thread(target=self._watch, name="supervisor", daemon=True)
        self.over = Event()
        self.failure: PartFailed | None = None

    def add(self, parts: Sequence[Part]) -> None:
        """Start these, all at once; `wait_until_ready` tells when they are."""
        with self._lock:
            self._runs |= {part.name: _Run(part=part) for part in parts}
        if not self._thread.is_alive():
            self._thread.start()

    def wait_until_ready(self, name: str, patience: float = READY_PATIENCE_SECONDS) -> None:
        """Return once the part runs and answers. Raises `PartFailed`."""
        run = self._run(name)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.failure is not None:
                raise self.failure
            process = run.process
            if process is not None and process.poll() is None and run.part.ready():
                return
            time.sleep(TICK_SECONDS)
        raise self._failed(name, f"was not ready after {patience:.0f} seconds")

    def process(self, name: str) -> psutil.Process:
        """The part's process. Raises `PartFailed` when it has none at this moment."""
        process = self._run(name).process
        if process is None:
            raise self._failed(name, "is not running")
        return psutil.Process(process.pid)

    def kill(self, name: str, signal_number: int = SIGKILL) -> None:
        """Send the part a signal that ends it and wait until it has; it will be restarted."""
        run = self._run(name)
        process = run.process
        if process is not None and process.poll() is None:
            run.killed = True
            process.send_signal(signal_number)
            process.wait(run.part.patience)

    def halt(self, name: str) -> None:
        """End the part properly and leave it down."""
        run = self._run(name)
        with self._lock:
            run.wanted = False
            if run.process is not None:
                end(run.process, run.part.stop_signal, run.part.patience)
            run.process = run.record = None
            self._record()

    def resume(self, name: str) -> None:
        """Start a part that was halted."""
        run = self._run(name)
        with self._lock:
            run.deaths.clear()
            run.killed = False
            run.not_before = 0.0
            run.wanted = True

    def close(self) -> None:
        """End everything, last started first."""
        with self._lock:
            for run in self._runs.values():
                run.wanted = False
        for name in reversed(list(self._runs)):
            self.halt(name)
        # Only now: children would die with the thread that started them.
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self, name: str) -> _Run:
        try:
            return self._runs[name]
        except KeyError:
            raise PartFailed(f"The stack has no part “{name}”.") from None

    def _watch(self) -> None:
        while not self._closing.wait(TICK_SECONDS):
            with self._lock:
                for run in self._runs.values():
                    self._attend(run)

    def _attend(self, run: _Run) -> None:
        if run.process is not None and run.process.poll() is not None:
            self._note_death(run, run.process.returncode)
        if run.wanted and run.process is None and time.monotonic() >= run.not_before:
            self._start(run)

    def _start(self, run: _Run) -> None:
        part = run.part
        process = spawn(
            part.command,
            environment=part.environment,
            log=self._log(part.name),
            cwd=self._cwd,
            user=part.user,
            death_signal=part.death_signal,
        )
        run.record = record_of(process.pid, part.stop_signal)
        self._record()
        if run.died:
            self._announce(f"{part.name}: started again (process {process.pid})")
        # Last: whoever waits for it finds the restart recorded and announced.
        run.process = process

    def _note_death(self, run: _Run, code: int) -> None:
        now = time.monotonic()
        run.process = run.record = None
        run.died = True
        name = run.part.name
        if run.killed:
            run.killed = False
        else:
            run.deaths.append(now)
        recent = [death for death in run.deaths if now - death < DEATHS_WITHIN_SECONDS]
        if len(recent) >= DEATHS_UNTIL_GIVING_UP:
            run.wanted = False
            self.failure = self._failed(name, f"died {len(recent)} times within a minute")
            self.over.set()
            return
        pause = min(FIRST_PAUSE_SECONDS * 2 ** max(len(recent) - 1, 0), LONGEST_PAUSE_SECONDS)
        run.not_before = now + pause
        self._announce(f"{name}: died ({_ending(code)}), starting it again")

    def _record(self) -> None:
        self._recorded({name: run.record for name, run in self._runs.items() if run.record})

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _failed(self, name: str, what: str) -> PartFailed:
        log = self._log(name)
        return PartFailed(
            f"{name} {what}. The end of its log:\n{last_lines(log)}",
            hint=f"Read {log}, mend what it says, then run `labelwright up` again.",
            log=str(log),
        )


def _ending(code: int) -> str:
    return f"signal {Signals(-code).name}" if code < 0 else f"exit code {code}"
