"""How long a claim takes beside a long queue: `benchmarks/claims.py --tasks 1000000 --json`.

A PostgreSQL of its own, with rounds of many lanes that demand different things, people who bring
different things, and so many open review tasks, two a record. Timed is `storage.claims.claim_task`
in a transaction of its own under the API's role, one after another, by all people in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from domain.ids import AccountId
from domain.routing import Clearance
from domain.tasks import TaskKind
from storage.claims import claim_task
from storage.database import engine as connect
from storage.database import upgrade
from storage.queues import queue_facts
from storage.visibility import guard, seeing
from workers.ports import free_port
from workers.postgres import (
    STOP_SIGNAL,
    EmbeddedPostgres,
    make_reachable,
    new_password,
    system_user,
)
from workers.processes import end, spawn

ROUNDS, LANES, PEOPLE = 10, 20, 64
LEASE = timedelta(minutes=15)
DATABASE = "claims"

FILLING = """
INSERT INTO accounts (account_id, name, roles)
SELECT 'p' || g, 'p' || g, array['reviewer'] FROM generate_series(0, :people - 1) g;

INSERT INTO profiles (account_id, expertise, languages, clearance, absences, updated_at)
SELECT 'p' || g,
  CASE WHEN g % 3 > 0 THEN jsonb_build_object('legal', 3) ELSE '{}' END,
  CASE WHEN g % 2 = 1 THEN array['de'] ELSE array[]::text[] END,
  g % 3, '[]', now()
FROM generate_series(0, :people - 1) g;

INSERT INTO label_schemas (name, version, body, digest, created_by)
VALUES ('s', 1, '{}', 'd', 'p0');

INSERT INTO pools (pool_id, kind, schema_name, schema_version, created_by)
VALUES ('pool', 'text', 's', 1, 'p0');

INSERT INTO rounds (round_id, pool_id, dataset, plan, requested_by, phase)
SELECT 'r' || g, 'pool', 'd', '{}', 'p0', 'reviewing' FROM generate_series(0, :rounds - 1) g;

INSERT INTO lanes
  (round_id, lane, queue, expertise, clearance, languages, priority, schema_name)
SELECT 'r' || r, l, 'general',
  CASE WHEN l % 4 = 1 THEN jsonb_build_object('legal', 3) ELSE '{}' END,
  CASE WHEN l % 5 = 0 THEN 2 ELSE 0 END,
  CASE WHEN l % 3 = 0 THEN array['de'] ELSE array[]::text[] END,
  l % 3, 's'
FROM generate_series(0, :rounds - 1) r, generate_series(0, :lanes - 1) l;

INSERT INTO batch_records
  (round_id, record_id, ordinal, content_digest, arm, rank, reason, shard, lane)
SELECT 'r' || (g % :rounds), 'record-' || g, g / :rounds, 'd', 'a', 0, '',
  g / :rounds / 200, g / :rounds % :lanes
FROM generate_series(0, :records - 1) g;

INSERT INTO tasks
  (task_id, round_id, shard, record_id, pool_id, ordinal, kind, slot, lane, priority, deadline,
   opened_at)
SELECT 'r' || (g % :rounds) || '.' || g || '.' || slot, 'r' || (g % :rounds),
  g / :rounds / 200, 'record-' || g, 'pool', g / :rounds, 'review', slot,
  g / :rounds % :lanes, (g / :rounds % :lanes) % 3, now() + interval '14 days', now()
FROM generate_series(0, :records - 1) g, generate_series(0, 1) slot
"""
"""Numbers become ids. Lanes and people differ in what they demand and bring: each person suits some
of the lanes."""


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a migrated database that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="labelwright-claims-"))
    make_reachable(folder / "anything")
    server = EmbeddedPostgres(folder=folder / "postgres", port=free_port(), password=new_password())
    server.initialise()
    process = spawn(
        server.command(),
        environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        log=folder / "log",
        cwd=folder,
        user=system_user(),
        death_signal=STOP_SIGNAL,
    )
    try:
        while not server.answers():
            time.sleep(0.05)
        server.create_database(DATABASE)
        upgrade(server.url(DATABASE))
        yield server.url(DATABASE)
    finally:
        end(process, STOP_SIGNAL, patience=10)
        shutil.rmtree(folder)


def fill(connection: Connection, tasks: int) -> None:
    """So many open tasks, and everything that they stand on."""
    numbers = {"people": PEOPLE, "rounds": ROUNDS, "lanes": LANES, "records": tasks // 2}
    for statement in FILLING.split(";"):
        wanted = {name: value for name, value in numbers.items() if f":{name}" in statement}
        connection.execute(text(statement), wanted)


def measure(engine: Engine, claims: int) -> tuple[list[float], float]:
    """Seconds of each claim, and of one look at what the queues hold."""
    people = [AccountId(f"p{number}") for number in range(PEOPLE)]
    seconds = []
    for number, person in islice(cycle(enumerate(people)), claims):
        start = time.perf_counter()
        with seeing(list(Clearance)[number % 3]), engine.begin() as connection:
            task = claim_task(connection, person, kinds=list(TaskKind), lease=LEASE)
        seconds.append(time.perf_counter() - start)
        assert task is not None
    start = time.perf_counter()
    with seeing(Clearance.PUBLIC), engine.begin() as connection:
        queue_facts(connection, people[0], list(TaskKind))
    return seconds, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure claims beside a long queue.")
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=500)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    with postgres() as url:
        # As the API has it: under its role, and with the policies of the tables.
        engine = guard(connect(url))
        print(f"opening {options.tasks:,} tasks", file=sys.stderr)
        owner = connect(url, connections=1)
        with owner.begin() as connection:
            fill(connection, options.tasks)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        owner.dispose()
        measure(engine, 50)  # warm
        seconds, looking = measure(engine, options.claims)
        engine.dispose()
    ordered = sorted(seconds)
    figures = {
        "tasks": options.tasks,
        "lanes": ROUNDS * LANES,
        "claims": len(ordered),
        "p50_ms": 1_000.0 * statistics.median(ordered),
        "p99_ms": 1_000.0 * ordered[int(0.99 * len(ordered))],
        "queue_facts_ms": 1_000.0 * looking,
    }
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(
        f"{figures['tasks']:,} open tasks in {figures['lanes']} lanes: a claim takes "
        f"{figures['p50_ms']:.1f} ms at the median, {figures['p99_ms']:.1f} ms at the 99th "
        f"percentile; what the queues hold, {figures['queue_facts_ms']:.0f} ms"
    )


if __name__ == "__main__":
    main()
