"""Tamperings that an audit must find, and honest rounds in which it must accuse nobody.

    .venv/bin/python benchmarks/tamperings.py --tamperings 1000 --rounds 1000 --json

Starts a PostgreSQL, a Temporal server and workers. One round is played, exported and archived.
Then, by seed: bits of its bundle are turned over; histories, ledgers, tables and documents in the
bundle are edited with all digests recomputed, as somebody without the key would; rows of the read
model are changed and removed; published files and archived histories are altered. Each must be
found, and a finding must name the place. Meanwhile honest rounds are played, each verified beside
the running system and from its bundle: none may have a finding. The same code is in the tests
(tests/audit/forging.py, tests/audit/honest_rounds.py).

Every failure is printed with its seed, which repeats it. Ends with exit code 1 when there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from storage.database import upgrade  # noqa: E402
from tests.audit.conftest import (  # noqa: E402
    Ended,
    archive,
    divided,
    end_a_round,
    signing_world,
    verify,
)
from tests.audit.forging import forged  # noqa: E402
from tests.audit.honest_rounds import play  # noqa: E402
from tests.audit.outside_forging import tampered_outside  # noqa: E402
from tests.signing import KEYS, SIGNER  # noqa: E402
from tests.temporal_server import temporal_server  # noqa: E402
from tests.workflows.round_world import World  # noqa: E402
from workers.audit import AuditReport, Export, exported  # noqa: E402
from workers.audit.offline import verify_bundle  # noqa: E402
from workers.ports import free_port  # noqa: E402
from workers.postgres import (  # noqa: E402
    STOP_SIGNAL,
    THROWAWAY,
    EmbeddedPostgres,
    make_reachable,
    new_password,
    system_user,
)
from workers.processes import end, spawn  # noqa: E402

IN_BUNDLE = 0.6
"""Share of the tamperings that are made in the bundle, half of them bits; the rest outside it."""


@dataclass
class Count:
    made: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def note(self, seed: int, what: str, places: tuple[str, ...], report: AuditReport) -> None:
        self.made[what] += 1
        subjects = [finding.subject for finding in report.findings]
        self.found[what] += not report.verified
        named = any(place in subject for place in places for subject in subjects)
        self.named[what] += named
        if report.verified or not named:
            failure = {"seed": seed, "what": what, "places": places, "found": subjects[:5]}
            self.failures.append(failure)
            print(json.dumps(failure), file=sys.stderr, flush=True)


async def tamperings(world: World, folder: Path, wanted: int) -> Count:
    ended = await end_a_round(world, divided)
    path = await _bundle(ended.world, ended.round_id, folder / "round.tar")
    await archive(ended)
    data = path.read_bytes()
    count = Count()
    for seed in range(wanted):
        if seed % 10 < IN_BUNDLE * 10:
            forgery = forged(data, seed, what="bit" if seed % 2 else None)
            path.write_bytes(forgery.data)
            report = await asyncio.to_thread(verify_bundle, path, public_keys=KEYS, processes=1)
            count.note(seed, forgery.what, forgery.places, report)
        else:
            await _outside(ended, seed, count)
        if seed % 50 == 49:
            print(f"{seed + 1} tamperings", file=sys.stderr, flush=True)
    path.write_bytes(data)
    honest = await asyncio.to_thread(verify_bundle, path, public_keys=KEYS, processes=1)
    assert honest.verified, honest.findings
    assert await ended.differences() == [], "everything is as it was"
    return count


async def _outside(ended: Ended, seed: int, count: Count) -> None:
    with tampered_outside(ended, seed) as tampering:
        report = await ended.verify(live=tampering.live)
    count.note(seed, tampering.what, tampering.places, report)


async def honest_rounds(
    world: World, folder: Path, wanted: int, at_once: int, first: int = 0
) -> dict[str, Any]:
    played: Counter[str] = Counter()
    accused: list[dict[str, Any]] = []
    gate = asyncio.Semaphore(at_once)

    async def one(seed: int) -> None:
        async with gate:
            round_ = await play(world, seed)
            reports = [await verify(world, round_.round_id)]
            path = await _bundle(world, round_.round_id, folder / f"{round_.round_id}.tar")
            reports.append(
                await asyncio.to_thread(verify_bundle, path, public_keys=KEYS, processes=1)
            )
            path.unlink()
            if round_.open:
                handle = world.client.get_workflow_handle(f"round/{round_.round_id}")
                await handle.signal("cancel_round", world.cancellation(round_.round_id))
            played[round_.story] += 1
            for report in reports:
                if report.findings:
                    accused.append(
                        {
                            "seed": seed,
                            "story": round_.story,
                            "source": report.source,
                            "findings": [each.message for each in report.findings][:5],
                        }
                    )
                    print(json.dumps(accused[-1]), file=sys.stderr, flush=True)
            if played.total() % 25 == 0:
                print(f"{played.total()} honest rounds", file=sys.stderr, flush=True)

    async with asyncio.TaskGroup() as group:
        for seed in range(first, first + wanted):
            group.create_task(one(seed))
    return {"played": dict(sorted(played.items())), "accused": accused}


async def _bundle(world: World, round_id: Any, path: Path) -> Path:
    wanted = Export(round_id=round_id, exported_by=world.requester, with_pool=True)
    async with exported(
        world.client,
        world.engine,
        world.store,
        world.datasets,
        wanted,
        signer=SIGNER,
        processes=1,
    ) as sealed:
        await asyncio.to_thread(path.write_bytes, b"".join(sealed.chunks()))
    return path


@asynccontextmanager
async def _world() -> AsyncIterator[tuple[World, Path]]:
    folder = Path(tempfile.mkdtemp(prefix="labelwright-tamperings-"))
    make_reachable(folder / "anything")
    server = EmbeddedPostgres(
        folder=folder / "postgres",
        port=free_port(),
        password=new_password(),
        options=tuple(THROWAWAY.items()),
    )
    server.initialise()
    process = spawn(
        server.command(),
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        log=folder / "postgres.log",
        cwd=folder,
        user=system_user(),
        death_signal=STOP_SIGNAL,
    )
    try:
        while not server.answers():  # noqa: ASYNC110 -- another process, which tells nobody
            await asyncio.sleep(0.1)
        server.create_database("rounds")
        upgrade(server.url("rounds"))
        # The server asks with an event loop of its own whether it has started.
        temporal = temporal_server(folder)
        address = await asyncio.to_thread(temporal.__enter__)
        try:
            async with signing_world(address, server.url("rounds"), folder) as world:
                yield world, folder
        finally:
            await asyncio.to_thread(temporal.__exit__, None, None, None)
    finally:
        end(process, STOP_SIGNAL, patience=10)
        shutil.rmtree(folder)


async def _measured(options: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    async with _world() as (world, folder):
        start = time.perf_counter()
        if options.tamperings:
            count = await tamperings(world, folder, options.tamperings)
            figures["tamperings"] = {
                "made": count.made.total(),
                "found": count.found.total(),
                "named": count.named.total(),
                "by_kind": dict(sorted(count.made.items())),
                "failures": count.failures,
            }
        if options.rounds:
            figures["honest_rounds"] = await honest_rounds(
                world, folder, options.rounds, options.at_once, options.first
            )
        figures["seconds"] = round(time.perf_counter() - start)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Tamper, and play honest rounds.")
    parser.add_argument("--tamperings", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first honest round")
    parser.add_argument("--at-once", type=int, default=4, help="honest rounds at the same time")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    figures = asyncio.run(_measured(options))
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        _say(figures)
    tampered, honest = figures.get("tamperings", {}), figures.get("honest_rounds", {})
    if tampered.get("failures") or honest.get("accused"):
        raise SystemExit(1)


def _say(figures: dict[str, Any]) -> None:
    if tampered := figures.get("tamperings"):
        print(
            f"{tampered['made']:,} tamperings in {len(tampered['by_kind'])} ways: "
            f"{tampered['found']:,} found, {tampered['named']:,} rightly named"
        )
    if honest := figures.get("honest_rounds"):
        print(
            f"{sum(honest['played'].values()):,} honest rounds: {len(honest['accused'])} accused; "
            + ", ".join(f"{story} {count}" for story, count in honest["played"].items())
        )


if __name__ == "__main__":
    main()
