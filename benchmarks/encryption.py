"""What encryption adds to a signal: the same messages with it and without it, by turns.

    .venv/bin/python benchmarks/encryption.py --signals 1000 --rounds 5 --json

Starts a real Temporal server in a folder of its own, and sends answers to a workflow that nobody
works on, sixteen at a time: what is measured is the way from a message to its place in history.
Each round sends as many of both kinds, one kind after the other, in alternating order. Then the
processor's time alone, of turning a message into a payload and back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from temporalio.client import Client  # noqa: E402
from temporalio.converter import DataConverter  # noqa: E402

from domain.accounts import Actor  # noqa: E402
from domain.ids import AccountId, RecordId, ReviewId, TaskId, Timestamp  # noqa: E402
from domain.reviews import Submission, Verdict, VerdictKind  # noqa: E402
from workers.conversion import MESSAGES, encrypted  # noqa: E402
from workers.encryption import EncryptionCodec, ensure_keys  # noqa: E402
from workers.local_stack import LocalStack  # noqa: E402
from workers.ports import any_free_ports  # noqa: E402

AT_ONCE = 16
RATIONALE = "It asks where the card is, not when it will come; the second sentence says so. " * 3


def message(number: int) -> Submission:
    return Submission(
        review_id=ReviewId(str(uuid4())),
        task_id=TaskId(f"round.0.{number}.review-0"),
        record_id=RecordId(f"record-{number:06}"),
        verdict=Verdict(kind=VerdictKind.LABEL, label="card_arrival"),
        confidence=0.9,
        rationale=RATIONALE,
        seconds=12.5,
        guideline="banking@1",
        actor=Actor(account_id=AccountId("acc-1"), name="Rita", authenticated_by="token"),
        submitted_at=Timestamp("2026-01-01T00:00:00.000000+00:00"),
        signature="0" * 105,
    )


async def seconds_a_signal(address: str, converter: DataConverter, signals: int) -> float:
    """Wall time of all of them, by how many they are."""
    client = await Client.connect(address, data_converter=converter)
    handle = await client.start_workflow("Nobody", id=uuid4().hex, task_queue="nobody-works-here")
    waiting = list(map(message, range(signals)))

    async def send() -> None:
        while waiting:
            await handle.signal("review", waiting.pop())

    await handle.signal("review", message(0))
    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    return (time.perf_counter() - began) / signals


async def microseconds_alone(converter: DataConverter, times: int = 5_000) -> float:
    """Processor time of one message there and back."""
    each = message(1)
    began = time.process_time()
    for _ in range(times):
        payloads = await converter.encode([each])
        await converter.decode(payloads, [Submission])
    return 1e6 * (time.process_time() - began) / times


async def measured(address: str, keys: Path, *, signals: int, rounds: int) -> dict[str, Any]:
    converters = {"plain": MESSAGES, "encrypted": encrypted(EncryptionCodec(ensure_keys(keys)))}
    milliseconds: dict[str, list[float]] = {name: [] for name in converters}
    for number in range(rounds):
        for name in sorted(converters, reverse=bool(number % 2)):
            each = await seconds_a_signal(address, converters[name], signals)
            milliseconds[name].append(round(1e3 * each, 3))
    alone = {name: round(await microseconds_alone(each), 1) for name, each in converters.items()}
    ratios = [e / p for e, p in zip(milliseconds["encrypted"], milliseconds["plain"], strict=True)]
    return {
        "signals": signals,
        "ms_a_signal": milliseconds,
        "median_ratio": round(statistics.median(ratios), 3),
        "ratios": [round(each, 3) for each in ratios],
        "processor_us_there_and_back": alone,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what encryption adds to a signal.")
    parser.add_argument("--signals", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="labelwright-encryption-"))
    try:
        with LocalStack(folder, ports=any_free_ports(), parts=["temporal"]) as stack:
            found = asyncio.run(
                measured(
                    stack.addresses.temporal,
                    folder / "payload.keys",
                    signals=options.signals,
                    rounds=options.rounds,
                )
            )
    finally:
        shutil.rmtree(folder)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, each in found["ms_a_signal"].items():
        print(f"{name}: {statistics.median(each):.2f} ms a signal, {AT_ONCE} at once")
    low, high = min(found["ratios"]), max(found["ratios"])
    print(f"encrypted / plain: {found['median_ratio']:.2f} ({low:.2f} to {high:.2f})")
    alone = found["processor_us_there_and_back"]
    print(
        f"processor, there and back: {alone['plain']} µs plain, {alone['encrypted']} µs encrypted"
    )


if __name__ == "__main__":
    main()
