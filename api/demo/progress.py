"""What the person at the terminal sees while the demo runs: one line a step, with its seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


class Step:
    """The step that runs now. On a terminal it moves; in a log its end alone is a line."""

    def __init__(self, progress: Progress, doing: str) -> None:
        self._progress = progress
        self._task = progress.add_task(doing, total=None, count="")
        self.done = doing
        """What is said of the step once it has ended."""

    def show(self, doing: str, *, completed: int = 0, total: int | None = None) -> None:
        self._progress.update(
            self._task,
            description=doing,
            completed=completed,
            total=total,
            count=f"{completed} of {total}" if total else "",
        )


class Display:
    """Shows steps on a console and keeps the seconds that each took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        began = time.monotonic()
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as progress:
            step = Step(progress, doing)
            yield step
        self.seconds[name] = round(time.monotonic() - began, 2)
        self._console.print(
            Text.assemble(
                ("✓ ", "green"), f"{name:<8}", (f"{self.seconds[name]:6.1f} s  ", "dim"), step.done
            )
        )

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)
