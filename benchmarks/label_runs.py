"""Runs simulations: a job a line in, its curve a line out.

A process of its own, so that peers can run it in an environment of theirs.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from collections.abc import Callable

from benchmarks.datasets import problem
from benchmarks.learners import Strategy, simulate
from benchmarks.peer_strategies import PEERS


def strategy(name: str) -> Callable[[], Strategy]:
    if name in PEERS:
        return PEERS[name]
    from benchmarks.strategies import OWN

    return OWN[name]


def main() -> None:
    # Peers warn about versions and iterations; what they pick is all that counts here.
    warnings.simplefilter("ignore")
    # Some of them print as well.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        job = json.loads(line)
        made = strategy(job["strategy"])()
        curve = simulate(problem(job["dataset"], job["seed"]), made, seed=job["seed"])
        print(json.dumps({**job, "curve": dataclasses.asdict(curve)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
