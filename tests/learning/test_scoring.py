"""Scores: one row a record, the same however the pool is cut."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import MissingColumn
from domain.records import Content, ContentKind
from learning.candidates import Candidates
from learning.models import Model
from learning.scoring import score, scores_schema, uncertainty

COUNT = 60
_SHADES = np.random.default_rng(0).integers(0, 255, size=(COUNT, 12, 12)).tolist()
CONTENTS: dict[ContentKind, list[Content]] = {
    ContentKind.TEXT: [
        Content({"text": " ".join(f"w{(i * j) % 53}" for j in range(1, 12))}) for i in range(COUNT)
    ],
    ContentKind.TABLE: [
        Content({"row": {"x": (i * 37) % 11 / 7, "c": f"v{i % 140}"}}) for i in range(COUNT)
    ],
    ContentKind.IMAGE: [Content({"pixels": shades}) for shades in _SHADES],
}


@cache
def model(kind: ContentKind, *, cold: bool = False) -> Model:
    labels = [None if cold else f"label-{i % 3}" for i in range(COUNT)]
    return Model.fit(kind, CONTENTS[kind], labels, seed=1)


def records(kind: ContentKind) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "record_id": [f"r{i:02d}" for i in range(COUNT)],
            "content": [json.dumps(content) for content in CONTENTS[kind]],
        }
    )


@settings(deadline=None, max_examples=30)
@given(
    kind=st.sampled_from(list(ContentKind)),
    cuts=st.lists(st.integers(0, COUNT), max_size=COUNT).map(sorted),
)
def test_a_pool_cut_anywhere_gets_the_same_scores(kind: ContentKind, cuts: list[int]) -> None:
    whole = score(records(kind), model(kind))
    edges = [0, *cuts, COUNT]
    parts = [
        score(records(kind).slice(start, end - start), model(kind))
        for start, end in pairwise(edges)
    ]
    assert pa.Table.from_batches(parts).combine_chunks() == pa.Table.from_batches([whole])


@pytest.mark.parametrize("kind", list(ContentKind))
def test_scores_follow_from_the_probabilities(kind: ContentKind) -> None:
    scores = score(records(kind), model(kind))
    scores.validate(full=True)
    assert scores.schema == scores_schema(model(kind))
    for row in scores.to_pylist():
        p = sorted(row["probabilities"], reverse=True)
        assert sum(p) == pytest.approx(1.0, abs=1e-5)
        best = int(np.argmax(row["probabilities"]))
        assert row["predicted"] == model(kind).classes[best]
        assert row["margin"] == pytest.approx(1 - (p[0] - p[1]), abs=1e-5)
        assert row["least_confidence"] == pytest.approx(1 - p[0], abs=1e-5)
        assert row["entropy"] == pytest.approx(-np.dot(p, np.log(p)) / np.log(3), abs=1e-5)


@pytest.mark.parametrize("kind", list(ContentKind))
def test_a_cold_start_has_embeddings_and_no_scores(kind: ContentKind) -> None:
    cold = model(kind, cold=True)
    scores = score(records(kind), cold)
    for name in ("predicted", "probabilities", "margin", "least_confidence", "entropy"):
        assert scores.column(name).null_count == COUNT
    assert scores.column("embedding").null_count == 0
    candidates = Candidates.from_scores(
        pa.Table.from_batches([scores]), labelled=pa.Table.from_batches([scores.slice(0, 0)])
    )
    assert candidates.margin is None
    assert candidates.top_two is None


def test_candidates_carry_the_two_likeliest_labels() -> None:
    scores = pa.Table.from_batches([score(records(ContentKind.TEXT), model(ContentKind.TEXT))])
    candidates = Candidates.from_scores(scores.slice(10), labelled=scores.slice(0, 10))
    assert candidates.top_two is not None
    assert candidates.embeddings.shape == (COUNT - 10, model(ContentKind.TEXT).dimensions)
    assert list(candidates.labelled_ids) == [f"r{i:02d}" for i in range(10)]
    for (first, second, p, q), row in zip(
        candidates.top_two, scores.slice(10).to_pylist(), strict=True
    ):
        assert first == row["predicted"] != second
        assert [p, q] == sorted(row["probabilities"], reverse=True)[:2]


def test_certainty_scores_zero_and_even_odds_score_one() -> None:
    measures = uncertainty(np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    assert measures["margin"].tolist() == [0.0, 1.0]
    assert measures["entropy"] == pytest.approx([0.0, 1.0])
    assert measures["least_confidence"] == pytest.approx([0.0, 2 / 3])


def test_records_without_content_are_refused() -> None:
    with pytest.raises(MissingColumn, match="content"):
        score(records(ContentKind.TEXT).select(["record_id"]), model(ContentKind.TEXT))
