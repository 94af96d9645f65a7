"""Verifying a bundle of evidence: seconds and peak memory, on all cores.

    .venv/bin/python benchmarks/audit.py --records 10000 --reviews 25000 --json

Starts what `labelwright up` starts, in a folder of its own, and has a round of so many records
reviewed one answer at a time (`benchmarks/audit_round.py`): two people judge each record, and a
third the records on which they differ. The round is approved and published. Its evidence is
exported, and the stack ends. Then `labelwright audit verify` runs as a process of its own, with
nothing but the bundle and the public key; its memory is that of all its processes together (PSS,
sampled four times a second). `--folder` keeps stack and bundle; given again, it verifies the bundle
that is there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from temporalio.client import Client  # noqa: E402

from benchmarks.audit_round import reviewed_round  # noqa: E402
from domain.accounts import SYSTEM  # noqa: E402
from domain.ids import RoundId  # noqa: E402
from storage.artifacts import ArtifactStore  # noqa: E402
from storage.database import engine  # noqa: E402
from workers.audit import Export, exported  # noqa: E402
from workers.local_stack import LocalStack  # noqa: E402
from workers.signing import load_or_create  # noqa: E402

GOAL_SECONDS, GOAL_BYTES = 60, 1 << 30
LABELWRIGHT = str(Path(sysconfig.get_path("scripts")) / "labelwright")


def made(folder: Path, *, records: int, reviews: int) -> dict[str, Any]:
    """Makes the round and its bundle; what it took."""
    with LocalStack(folder / "stack", announce=lambda line: print(line, file=sys.stderr)) as stack:
        reviewed = reviewed_round(stack, records=records, extra=reviews - 2 * records)
        start = time.perf_counter()
        asyncio.run(_export(stack, reviewed.round_id, folder))
        exporting = time.perf_counter() - start
    return {
        "records": records,
        "reviews": reviewed.reviews,
        "reviewing_seconds": round(reviewed.seconds, 1),
        "export_seconds": round(exporting, 1),
    }


async def _export(stack: LocalStack, round_id: RoundId, folder: Path) -> None:
    signer = load_or_create(stack.data_dir / "secrets" / "signing.pem")
    connected = engine(stack.addresses.database_url, connections=2)
    async with exported(
        await Client.connect(stack.addresses.temporal),
        connected,
        ArtifactStore(stack.data_dir / "artifacts"),
        stack.data_dir / "datasets",
        Export(round_id=round_id, exported_by=SYSTEM),
        signer=signer,
    ) as sealed:
        await asyncio.to_thread(_write, folder / "round.tar", sealed.chunks())
    connected.dispose()
    public = signer.public_key
    keys = [{"key_id": public.key_id, "public_key": public.public_key}]
    (folder / "keys.json").write_text(json.dumps(keys))


def _write(path: Path, chunks: Any) -> None:
    with path.open("wb") as file:
        file.writelines(chunks)


def verified(folder: Path) -> dict[str, Any]:
    """One verification, as a process with no settings."""
    command = [LABELWRIGHT, "audit", "verify", "round.tar", "--key", "keys.json", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = psutil.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    peak = 0
    output: list[str] = []
    while process.poll() is None:
        peak = max(peak, _memory(process))
        time.sleep(0.25)
    output.append(process.stdout.read())
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads("".join(output))
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1
        ),
        "peak_mib": round(peak / 2**20),
        "verified": report["verified"],
        "histories": report["histories"],
        "events": report["events"],
        "decisions": report["decisions"],
        "findings": len(report["findings"]),
    }


def _memory(process: psutil.Process) -> int:
    """Bytes of the process and its children; what they share is counted once."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += each.memory_full_info().pss
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the verification of a bundle.")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--reviews", type=int, default=25_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keeps the stack and the bundle")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    with contextlib.ExitStack() as leaving:
        folder = options.folder or Path(
            leaving.enter_context(tempfile.TemporaryDirectory(prefix="labelwright-audit-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        figures: dict[str, Any] = {"cores": os.cpu_count()}
        if not (folder / "round.tar").exists():
            figures |= made(folder, records=options.records, reviews=options.reviews)
        figures["bundle_mib"] = round((folder / "round.tar").stat().st_size / 2**20, 1)
        figures["runs"] = [verified(folder) for _ in range(options.runs)]
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        _say(figures)
    if not all(run["verified"] for run in figures["runs"]):
        raise SystemExit("An honest round was not verified.")


def _say(figures: dict[str, Any]) -> None:
    if "records" in figures:
        print(f"{figures['records']:,} records, {figures['reviews']:,} reviews; exported in "
              f"{figures['export_seconds']:.0f} s")  # fmt: skip
    for run in figures["runs"]:
        print(
            f"verified {run['events']:,} events in {run['histories']} histories, "
            f"{run['decisions']:,} decisions, {figures['bundle_mib']} MiB: {run['seconds']:.1f} s "
            f"(goal {GOAL_SECONDS}) and {run['processor_seconds']:.0f} s of processor time, "
            f"{run['peak_mib']:,} MiB at the most "
            f"(goal {GOAL_BYTES >> 20:,})"
        )


if __name__ == "__main__":
    main()
