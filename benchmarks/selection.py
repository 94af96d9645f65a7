"""How fast and how well each way of picking chooses, beside other libraries, on the same arrays.

    python -m benchmarks.selection --rows 100000 --dim 384 --batch 100 --json

Clustered unit vectors, 100 of them labelled, and probabilities of 10 classes. Every run is a
process of its own, ours and theirs alike (see `measuring`), with the arrays memory-mapped and the
same number of BLAS threads; imports, loading, a warm-up and prediction are left out of the time,
and memory is what the run holds beyond that. Medians of three, interleaved; a peer that takes more
than a minute runs once. Processor time, of all threads, stands beside the time on the clock: it
tells more where other programs keep the machine busy. A peer that passes the memory limit or the
cap on seconds is shown as such. The first use installs the peers, as pinned in `peers.txt`, into
`.venv-peers/`.

`python benchmarks/selection.py …` does the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.measuring import OUT_OF_MEMORY, READY, Arrays, Float32  # noqa: E402
from benchmarks.objectives import Objectives  # noqa: E402
from benchmarks.ours import METHODS  # noqa: E402
from benchmarks.peer_environment import peers_python, with_threads  # noqa: E402
from benchmarks.peers import PEERS  # noqa: E402

LABELLED = 100
CLASSES = 10
REPEATS = 3
LONG = 60.0
"""Seconds above which a peer runs once."""
OF_ANOTHER = {"k-center, distances carried": "k-center"}
"""Methods that are compared with the peers of another one."""


@dataclass(kw_only=True)
class Measured:
    """The runs of one method by one library."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)
    problem: str | None = None
    picks: NDArray[np.int64] | None = None

    def figures(self, whose: str) -> dict[str, float | str | None]:
        """Medians, under names that say whose they are."""
        kinds = {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "mb": self.mb}
        return {
            **{
                f"{whose}_{kind}": statistics.median(each) if each else None
                for kind, each in kinds.items()
            },
            f"{whose}_runs": len(self.seconds),
            f"{whose}_problem": self.problem,
        }

    @property
    def wants_more(self) -> bool:
        return not self.problem and not (self.seconds and self.seconds[0] > LONG)


def clustered(rows: int, dimensions: int, *, seed: int) -> Float32:
    """Unit rows around 50 centers."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((50, dimensions), dtype=np.float32)
    points = rng.standard_normal((rows, dimensions), dtype=np.float32)
    points *= np.float32(0.7)
    points += middles[rng.integers(0, len(middles), rows)]
    points /= np.sqrt(np.einsum("ij,ij->i", points, points))[:, None]
    return points


def softmax(rows: Float32, *, seed: int) -> Float32:
    """Probabilities of a linear model drawn at random."""
    rng = np.random.default_rng(seed)
    logits = rows @ (4.0 * rng.standard_normal((rows.shape[1], CLASSES), dtype=np.float32))
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def write_arrays(folder: Path, rows: int, dimensions: int) -> None:
    vectors = clustered(rows + LABELLED, dimensions, seed=0)
    probabilities = softmax(vectors, seed=1)
    np.save(folder / "labelled.npy", vectors[:LABELLED])
    np.save(folder / "pool.npy", vectors[LABELLED:])
    np.save(folder / "probabilities.npy", probabilities[LABELLED:])
    np.save(folder / "classes.npy", probabilities[:LABELLED].argmax(axis=1))


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where the arrays are and what a run may use."""

    folder: Path
    batch: int
    threads: int
    cap: float
    limit_mb: int
    repeats: int

    def measure(self, python: Path, module: str, name: str, into: Measured) -> None:
        """One run in a process of its own."""
        out = self.folder / "picks.npy"
        out.unlink(missing_ok=True)
        command = [str(python), "-m", module, name, str(self.folder), str(self.batch)]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [*command, str(self.limit_mb), str(out)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env=with_threads(self.threads),
            ) as process,
        ):
            assert process.stdout is not None
            if process.stdout.readline().strip() == READY:
                try:
                    answer, _ = process.communicate(timeout=self.cap)
                except subprocess.TimeoutExpired:
                    process.kill()
                    into.problem = f"over the cap of {self.cap:g} s"
                    return
            else:
                answer, _ = process.communicate()
            errors.seek(0)
            complaint = errors.read().strip().splitlines()[-1:]
        figures = json.loads(answer) if answer.strip() else {}
        into.problem = figures.get("problem")
        if "seconds" in figures:
            into.seconds.append(figures["seconds"])
            into.cpu_seconds.append(figures["cpu_seconds"])
            into.mb.append(figures["mb"])
            into.picks = np.load(out)
        elif not into.problem:
            short = any(word in "".join(complaint) for word in ("MemoryError", "allocate memory"))
            into.problem = OUT_OF_MEMORY if short else f"failed: {''.join(complaint)[:200]}"

    def all(self, methods: Sequence[str], *, peers: bool) -> dict[tuple[str, str], Measured]:
        """Every method by us and by its peers, (method, "") being ours; one repeat after another.

        Peers that another method is compared with too are run once for both.
        """
        ours = Path(sys.executable)
        theirs = peers_python() if peers else ours
        measured: dict[tuple[str, str], Measured] = {}
        for repeat in range(self.repeats):
            for method in methods:
                own = measured.setdefault((method, ""), Measured())
                self._told(ours, "benchmarks.ours", method, own, repeat)
                if not peers:
                    continue
                for peer in PEERS.get(method, {}):
                    other = measured.setdefault((method, peer), Measured())
                    if not repeat or other.wants_more:
                        self._told(theirs, "benchmarks.peers", f"{method}/{peer}", other, repeat)
        return measured

    def _told(self, python: Path, module: str, name: str, into: Measured, repeat: int) -> None:
        self.measure(python, module, name, into)
        figure = into.problem or (
            f"{into.seconds[-1]:.4f} s, {into.cpu_seconds[-1]:.4f} s of processor time, "
            f"{into.mb[-1]:.0f} MB"
        )
        print(f"  [{repeat + 1}/{self.repeats}] {name}: {figure}", file=sys.stderr, flush=True)


