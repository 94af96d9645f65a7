"""How long selection takes: margin, random and exact k-center, on clustered unit vectors.

    python benchmarks/selection.py --rows 100000 --dim 384 --batch 100 --json

Medians of three, interleaved, data in memory and prediction left out. The reference for k-center is
the naive greedy in float64: one matrix-vector product over the pool a pick. Both compare whole
numbers on the same grid, so their picks must be equal; `same_picks` and the covering radius stand
beside the times. Peak memory is not measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from domain.policy import ArmKind, ArmQuota, SamplingPolicy
from learning.candidates import Candidates
from learning.diversity.k_center import k_center
from learning.selection import select

LABELLED = 100
REPEATS = 3

Float32 = NDArray[np.float32]


def clustered(rows: int, dimensions: int, *, seed: int) -> Float32:
    """Unit rows around 50 centers."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((50, dimensions), dtype=np.float32)
    points = rng.standard_normal((rows, dimensions), dtype=np.float32)
    points *= np.float32(0.7)
    points += middles[rng.integers(0, len(middles), rows)]
    points /= np.sqrt(np.einsum("ij,ij->i", points, points))[:, None]
    return points


def one_arm(arm: ArmKind, batch: int) -> SamplingPolicy:
    quotas = (ArmQuota(arm=arm, records=batch),)
    return SamplingPolicy(name="benchmark", version=1, batch_size=batch, arms=quotas, seed=1)


def naive_k_center(points: Float32, count: int, centers: Float32) -> list[int]:
    """Gonzalez's greedy, one pass over the pool a pick, on the grid that `k_center` compares on."""
    grid = np.rint(points.astype(np.float64) * 2.0**25)
    known = np.rint(centers.astype(np.float64) * 2.0**25)
    squares = np.einsum("ij,ij->i", grid, grid)
    distances = np.full(len(grid), np.inf)
    for center in known:
        np.minimum(distances, squares - 2.0 * (grid @ center) + center @ center, out=distances)
    picks = []
    for _ in range(count):
        pick = int(distances.argmax())
        picks.append(pick)
        distance = squares - 2.0 * (grid @ grid[pick]) + squares[pick]
        np.minimum(distances, distance, out=distances)
        distances[pick] = -1.0
    return picks


def medians(
    methods: dict[str, Callable[[], object]],
) -> tuple[dict[str, float], dict[str, object]]:
    """Median seconds and the last answer of each method, one repeat of each after another."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    answers: dict[str, object] = {}
    for _ in range(REPEATS):
        for name, method in methods.items():
            start = time.perf_counter()
            answers[name] = method()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}, answers


def measure(rows: int, dimensions: int, batch: int, *, naive: bool) -> dict[str, object]:
    vectors = clustered(rows + LABELLED, dimensions, seed=0)
    centers, points = vectors[:LABELLED], vectors[LABELLED:]
    candidates = Candidates(
        record_ids=[f"r{i:09d}" for i in range(rows)],
        margin=np.random.default_rng(1).random(rows, dtype=np.float32),
        embeddings=points,
        labelled_embeddings=centers,
    )
    methods: dict[str, Callable[[], object]] = {
        "margin": lambda: select(candidates, one_arm(ArmKind.UNCERTAINTY, batch)),
        "random": lambda: select(candidates, one_arm(ArmKind.RANDOM, batch)),
        "k-center": lambda: list(k_center(points, batch, centers=centers).rows),
        "k-center, with checks and reasons": lambda: select(
            candidates, one_arm(ArmKind.DIVERSITY, batch)
        ),
    }
    if naive:
        methods["naive greedy, float64"] = lambda: naive_k_center(points, batch, centers)
    seconds, answers = medians(methods)
    return {
        "rows": rows,
        "dimensions": dimensions,
        "batch": batch,
        "labelled": LABELLED,
        "seconds": seconds,
        "same_picks": answers["k-center"] == answers["naive greedy, float64"] if naive else None,
        "radius": float(k_center(points, batch + 1, centers=centers).distances[-1]),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "blas_threads": [each["num_threads"] for each in threadpool_info()],
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the selection methods.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--skip-naive", action="store_true", help="leave the reference out")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    result = measure(options.rows, options.dim, options.batch, naive=not options.skip_naive)
    table = sys.stderr if options.json else sys.stdout
    print(f"{options.rows:,} × {options.dim}, batch {options.batch}", file=table)
    seconds = result["seconds"]
    assert isinstance(seconds, dict)
    for name, value in seconds.items():
        print(f"  {name:<36} {value:9.3f} s", file=table)
    print(f"  same picks as the naive greedy: {result['same_picks']}", file=table)
    print(f"  covering radius: {result['radius']:.4f}", file=table)
    if options.json:
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
