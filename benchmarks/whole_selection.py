"""A whole selection, from the stored snapshot to the stored batch, beside reading it once.

    python -m benchmarks.whole_selection --rows 10000 100000 1000000 --dim 384 --json

The policy looks at every signal and has six arms, limits, near duplicates by text and embedding,
guards and gates; 1,000 records are labelled and 200 kept for tests. `read_seconds` is what it takes
to read the embeddings and probabilities of all records once from the same store, as the selection
reads them, into arrays. Each size runs in a process of its own: `mb` is its largest resident size,
everything included. Scoring is left out: it happens before, in parallel, a partition at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from temporalio.testing import ActivityEnvironment  # noqa: E402

from activities.selection import SelectBatch, SelectionActivities  # noqa: E402
from activities.snapshot import ELIGIBLE, PREDICTIONS  # noqa: E402
from domain.accounts import SYSTEM  # noqa: E402
from domain.arms import Arm, ArmKind, Signal  # noqa: E402
from domain.canonical import Sha256, digest  # noqa: E402
from domain.ids import PoolId, RecordId, RoundId, Timestamp  # noqa: E402
from domain.labels import LabelClass, LabelSchema  # noqa: E402
from domain.policy import Gate, Guards, Limit, Measure, NearDuplicates, SamplingPolicy  # noqa: E402
from domain.policy_rules import check_policy  # noqa: E402
from domain.records import ContentKind  # noqa: E402
from domain.roles import DatasetRole, DatasetRow  # noqa: E402
from domain.rounds import Partition, RoundPlan, Snapshot  # noqa: E402
from learning.near_duplicates import SIGNATURE_WIDTH, to_arrow  # noqa: E402
from storage.artifacts import ArtifactStore  # noqa: E402
from storage.dataset_rows import write_rows  # noqa: E402

CLASSES = tuple("abcdefghij")
LABELLED, TESTED = 1_000, 200
PARTITION = 50_000
REPEATS = 3
DAY = Timestamp("2026-06-01T00:00:00.000000Z")


def policy(batch: int) -> SamplingPolicy:
    """Six arms that look at every signal between them."""
    return check_policy(
        SamplingPolicy(
            name="whole",
            batch_size=batch,
            arms=(
                Arm(
                    name="uncertain",
                    kind=ArmKind.UNCERTAIN,
                    share=0.3,
                    signals={Signal.MARGIN: 0.5, Signal.LEAST_CONFIDENCE: 0.3, Signal.ENTROPY: 0.2},
                    weights=(Signal.RISK, Signal.BUSINESS_VALUE),
                ),
                Arm(
                    name="disagreement",
                    kind=ArmKind.DISAGREEMENT,
                    share=0.15,
                    signals={
                        Signal.VOTE_ENTROPY: 1,
                        Signal.COMMITTEE_DIVERGENCE: 1,
                        Signal.VERSION_DIVERGENCE: 1,
                        Signal.INSTABILITY: 1,
                    },
                ),
                Arm(name="rare", kind=ArmKind.RARE, share=0.15),
                Arm(name="edge", kind=ArmKind.EDGE_CASE, share=0.15),
                Arm(
                    name="production",
                    kind=ArmKind.RECENT_PRODUCTION,
                    share=0.15,
                    signals={
                        Signal.RECENCY: 1,
                        Signal.FLAGGED: 1,
                        Signal.SEGMENT_ERROR_RATE: 1,
                        Signal.SENSITIVITY: 1,
                        Signal.TYPICALITY: 1,
                    },
                    where='source != "archive"',
                ),
                Arm(name="random", kind=ArmKind.RANDOM, share=0.1),
            ),
            limits=(
                Limit(column="language", max_share=0.5),
                Limit(column="segment", value="s3", min_records=5),
                Limit(column="predicted", max_share=0.3),
            ),
            near_duplicates=NearDuplicates(text=0.8, embedding=0.995),
            guards=Guards(max_weakness_share=0.5, max_ambiguous_share=0.2),
            gates=(
                Gate(measure=Measure.COVERAGE, at_least=0.0),
                Gate(measure=Measure.DIVERSITY, at_least=0.0),
            ),
            production='source == "live"',
        )
    )


def store_snapshot(store: ArtifactStore, rows: int, dimensions: int) -> SelectBatch:
    """Writes a scored snapshot, partition by partition, as a round's steps leave it."""
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((50, dimensions), dtype=np.float32)
    partitions, scores = [], []
    for start in range(0, rows + LABELLED + TESTED, PARTITION):
        count = min(PARTITION, rows + LABELLED + TESTED - start)
        ids = [f"r{place:09d}" for place in range(start, start + count)]
        known = np.arange(start, start + count) < LABELLED + TESTED
        marks = pa.table(
            {
                "record_id": ids,
                "content_digest": [f"{place:064x}" for place in range(start, start + count)],
                "metadata": metadata(rng, count),
                "eligibility": np.where(known, "labelled when imported", ELIGIBLE),
            }
        )
        partitions.append(Partition(artifact=store.put_table(marks), rows=count))
        table = scored(rng, ids, middles)
        scores.append(Partition(artifact=store.put_table(table), rows=count))
    settled = [row(place) for place in range(LABELLED + TESTED)]
    predictions = [
        {"record_id": each.record_id, "predicted": CLASSES[(place // 3) % 10]}
        for place, each in enumerate(settled)
    ]
    snapshot = Snapshot(
        digest=digest("snapshot"),
        partitions=tuple(partitions),
        records=rows + LABELLED + TESTED,
        eligible=rows,
        ineligible={},
        parent_version=3,
        parent_files=(),
        settled=write_rows(store, settled),
        predictions=store.put_table(pa.Table.from_pylist(predictions, schema=PREDICTIONS)),
        labelled=LABELLED,
        test_records=TESTED,
    )
    return SelectBatch(plan=plan(), snapshot=snapshot, scores=tuple(scores), classes=CLASSES)


def metadata(rng: np.random.Generator, count: int) -> list[str]:
    numbers = rng.random((count, 4)).round(3).tolist()
    picks = rng.integers(0, 20, (count, 4)).tolist()
    return [
        f'{{"business_value":{b},"language":"{("de", "en", "fr", "it")[p[0] % 4]}",'
        f'"market":"m{p[1]}","production_error":{"true" if p[2] == 0 else "false"},"risk":{a},'
        f'"segment":"s{p[2]}","sensitivity":{c},"source":"{("live", "archive")[p[3] % 2]}",'
        f'"timestamp":"2026-05-{1 + p[3]:02d}T00:00:00Z"}}'
        for (a, b, c, _), p in zip(numbers, picks, strict=True)
    ]


def scored(rng: np.random.Generator, ids: list[str], middles: NDArray[np.float32]) -> pa.Table:
    count, dimensions = len(ids), middles.shape[1]
    points = rng.standard_normal((count, dimensions), dtype=np.float32) * np.float32(0.7)
    points += middles[rng.integers(0, len(middles), count)]
    points /= np.sqrt(np.einsum("ij,ij->i", points, points))[:, None]
    probabilities = rng.dirichlet(np.ones(len(CLASSES)) * 0.3, count).astype(np.float32)
    ordered = np.sort(probabilities, axis=1)
    columns: dict[str, object] = {
        "record_id": ids,
        "probabilities": pa.ListArray.from_arrays(
            pa.array(np.arange(count + 1, dtype=np.int32) * len(CLASSES)),
            pa.array(probabilities.reshape(-1)),
        ),
        "margin": 1.0 - (ordered[:, -1] - ordered[:, -2]),
        "least_confidence": 1.0 - ordered[:, -1],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(points.reshape(-1)), dimensions),
        "signature": to_arrow(rng.integers(0, 2**16, (count, SIGNATURE_WIDTH), dtype=np.uint16)),
    }
    for name in ("entropy", "vote_entropy", "committee_divergence", "version_divergence"):
        columns[name] = rng.random(count, dtype=np.float32)
    columns["instability"] = rng.integers(0, 3, count).astype(np.float32) / 2
    return pa.table(columns)


def row(place: int) -> DatasetRow:
    return DatasetRow(
        record_id=RecordId(f"r{place:09d}"),
        content_digest=Sha256(f"{place:064x}"),
        role=DatasetRole.TRAIN if place < LABELLED else DatasetRole.TEST,
        label=CLASSES[place % 10],
        between=(),
        how="agreement",
        label_confidence=1.0,
        arm="uncertain",
        round_number=1 + place % 3,
    )


def plan() -> RoundPlan:
    return RoundPlan(
        round_id=RoundId("benchmark"),
        pool_id=PoolId("benchmark"),
        kind=ContentKind.TEXT,
        dataset="benchmark",
        policy=policy(100),
        schema=LabelSchema(
            name="letters",
            version=1,
            classes=tuple(LabelClass(label=each, meaning="") for each in CLASSES),
        ),
        guideline="none@1",
        guideline_digest=digest("none"),
        requested_by=SYSTEM,
        requested_at=DAY,
    )


def read_once(store: ArtifactStore, request: SelectBatch) -> float:
    """Seconds to read the embeddings and probabilities of all records once, into arrays."""
    start = time.perf_counter()
    for part in request.scores:
        table = store.get_table(part.artifact, columns=["embedding", "probabilities"])
        for name in table.column_names:
            table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return time.perf_counter() - start


def measured(rows: int, dimensions: int) -> dict[str, object]:
    """One size, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        store = ArtifactStore(folder)
        made = subprocess.run(
            [
                sys.executable,
                __file__,
                "--make",
                folder,
                "--rows",
                str(rows),
                "--dim",
                str(dimensions),
            ],
            check=True,
            stdout=subprocess.PIPE,
        )
        request = _request(json.loads(made.stdout))
        select = SelectionActivities(store).select_batch
        reading, selecting = [], []
        for _ in range(REPEATS):
            reading.append(read_once(store, request))
            start = time.perf_counter()
            batch = ActivityEnvironment().run(select, request)
            selecting.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": rows,
        "dim": dimensions,
        "batch": batch.records,
        "arms": batch.arms,
        "shortfalls": len(batch.findings.shortfalls),
        "seconds": statistics.median(selecting),
        "read_seconds": statistics.median(reading),
        "ratio": statistics.median(selecting) / statistics.median(reading),
        "microseconds_per_record": 1e6 * statistics.median(selecting) / rows,
        "mb": peak,
    }


def _request(document: dict[str, object]) -> SelectBatch:
    from temporalio.converter import value_to_type

    request: SelectBatch = value_to_type(SelectBatch, document)
    return request


def main() -> None:
    parser = argparse.ArgumentParser(description="Time whole selections.")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        from temporalio.converter import DataConverter

        request = store_snapshot(ArtifactStore(options.make), options.rows[0], options.dim)
        [payload] = DataConverter.default.payload_converter.to_payloads([request])
        sys.stdout.write(payload.data.decode())
        return
    if options.one:
        print(json.dumps(measured(options.rows[0], options.dim)))
        return
    results = []
    for rows in options.rows:
        run = subprocess.run(
            [sys.executable, __file__, "--one", "--rows", str(rows), "--dim", str(options.dim)],
            check=True,
            stdout=subprocess.PIPE,
        )
        result = json.loads(run.stdout)
        results.append(result)
        print(
            f"{rows:>9,} × {options.dim}: {result['seconds']:8.2f} s, "
            f"{result['ratio']:.2f} times reading ({result['read_seconds']:.2f} s), "
            f"{result['microseconds_per_record']:.1f} µs a record, {result['mb']:,.0f} MB",
            file=sys.stderr if options.json else sys.stdout,
        )
    if options.json:
        print(json.dumps({"results": results, "cores": os.cpu_count()}, indent=2))


if __name__ == "__main__":
    main()
