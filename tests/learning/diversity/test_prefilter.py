"""Prefiltered k-means: what passes the filter, what differs, what steps in for the refused."""

from __future__ import annotations

import numpy as np
import pytest

from learning.diversity.prefilter import prefiltered
from tests.learning.diversity.clouds import clustered, unit_rows
from tests.learning.diversity.rules import AtMost


def test_only_the_largest_scores_pass_the_filter() -> None:
    rng = np.random.default_rng(1)
    points, scores = unit_rows(rng, 1_000, 8), rng.random(1_000)
    picks = prefiltered(points, scores, 12, beta=5, seed=0)
    assert set(picks.rows.tolist()) <= set(np.argsort(-scores)[:60].tolist())
    assert picks.gains.tolist() == scores[picks.rows].tolist()


def test_picks_come_from_different_clusters() -> None:
    points = clustered(np.random.default_rng(2), 60, 16, 6)
    picks = prefiltered(points, np.ones(60), 6, seed=0)
    assert sorted(picks.rows % 6) == [0, 1, 2, 3, 4, 5]


def test_a_filter_as_wide_as_the_batch_takes_the_largest_scores() -> None:
    rng = np.random.default_rng(3)
    points, scores = unit_rows(rng, 100, 4), rng.random(100)
    picks = prefiltered(points, scores, 10, beta=1, seed=0)
    assert sorted(picks.rows.tolist()) == sorted(np.argsort(-scores)[:10].tolist())


def test_the_next_largest_scores_take_the_place_of_the_refused() -> None:
    rng = np.random.default_rng(4)
    points, scores = unit_rows(rng, 100, 4), np.arange(100, 0, -1, dtype=np.float64)
    rules = AtMost(np.arange(100), 1, refused=frozenset(range(60)))
    picks = prefiltered(points, scores, 4, admission=rules, seed=0)
    assert len(picks.rows) == 4
    assert picks.rows.min() >= 60


@pytest.mark.parametrize("score", [0.0, 0.5])
def test_equal_scores_pass_at_random(score: float) -> None:
    points = unit_rows(np.random.default_rng(5), 2_000, 4)
    one, two = (
        prefiltered(points, np.full(2_000, score), 5, seed=seed).rows.tolist() for seed in (1, 2)
    )
    assert one != two
    assert max(one) > 200
