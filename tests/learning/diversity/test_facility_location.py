"""Facility location against the plain greedy over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.diversity.facility_location import facility_location
from tests.learning.diversity.clouds import Float32, clustered, unit_rows
from tests.learning.diversity.rules import AtMost


def coverage(points: Float32, chosen: Float32) -> float:
    return float(((1.0 + points.astype(float) @ chosen.T.astype(float)) / 2).max(axis=1).mean())


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), rows=st.integers(2, 150), count=st.integers(1, 10))
def test_gains_are_those_of_the_plain_greedy_where_nothing_is_sampled(
    seed: int, rows: int, count: int
) -> None:
    points = unit_rows(np.random.default_rng(seed), rows, 5)
    picks = facility_location(points, count, covered=points[:1], seed=0)
    known = points[:1]
    for row, gain in zip(picks.rows.tolist(), picks.gains.tolist(), strict=True):
        before = coverage(points, known)
        left = set(range(rows)) - set(picks.rows[: picks.rows.tolist().index(row)].tolist())
        gains = {
            other: coverage(points, np.concatenate([known, points[other : other + 1]])) - before
            for other in left
        }
        assert gain == pytest.approx(gains[row], abs=1e-5)
        assert gains[row] == pytest.approx(max(gains.values()), abs=1e-5)
        known = np.concatenate([known, points[row : row + 1]])


def test_sampling_loses_little_coverage() -> None:
    points = clustered(np.random.default_rng(1), 5_000, 16, 40)
    whole = facility_location(
        points, 40, covered=points[:0], seed=0, representatives=5_000, shortlist=5_000
    )
    sampled = facility_location(
        points, 40, covered=points[:0], seed=0, representatives=500, shortlist=600
    )
    full = coverage(points, points[whole.rows])
    assert coverage(points, points[sampled.rows]) > full - 0.02


def test_weights_draw_the_picks_to_what_weighs() -> None:
    points = clustered(np.random.default_rng(2), 900, 16, 3)
    weights = np.where(np.arange(900) % 3 == 1, 1.0, 1e-6)
    picks = facility_location(points, 1, covered=points[:0], weights=weights, seed=0)
    assert picks.rows[0] % 3 == 1


@pytest.mark.parametrize("weight", [0.0, 2.5])
def test_equal_weights_and_none_at_all_are_the_same_as_no_weights(weight: float) -> None:
    points = clustered(np.random.default_rng(3), 300, 8, 5)
    plain = facility_location(points, 5, covered=points[:0], seed=0)
    weighed = facility_location(points, 5, covered=points[:0], weights=np.full(300, weight), seed=0)
    assert coverage(points, points[weighed.rows]) == pytest.approx(
        coverage(points, points[plain.rows]), abs=5e-3
    )


def test_another_shortlist_follows_when_one_runs_out() -> None:
    points = unit_rows(np.random.default_rng(4), 200, 4)
    rules = AtMost(np.arange(200), 1, refused=frozenset(range(3, 200)))
    picks = facility_location(
        points, 3, covered=points[:0], admission=rules, seed=0, representatives=20, shortlist=12
    )
    assert sorted(picks.rows.tolist()) == [0, 1, 2]
