"""Composition, gates and what they measure, by known answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from domain.arms import ArmKind, Signal
from domain.policy import Gate, Limit, Measure
from learning.selection import Known, select
from learning.selection.findings import coverage, diversity, jensen_shannon_distance
from tests.learning.selection.pools import arm, policy, pool, unit


def test_equal_distributions_are_at_no_distance_and_disjoint_ones_at_one() -> None:
    some = Counter({"a": 3, "b": 1})
    assert jensen_shannon_distance(some, Counter({"a": 6, "b": 2})) == pytest.approx(0.0, abs=1e-9)
    assert jensen_shannon_distance(some, Counter({"c": 5})) == pytest.approx(1.0)


def test_the_distance_of_one_half_from_all_is_as_computed_by_hand() -> None:
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): D = (log2(4/3) + (log2(2/3) + log2 2) / 2) / 2
    divergence = (np.log2(4 / 3) + (np.log2(2 / 3) + 1.0) / 2) / 2
    found = jensen_shannon_distance(Counter({"a": 1}), Counter({"a": 1, "b": 1}))
    assert found == pytest.approx(np.sqrt(divergence))


def test_the_composition_counts_batch_pool_labelled_and_production_by_value() -> None:
    candidates = pool(200)
    asked = policy(arm(ArmKind.UNCERTAIN, 0.9), production='segment == "public"')
    found = {each.column: each for each in select(candidates, asked).findings.composition}
    assert set(found) == {"predicted", "segment", "language"}
    language = found["language"]
    counts = Counter(candidates.metadata["language"].to_pylist())
    assert dict(zip(language.values, language.pool, strict=True)) == {
        "de": counts["de"],
        "en": counts["en"],
        "fr": counts["fr"],
        "other": 0,
        "missing": 0,
    }
    assert sum(language.batch) == 20
    assert sum(language.labelled) == 4, "the fifth is kept for tests"
    produced = sum(each == "public" for each in candidates.metadata["segment"].to_pylist())
    assert sum(language.production) == produced
    assert set(language.distances) == {"pool", "labelled", "production"}


def test_values_beyond_those_shown_are_counted_together_and_missing_ones_apart() -> None:
    candidates = pool(200)
    values = [None if place % 10 == 0 else f"m{place % 30}" for place in range(200)]
    market = candidates.metadata.append_column("market", pa.array(values, pa.string()))
    asked = policy(arm(ArmKind.DIVERSE, 0.9))
    found = select(replace(candidates, metadata=market), asked).findings.composition
    shown = next(each for each in found if each.column == "market")
    assert shown.values[-2:] == ("other", "missing")
    assert shown.pool[-1] == 20
    assert sum(shown.pool) == 200
    assert len(shown.values) == 14


def test_coverage_is_the_mean_cosine_with_the_nearest_of_batch_and_labelled() -> None:
    rows = unit(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 1.0]]))
    candidates = replace(
        pool(4, labelled=0), embeddings=rows, known=Known.nothing(2), metadata=pa.table({})
    )
    every = np.ones(4, dtype=np.bool_)
    # Nearest to the first record: itself 1, the second 0, the third -1 counted as 0, the last √½.
    assert coverage(candidates, [0], every) == pytest.approx(
        (1 + 0 + 0 + np.sqrt(0.5)) / 4, abs=1e-3
    )
    assert coverage(candidates, [], every) == 0.0


def test_diversity_is_half_the_mean_distance_to_the_nearest_other_record() -> None:
    assert diversity(unit(np.array([[1.0, 0.0], [-1.0, 0.0]]))) == pytest.approx(1.0)
    assert diversity(unit(np.array([[1.0, 0.0], [1.0, 0.0]]))) == pytest.approx(0.0)
    assert diversity(unit(np.array([[1.0, 0.0]]))) == 1.0


def test_a_gate_passes_or_fails_by_its_thresholds() -> None:
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.9, signals={Signal.BUSINESS_VALUE: 1.0}),
        limits=[Limit(column="language", value="xx", min_records=2)],
        gates=(
            Gate(measure=Measure.RANDOM_SHARE, at_least=0.1),
            Gate(measure=Measure.CONSTRAINTS_MET, at_least=1.0),
            Gate(measure=Measure.QUALITY, at_least=0.99),
            Gate(measure=Measure.COVERAGE, at_least=0.0, at_most=1.0),
            Gate(measure=Measure.DIVERSITY, at_most=0.0),
            Gate(measure=Measure.CLASS_DISTANCE, at_most=1.0),
        ),
    )
    findings = select(pool(200), asked).findings
    assert [gate.passed for gate in findings.gates] == [True, False, True, True, False, True]
    assert findings.gates[0].value == 0.1
    assert findings.gates[1].value == 0.0
    assert [gate.measure for gate in findings.failed_gates] == ["constraints_met", "diversity"]


def test_quality_falls_with_metadata_that_the_policy_reads_and_that_are_missing() -> None:
    asked = policy(
        arm(ArmKind.DIVERSE, 0.9, weights=(Signal.BUSINESS_VALUE,)),
        gates=(Gate(measure=Measure.QUALITY, at_least=0.9),),
    )
    candidates = pool(200)
    selected = select(candidates, asked)
    values = dict(
        zip(
            candidates.record_ids.to_pylist(),
            candidates.metadata["business_value"].to_pylist(),
            strict=True,
        )
    )
    there = sum(values[each.record_id] is not None for each in selected.selections) / 20
    assert selected.findings.gates[0].value == pytest.approx(there)
