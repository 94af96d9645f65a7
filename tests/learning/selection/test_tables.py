"""Candidates from what scoring wrote, in any number of partitions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from domain.arms import ArmKind, Signal
from domain.errors import InvalidScores, MissingColumn
from domain.selections import batch_digest
from learning.near_duplicates import signatures, to_arrow
from learning.selection import select
from learning.selection.tables import KnownRecord, Part, gather, metadata_table
from tests.learning.selection.pools import arm, policy, unit

N = 240


def scores(count: int = N) -> pa.Table:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), count).astype(np.float32)
    rows = unit(rng.normal(size=(count, 6)))
    texts = [f"message {rng.integers(0, 10**9)} about {place}" for place in range(count)]
    return pa.table(
        {
            "record_id": [f"r{place:04d}" for place in range(count)],
            "probabilities": pa.array(list(probabilities), pa.list_(pa.float32())),
            "margin": rng.random(count).astype(np.float32),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), 6),
            "signature": to_arrow(signatures(texts)),
        }
    )


def parts(table: pa.Table, pieces: int) -> list[Part]:
    bounds = np.linspace(0, table.num_rows, pieces + 1).astype(int)
    return [
        Part(
            scores=table.slice(start, end - start),
            metadata=pa.array(
                [f'{{"language":"{"de" if i % 3 else "fr"}"}}' for i in range(start, end)]
            ),
            eligible=np.arange(start, end) % 8 != 0,
        )
        for start, end in pairwise(bounds)
    ]


KNOWN = {
    f"r{place:04d}": KnownRecord(label=str(place % 3), for_test=place % 16 == 0)
    for place in range(0, N, 8)
}


@pytest.mark.parametrize("pieces", [2, 8])
def test_a_batch_is_the_same_over_one_two_and_eight_partitions(pieces: int) -> None:
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.4), arm(ArmKind.EDGE_CASE, 0.2), arm(ArmKind.COMMON, 0.3)
    )
    whole, cut = (
        select(
            gather(
                parts(scores(), count), eligible=N - N // 8, classes=["0", "1", "2"], known=KNOWN
            ),
            asked,
        )
        for count in (1, pieces)
    )
    assert batch_digest(whole.selections) == batch_digest(cut.selections)
    assert whole.findings == cut.findings


def test_eligible_and_known_records_are_told_apart() -> None:
    candidates = gather(
        parts(scores(), 3),
        eligible=N - N // 8,
        classes=["0", "1", "2"],
        known=KNOWN,
        ambiguous=["r0001", "r0002", "elsewhere"],
    )
    assert len(candidates) == N - N // 8
    assert set(candidates.known.record_ids) == set(KNOWN)
    assert int(candidates.known.for_test.sum()) == N // 16
    assert candidates.signals[Signal.MARGIN].shape == (len(candidates),)
    assert candidates.signatures is not None
    assert candidates.ambiguous is not None
    assert int(candidates.ambiguous.sum()) == 2
    assert candidates.metadata.column_names == ["language"]


def test_scores_without_a_column_that_is_needed_are_refused() -> None:
    with pytest.raises(MissingColumn, match="embedding"):
        gather(parts(scores().drop_columns(["embedding"]), 1), eligible=1, classes=[], known={})


def test_records_without_probabilities_among_others_are_refused() -> None:
    table = scores()
    half = pa.array(
        [None if place < 9 else [0.2, 0.3, 0.5] for place in range(N)], pa.list_(pa.float32())
    )
    place = table.schema.get_field_index("probabilities")
    with pytest.raises(InvalidScores, match="have no probabilities"):
        gather(
            parts(table.set_column(place, "probabilities", half), 1),
            eligible=N - N // 8,
            classes=["0", "1", "2"],
            known={},
        )


def test_a_number_of_records_other_than_announced_is_refused() -> None:
    for announced in (N, 10):
        with pytest.raises(InvalidScores, match="announced"):
            gather(parts(scores(), 2), eligible=announced, classes=["0", "1", "2"], known={})


@pytest.mark.parametrize(
    ("texts", "columns"),
    [
        (['{"a":1}', '{"b":"x"}', "{}"], {"a": [1, None, None], "b": [None, "x", None]}),
        (['{"a":1}', '{"a":"high"}'], {"a": ["1", "high"]}),
        (['{"a":{"deep":1},"b":[1],"c":true}'], {"c": [True]}),
        (["{}", "{}"], {}),
        ([], {}),
    ],
)
def test_metadata_become_columns(texts: list[str], columns: dict[str, list[object]]) -> None:
    found = metadata_table([pa.array(texts, pa.string())] if texts else [])
    assert {name: found[name].to_pylist() for name in found.column_names} == columns
