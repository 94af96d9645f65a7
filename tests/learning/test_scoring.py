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
from learning.models import Model
from learning.near_duplicates import from_arrow, signatures
from learning.scoring import SIGNALS, score, scores_schema, uncertainty
from learning.signals.disagreement import (
    aligned,
    committee_divergence,
    version_divergence,
    vote_entropy,
)
from tests.learning.products import product_pairs

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
    ContentKind.PAIR: product_pairs(COUNT, seed=5).contents,
}


@cache
def model(kind: ContentKind, *, cold: bool = False, committee: int = 0) -> Model:
    labels = [None if cold else f"label-{i % 3}" for i in range(COUNT)]
    return Model.fit(kind, CONTENTS[kind], labels, seed=1, committee=committee)


def relabelled() -> Model:
    """A model of texts that knows a class more and learned from fewer labels."""
    labels = [f"label-{i % 4}" if i < COUNT // 2 else None for i in range(COUNT)]
    return Model.fit(ContentKind.TEXT, CONTENTS[ContentKind.TEXT], labels, seed=1)


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
    committee = model(kind, committee=3)
    whole = score(records(kind), committee, [model(kind)])
    edges = [0, *cuts, COUNT]
    parts = [
        score(records(kind).slice(start, end - start), committee, [model(kind)])
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
    for name in ("predicted", "probabilities", *SIGNALS):
        assert scores.column(name).null_count == COUNT
    assert scores.column("embedding").null_count == 0


def test_only_texts_have_signatures() -> None:
    texts = score(records(ContentKind.TEXT), model(ContentKind.TEXT)).column("signature")
    expected = signatures([str(content["text"]) for content in CONTENTS[ContentKind.TEXT]])
    assert (from_arrow(texts) == expected).all()
    for kind in (ContentKind.TABLE, ContentKind.IMAGE):
        assert score(records(kind), model(kind)).column("signature").null_count == COUNT


@pytest.mark.parametrize("kind", list(ContentKind))
def test_a_committee_that_is_there_disagrees(kind: ContentKind) -> None:
    scores = score(records(kind), model(kind, committee=4))
    members = model(kind, committee=4).outputs(CONTENTS[kind]).committee
    assert members is not None
    assert scores.column("vote_entropy").to_pylist() == vote_entropy(members).tolist()
    divergence = committee_divergence(members)
    assert scores.column("committee_divergence").to_pylist() == divergence.tolist()
    assert divergence.max() > 0.0
    alone = score(records(kind), model(kind))
    assert alone.column("vote_entropy").null_count == COUNT
    # What the model itself says does not change with the committee beside it.
    assert alone.column("probabilities") == scores.column("probabilities")


def test_a_model_is_compared_with_those_before_it() -> None:
    kind = ContentKind.TEXT
    new, cold = model(kind), model(kind, cold=True)
    assert score(records(kind), new).column("instability").null_count == COUNT
    assert score(records(kind), new, [cold]).column("instability").null_count == COUNT
    same = score(records(kind), new, [new])
    assert set(same.column("version_divergence").to_pylist()) == {0.0}
    assert set(same.column("instability").to_pylist()) == {0.0}
    other = relabelled()
    scores = score(records(kind), new, [cold, other])
    versions = aligned(
        [(each.classes, each.predict_proba(CONTENTS[kind])) for each in (new, other)]
    )
    assert versions.shape == (COUNT, 2, 4)
    assert scores.column("version_divergence").to_pylist() == version_divergence(versions).tolist()
    changed = [
        float(now != before)
        for now, before in zip(
            scores.column("predicted").to_pylist(), other.predict(CONTENTS[kind]), strict=True
        )
    ]
    assert scores.column("instability").to_pylist() == changed
    assert 0.0 < sum(changed) < COUNT
    scores.validate(full=True)


def test_certainty_scores_zero_and_even_odds_score_one() -> None:
    measures = uncertainty(np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    assert measures["margin"].tolist() == [0.0, 1.0]
    assert measures["entropy"] == pytest.approx([0.0, 1.0])
    assert measures["least_confidence"] == pytest.approx([0.0, 2 / 3])


def test_records_without_content_are_refused() -> None:
    with pytest.raises(MissingColumn, match="content"):
        score(records(ContentKind.TEXT).select(["record_id"]), model(ContentKind.TEXT))
