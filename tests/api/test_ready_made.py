"""The policies that come with the product select full batches from the pools that they are for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from api.policies import ready_made
from domain.arms import NEEDS_COMMITTEE, NEEDS_EARLIER_VERSIONS, Signal
from domain.errors import MissingColumn
from learning.selection import Candidates, Known, Selected, select
from learning.signals.probabilities import entropy, least_confidence, margin

CLASSES = ("card", "loan", "fraud", "other")
DIMENSIONS = 16
FOR_ANY_POOL = (ready_made.COLD_START, ready_made.GROWING, ready_made.MATURE)


def unit_rows(chance: np.random.Generator, rows: int) -> Any:
    vectors = chance.standard_normal((rows, DIMENSIONS)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pool(rows: int, *, labelled: int, metadata: bool = False) -> Candidates:
    """Records all over the place, of four classes; those without labels have no model either."""
    chance = np.random.default_rng(7)
    probabilities = chance.dirichlet(np.ones(len(CLASSES)), rows).astype(np.float32)
    signals = {
        Signal.LEAST_CONFIDENCE: least_confidence(probabilities),
        Signal.MARGIN: margin(probabilities),
        Signal.ENTROPY: entropy(probabilities),
    }
    known = Known.nothing(DIMENSIONS)
    if labelled:
        known = Known(
            record_ids=[f"k{number}" for number in range(labelled)],
            embeddings=unit_rows(chance, labelled),
            labels=[CLASSES[number % len(CLASSES)] for number in range(labelled)],
            for_test=np.zeros(labelled, np.bool_),
            predicted=[CLASSES[0]] * labelled,
            rounds=[1] * labelled,
            metadata=described(chance, labelled) if metadata else pa.table({}),
        )
    return Candidates(
        record_ids=pa.array([f"r{number:05}" for number in range(rows)]),
        embeddings=unit_rows(chance, rows),
        probabilities=probabilities if labelled else None,
        classes=CLASSES if labelled else (),
        signals=signals if labelled else {},
        metadata=described(chance, rows) if metadata else pa.table({}),
        known=known,
    )


def described(chance: np.random.Generator, rows: int) -> pa.Table:
    def one_of(*values: str) -> list[str]:
        return [values[place] for place in chance.integers(0, len(values), rows)]

    return pa.table(
        {
            "source": one_of("wire", "blog", "filing", "forum", "press"),
            "segment": one_of("a", "b", "c", "d", "e"),
            "market": one_of("eu", "us", "asia"),
            "language": one_of("en", "en", "de", "fr"),
            "timestamp": [f"2026-{1 + number % 9:02}-11T00:00:00Z" for number in range(rows)],
            "risk": chance.random(rows),
            "business_value": chance.random(rows),
            "sensitivity": chance.random(rows),
            "flagged": chance.random(rows) < 0.05,
            "usage_restriction": one_of("none", "none", "none", "no_training"),
        }
    )


def check_whole(selected: Selected, name: str, records: int) -> None:
    policy, _ = ready_made.load(name)
    arms = Counter(each.arm for each in selected.selections)
    assert arms == Counter(policy.quotas(records))
    assert len({each.record_id for each in selected.selections}) == records
    assert selected.findings.failed_gates == ()
    assert all(each.propensity for each in selected.selections if each.arm == "random")


@pytest.mark.parametrize("name", FOR_ANY_POOL)
def test_a_policy_for_any_pool_needs_no_metadata(name: str) -> None:
    labelled = 0 if name == ready_made.COLD_START else 40
    policy, _ = ready_made.load(name)
    selected = select(pool(1_000, labelled=labelled), policy)
    check_whole(selected, name, 100)


@pytest.mark.parametrize("name", ready_made.NAMES)
def test_each_selects_a_whole_batch_from_a_pool_that_is_described(name: str) -> None:
    policy, _ = ready_made.load(name)
    selected = select(pool(1_500, labelled=60, metadata=True), policy)
    assert len(selected.selections) == 100
    assert selected.findings.failed_gates == ()
    assert selected.findings.shortfalls == ()
    assert selected.findings.excluded["usage restriction: no_training"] > 0


@pytest.mark.parametrize("name", sorted(set(ready_made.NAMES) - set(FOR_ANY_POOL)))
def test_a_policy_with_limits_says_which_column_a_pool_lacks(name: str) -> None:
    policy, _ = ready_made.load(name)
    lacking = pool(300, labelled=40)
    with pytest.raises(MissingColumn, match="which no record of the pool has"):
        select(lacking, policy)


@pytest.mark.parametrize("name", FOR_ANY_POOL)
@pytest.mark.parametrize("records", [2, 5, 40, 60])
def test_a_first_round_on_sixty_records_is_not_stopped(name: str, records: int) -> None:
    small = pool(60, labelled=0 if name == ready_made.COLD_START else 4)
    policy, _ = ready_made.load(name)
    check_whole(select(small, policy, records=records), name, records)


def test_a_committee_that_was_not_asked_is_noted_and_stops_nothing() -> None:
    policy, _ = ready_made.load(ready_made.MATURE)
    assert policy.signals & (NEEDS_COMMITTEE | NEEDS_EARLIER_VERSIONS)
    selected = select(replace(pool(500, labelled=40), now=None), policy)
    assert any("disagreement" in note or "divergence" in note for note in selected.findings.notes)
