"""What a measured process does: load, warm up, say that it is ready, run once, report.

Needs nothing but the standard library and numpy, so that our methods and their peers are measured
by the same code in different environments.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
READY = "ready"
OUT_OF_MEMORY = "out of memory"

Method = Callable[[], object]
Preparation = Callable[["Arrays", int], Method]
"""From the arrays and a batch size to what is timed: prepared data, classes made, no work done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """A pool of n unlabelled rows (n, d) with `probabilities` (n, k), and m labelled rows."""

    pool: Float32
    probabilities: Float32
    labelled: Float32
    classes: NDArray[np.int64]
    """(m,) of the labelled rows."""

    @classmethod
    def loaded(cls, folder: Path) -> Arrays:
        """From files, memory-mapped: pages are shared by all processes that read them."""
        pool, probabilities, labelled = (
            np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))
            for name in ("pool", "probabilities", "labelled")
        )
        classes = np.load(folder / "classes.npy")
        return cls(pool=pool, probabilities=probabilities, labelled=labelled, classes=classes)

    def head(self, rows: int) -> Arrays:
        return Arrays(
            pool=self.pool[:rows],
            probabilities=self.probabilities[:rows],
            labelled=self.labelled,
            classes=self.classes,
        )


def peak_mb() -> float:
    """The most memory that this process has held since the last `forget_peak`, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def forget_peak() -> None:
    """Count the peak from here, where the system can; elsewhere it is counted from the start."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def run(preparation: Preparation, folder: Path, batch: int, *, limit_mb: int, out: Path) -> None:
    """Measure one method once; its picks go to `out`, the figures to standard output."""
    arrays = Arrays.loaded(folder)
    rows = min(len(arrays.pool), 2_000)
    with contextlib.redirect_stdout(sys.stderr):
        preparation(arrays.head(rows), min(batch, 20))()
        # All pages in, so that reading the pool for the first time is nobody's cost or memory.
        float(arrays.pool.sum()), float(arrays.probabilities.sum())
        method = preparation(arrays, batch)
    resource.setrlimit(resource.RLIMIT_DATA, (limit_mb * 2**20, resource.RLIM_INFINITY))
    forget_peak()
    before = peak_mb()
    print(READY, flush=True)
    start, worked = time.perf_counter(), time.process_time()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            picks = method()
    except MemoryError:
        print(json.dumps({"problem": OUT_OF_MEMORY}))
        return
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - worked
    np.save(out, np.asarray(picks, dtype=np.int64).reshape(-1))
    figures = {"seconds": seconds, "cpu_seconds": cpu_seconds, "mb": max(0.0, peak_mb() - before)}
    print(json.dumps(figures))


def main(preparations: Mapping[str, Preparation]) -> None:
    """Arguments: a name of `preparations`, folder, batch, memory limit (MB), file for the picks."""
    name, folder, batch, limit, out = sys.argv[1:]
    run(preparations[name], Path(folder), int(batch), limit_mb=int(limit), out=Path(out))
