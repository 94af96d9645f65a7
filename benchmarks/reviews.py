"""Reviews a second on the embedded stack: each a claim and a submission, acknowledged durably.

    .venv/bin/python benchmarks/reviews.py --reviews 5000 --reviewers 8 32 --json

Starts what `labelwright up` starts, in a folder of its own: a real PostgreSQL, a real Temporal
server, both workers and the API. A round is opened; then so many reviewers at once claim a task,
answer it, and go on without a pause, until the wanted number is acknowledged with 202. Afterwards
the acknowledged reviews are compared with those in the shards' histories and with the rows of the
read model: all three must hold the same ids, each once.

`p50_ms` and `p99_ms` are those of a submission, retries included; claims are apart. Two people
review each record; in one record of ten they differ, so that an adjudication opens. `--records`
makes the round larger than the reviews need.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import reviewers  # noqa: E402
from benchmarks.processor_time import ELSEWHERE, processor_time, spent  # noqa: E402
from benchmarks.review_round import kept, open_round, until_shown  # noqa: E402
from workers.local_stack import LocalStack  # noqa: E402

GOAL_PER_SECOND, GOAL_P99_MS, GOAL_EVENTS = 100, 500, 4_096
SKETCH = {8: (61, 175), 32: (65, 525)}
"""Reviews a second and 99th percentile in ms of a naive sketch: signals, a table, no rules."""


def measured(reviews: int, people: int, records: int, *, folder: Path) -> dict[str, Any]:
    """One run on a stack of its own."""
    with LocalStack(folder, announce=lambda line: print(line, file=sys.stderr)) as stack:
        opened = open_round(stack, records=records, reviewers=people)
        before = processor_time(stack)
        report = _reviewed(stack, opened.tokens, reviews)
        catching_up = until_shown(stack, opened.round_id, len(report.acknowledged))
        after = processor_time(stack)
        found = kept(stack, opened.round_id)
    each = spent(before, after, generator=report.cpu_seconds)
    acknowledged = set(report.acknowledged)
    return {
        "reviewers": people,
        "records": records,
        "shards": found.shards,
        "reviews_per_second": round(reviews / report.seconds, 1),
        "p50_ms": _milliseconds(report.submissions, 50),
        "p99_ms": _milliseconds(report.submissions, 99),
        "claim_p50_ms": _milliseconds(report.claims, 50),
        "claim_p99_ms": _milliseconds(report.claims, 99),
        "acknowledged": len(report.acknowledged),
        "in_history": len(found.in_history),
        "in_read_model": len(found.in_read_model),
        "equal": acknowledged == set(found.in_history) == set(found.in_read_model),
        "doubled": sum(
            held.total() - len(held) for held in (found.in_history, found.in_read_model)
        ),
        "max_history_events": found.max_history_events,
        "shown_after_seconds": round(catching_up, 2),
        "empty_claims": report.empty,
        "sent_again": report.sent_again,
        "refused": report.refused,
        "cpu_ms_per_review": {name: round(1e3 * s / reviews, 2) for name, s in each.items()},
        "cores": os.cpu_count(),
    }


def _reviewed(stack: LocalStack, tokens: list[str], reviews: int) -> reviewers.Report:
    api = urllib.parse.urlsplit(stack.addresses.api)
    assignment = reviewers.Assignment(
        host=str(api.hostname), port=int(api.port or 80), tokens=tokens, reviews=reviews
    )
    run = subprocess.run(
        [sys.executable, reviewers.__file__],
        input=json.dumps(dataclasses.asdict(assignment)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return reviewers.Report(**json.loads(run.stdout))


def _milliseconds(seconds: list[float], percentile: int) -> float:
    return round(1e3 * statistics.quantiles(seconds, n=100)[percentile - 1], 1)


def _say(run: dict[str, Any]) -> None:
    people, rate = run["reviewers"], run["reviews_per_second"]
    print(
        f"{people} reviewers, {run['records']:,} records in {run['shards']} shards: "
        f"{rate:.0f} reviews a second (goal {GOAL_PER_SECOND}), "
        f"p50 {run['p50_ms']:.0f} ms, p99 {run['p99_ms']:.0f} ms (goal {GOAL_P99_MS}); "
        f"claims {run['claim_p50_ms']:.0f} and {run['claim_p99_ms']:.0f} ms"
    )
    if people in SKETCH:
        sketch_rate, sketch_p99 = SKETCH[people]
        print(
            f"  a naive sketch: {sketch_rate} a second, p99 {sketch_p99} ms: "
            f"{rate / sketch_rate:.2f} times as many"
        )
    print(
        f"  acknowledged {run['acknowledged']:,}, in history {run['in_history']:,}, in read model "
        f"{run['in_read_model']:,}: {'the same' if run['equal'] else 'NOT THE SAME'}, "
        f"{run['doubled']} doubled; shown {run['shown_after_seconds']:.1f} s after the last"
    )
    print(f"  longest history {run['max_history_events']:,} events (goal {GOAL_EVENTS:,})")
    each = run["cpu_ms_per_review"]
    busy = ", ".join(f"{name} {ms:.1f}" for name, ms in each.items() if name != ELSEWHERE)
    print(f"  processor ms a review: {busy}; elsewhere {each[ELSEWHERE]:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure reviews on the embedded stack.")
    parser.add_argument("--reviews", type=int, default=5_000)
    parser.add_argument("--reviewers", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--records", type=int, help="in the round; default: as many as needed")
    parser.add_argument("--keep", type=Path, help="folder for the data of the runs, kept")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    runs = []
    for people in options.reviewers:
        # A few more than are answered: those that are held when the last one is acknowledged.
        records = options.records or math.ceil(options.reviews / 2) + people
        parent = options.keep
        folder = Path(tempfile.mkdtemp(prefix="labelwright-reviews-", dir=parent))
        try:
            run = measured(options.reviews, people, records, folder=folder)
        finally:
            if not options.keep:
                shutil.rmtree(folder)
        runs.append(run)
        if not options.json:
            _say(run)
    if options.json:
        print(json.dumps({"runs": runs, "cores": os.cpu_count()}, indent=2))
    if not all(run["equal"] and not run["doubled"] for run in runs):
        raise SystemExit("Acknowledged reviews, histories and read model are not the same.")


if __name__ == "__main__":
    main()