def results(
    measured: dict[tuple[str, str], Measured], arrays: Arrays
) -> Iterator[dict[str, object]]:
    """One entry for each method and peer; a method without one has an entry of its own."""
    objectives = Objectives(arrays)
    for method, mine in ((key[0], value) for key, value in measured.items() if not key[1]):
        name, objective = objectives.of(method)
        ours: dict[str, object] = {
            "method": method,
            **mine.figures("ours"),
            "objective": name,
            "objective_ours": None if mine.picks is None else objective(mine.picks),
        }
        asked = OF_ANOTHER.get(method, method)
        peers = {key[1]: value for key, value in measured.items() if key[0] == asked and key[1]}
        if not peers:
            yield ours
        for peer, theirs in peers.items():
            yield ours | {
                "peer": peer,
                **theirs.figures("peer"),
                "objective_peer": None if theirs.picks is None else objective(theirs.picks),
                "ratio": _ratio(theirs.seconds, mine.seconds),
                "cpu_ratio": _ratio(theirs.cpu_seconds, mine.cpu_seconds),
            }


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float | None:
    return statistics.median(theirs) / statistics.median(ours) if theirs and ours else None


def print_table(entries: Sequence[dict[str, object]]) -> None:
    def cell(value: object, digits: int) -> str:
        return f"{value:.{digits}f}" if isinstance(value, float) else "–"

    for entry in entries:
        theirs = (
            entry.get("peer_problem")
            or f"{cell(entry.get('peer_seconds'), 3)} s {cell(entry.get('peer_mb'), 0)} MB "
            f"objective {cell(entry.get('objective_peer'), 4)}"
        )
        print(
            f"{entry['method']:<28}{cell(entry['ours_seconds'], 4):>9} s"
            f"{cell(entry['ours_mb'], 0):>6} MB  {cell(entry['objective_ours'], 4)}"
            f"  | {entry.get('peer', '')}: {theirs} | {cell(entry.get('ratio'), 1)}×, of processor "
            f"time {cell(entry.get('cpu_ratio'), 1)}×",
            file=sys.stderr,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure ways of picking beside their peers.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--cap", type=float, default=300.0, help="seconds that a peer may take")
    parser.add_argument("--memory", type=float, default=12.0, help="GiB that a peer may take")
    parser.add_argument("--only", action="append", choices=list(METHODS), help="methods to measure")
    parser.add_argument("--skip-peers", action="store_true", help="measure ours alone")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labelwright-selection-") as name:
        folder = Path(name)
        # In a process of its own: a process begins with the peak memory of its parent.
        with_arrays = "from benchmarks import selection as s; from pathlib import Path; import sys"
        making = f"{with_arrays}; s.write_arrays(Path(sys.argv[1]), *map(int, sys.argv[2:]))"
        arguments = [str(folder), str(options.rows), str(options.dim)]
        subprocess.run([sys.executable, "-c", making, *arguments], check=True, cwd=ROOT)
        bench = Bench(
            folder=folder,
            batch=options.batch,
            threads=options.threads,
            cap=options.cap,
            limit_mb=round(options.memory * 1024),
            repeats=options.repeats,
        )
        load = os.getloadavg()[0]
        measured = bench.all(options.only or list(METHODS), peers=not options.skip_peers)
        entries = list(results(measured, Arrays.loaded(folder)))
    print_table(entries)
    if options.json:
        settings = {
            "rows": options.rows,
            "dimensions": options.dim,
            "batch": options.batch,
            "labelled": LABELLED,
            "blas_threads": options.threads,
            "repeats": options.repeats,
            "load_before": load,
            "load_after": os.getloadavg()[0],
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        }
        print(json.dumps(settings | {"results": entries}, indent=2))


if __name__ == "__main__":
    main()
