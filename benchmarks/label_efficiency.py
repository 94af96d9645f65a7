"""How many labels each strategy needs: simulated active learning on data with known labels.

    python -m benchmarks.label_efficiency --seeds 20 --json

Batches of 10 from 10 to 200 labels, a multinomial logistic regression after each, the same pools,
test sets and first random batch for all. Every label counts: the first batch and the random arm
too. Constants were fixed on digits; the other data sets are for measuring only (see `datasets`).
How intervals and "not reached" are treated: see `curves`. Peers run in an environment of their own
(`--peers-python`), on the same arrays. `--runs FILE` keeps finished runs, so that a run that was
stopped goes on; delete the file when a strategy has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import TextIO

import numpy as np
import sklearn
from numpy.typing import NDArray

from benchmarks.curves import Curves, geometric_mean, ratio, resampled, summary
from benchmarks.datasets import DATASETS, DEVELOPMENT, FOLDER, problem
from benchmarks.learners import BATCH, BUDGET, Curve, full_accuracy
from benchmarks.peer_strategies import PEERS
from benchmarks.strategies import OWN

ROOT = Path(__file__).parents[1]
OURS, MARGIN, RANDOM = "Labelwright", "margin", "random"
TARGETS = {RANDOM: 3.0, MARGIN: 1.7}
WORKERS = 2

Key = tuple[str, str, int]
"""Data set, strategy, seed."""


def run(keys: list[Key], store: Path | None, peers_python: Path | None) -> dict[Key, Curve]:
    """The curve of each of `keys`; those in the file `store` are not run again."""
    curves = _stored(store)
    # Seed by seed, so that a run that is stopped has something to say of all strategies.
    keys = sorted(keys, key=lambda key: key[2])
    left = [key for key in keys if key not in curves]
    for dataset, _, seed in left:
        _full_accuracy(dataset, seed)  # once here, so that no two workers prepare the same problem
    own = [key for key in left if key[1] in OWN]
    peers = [key for key in left if key[1] in PEERS]
    for python, part in ((Path(sys.executable), own), (peers_python, peers)):
        if python is not None and part:
            _run(python, part, curves, store)
    return {key: curves[key] for key in keys if key in curves}


def _full_accuracy(dataset: str, seed: int) -> float:
    """Worked out once a data set and seed, like the features."""
    path = FOLDER / "problems" / f"{dataset}-{seed}.json"
    if not path.exists():
        path.write_text(json.dumps(full_accuracy(problem(dataset, seed))))
    answer: float = json.loads(path.read_text())
    return answer


def _run(python: Path, keys: list[Key], curves: dict[Key, Curve], store: Path | None) -> None:
    jobs: queue.SimpleQueue[Key] = queue.SimpleQueue()
    for key in keys:
        jobs.put(key)
    lock = threading.Lock()

    def serve() -> None:
        command = [str(python), "-m", "benchmarks.label_runs"]
        # One BLAS thread each: the workers share the cores already.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        ) as worker:
            assert worker.stdin is not None
            assert worker.stdout is not None
            while not jobs.empty():
                dataset, strategy, seed = key = jobs.get()
                job = {"dataset": dataset, "strategy": strategy, "seed": seed}
                print(json.dumps(job), file=worker.stdin, flush=True)
                line = worker.stdout.readline()
                if not line:
                    print(f"no answer for {key}", file=sys.stderr)
                    return
                with lock:
                    curves[key] = Curve(**json.loads(line)["curve"])
                    if store is not None:
                        with store.open("a") as file:
                            file.write(line)
                    print(f"{len(curves)} {dataset} {strategy} {seed}", file=sys.stderr)

    threads = [threading.Thread(target=serve) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _stored(store: Path | None) -> dict[Key, Curve]:
    if store is None or not store.exists():
        return {}
    lines = [json.loads(line) for line in store.read_text().splitlines()]
    return {
        (line["dataset"], line["strategy"], line["seed"]): Curve(**line["curve"]) for line in lines
    }


def report(runs: dict[Key, Curve], seeds: int) -> dict[str, object]:
    """The figures of every data set and strategy that all seeds were run for."""
    draws = resampled(seeds)
    full = {
        dataset: [_full_accuracy(dataset, seed) for seed in range(seeds)]
        for dataset in sorted({key[0] for key in runs})
    }
    groups: dict[str, dict[str, Curves]] = {}
    for dataset in DATASETS:
        for strategy in (*OWN, *PEERS):
            curves = [
                runs[dataset, strategy, seed]
                for seed in range(seeds)
                if (dataset, strategy, seed) in runs
            ]
            if len(curves) == seeds:
                groups.setdefault(dataset, {})[strategy] = Curves.of(curves, full[dataset])
    results = [
        {
            "dataset": dataset,
            "strategy": strategy,
            "peer": strategy in PEERS,
            "development": dataset == DEVELOPMENT,
            "full_accuracy": float(curves.full_accuracy.mean()),
            **summary(curves, margin=group.get(MARGIN), random=group.get(RANDOM), draws=draws),
        }
        for dataset, group in groups.items()
        for strategy, curves in group.items()
    ]
    return {
        "results": results,
        "labels_times_ours": [
            _comparison(strategy, groups, draws) for strategy in (*OWN, *PEERS) if strategy != OURS
        ],
        "targets": TARGETS,
        "batch": BATCH,
        "budget": BUDGET,
        "seeds": seeds,
        "machine": {
            "processor": platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit_learn": sklearn.__version__,
        },
    }


def _comparison(
    strategy: str,
    groups: dict[str, dict[str, Curves]],
    draws: NDArray[np.int64],
) -> dict[str, object]:
    """How many times as many labels as ours `strategy` needs, by data set and altogether."""
    everyone = np.arange(draws.shape[1])
    pairs = {
        dataset: (group[strategy], group[OURS])
        for dataset, group in groups.items()
        if strategy in group and OURS in group
    }
    told = {
        dataset: ratio(other.labels_to(everyone), ours.labels_to(everyone))
        for dataset, (other, ours) in pairs.items()
    }
    decided = [dataset for dataset, each in told.items() if each["kind"] != "neither reached"]
    unseen = [dataset for dataset in decided if dataset != DEVELOPMENT]

    def mean(datasets: list[str]) -> dict[str, object] | None:
        chosen = [pairs[dataset] for dataset in datasets]
        return geometric_mean(chosen, draws) if chosen else None

    return {
        "strategy": strategy,
        "by_dataset": told,
        "geometric_mean": mean(list(pairs)),
        "geometric_mean_where_reached": mean(decided),
        "geometric_mean_where_reached_without_development": mean(unseen),
    }


def show(answer: dict[str, object], file: TextIO) -> None:
    """The figures as a table a data set."""
    results = answer["results"]
    assert isinstance(results, list)
    dataset = ""
    for each in results:
        if each["dataset"] != dataset:
            dataset = each["dataset"]
            print(f"\n{dataset}, full accuracy {each['full_accuracy']:.3f}", file=file)
        labels = each["labels_to_95"]["value"]
        shown = f"{labels:.0f}" if labels is not None else f"> {BUDGET}"
        print(
            f"  {each['strategy']:<32} auc {each['auc']['value']:.3f}"
            f"  macro-F1 {each['macro_f1_auc']['value']:.3f}  to 95 % {shown:>6}",
            file=file,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure label efficiency.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--datasets", nargs="*", default=list(DATASETS), choices=list(DATASETS))
    parser.add_argument("--strategies", nargs="*", default=[*OWN, *PEERS])
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv-peers/bin/python")
    parser.add_argument("--runs", type=Path, help="keep finished runs in this file")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    keys = [
        (dataset, strategy, seed)
        for dataset in options.datasets
        for strategy in options.strategies
        for seed in range(options.seeds)
    ]
    peers_python = options.peers_python if options.peers_python.exists() else None
    if peers_python is None:
        print(f"no {options.peers_python}: peers are left out", file=sys.stderr)
    answer = report(run(keys, options.runs, peers_python), options.seeds)
    show(answer, sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
