"""What all ways of picking promise: rules kept, equal picks for equal inputs, stated edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from learning.diversity.badge import badge
from learning.diversity.facility_location import facility_location
from learning.diversity.k_center import k_center
from learning.diversity.picking import UNRESTRICTED, Admission, Picks
from learning.diversity.prefilter import prefiltered
from learning.diversity.typical_clusters import typical_clusters
from tests.learning.diversity.clouds import Float32, clustered, probabilities, unit_rows
from tests.learning.diversity.rules import AtMost

Bools = NDArray[np.bool_]
Method = Callable[[Float32, int, Bools | None, Admission], Picks]


def by_k_center(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    covered = points[:2]
    return k_center(points, count, covered=covered, eligible=eligible, admission=rules)


def by_badge(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    shares = probabilities(np.random.default_rng(5), len(points), 3)
    return badge(points, shares, count, eligible=eligible, admission=rules, seed=1)


def by_one_class(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    shares = np.ones((len(points), 1), dtype=np.float32)
    return badge(points, shares, count, eligible=eligible, admission=rules, seed=1)


def by_clusters(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    return typical_clusters(
        points, count, covered=points[:2], eligible=eligible, admission=rules, seed=1
    )


def by_facility(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    weights = np.random.default_rng(6).random(len(points))
    return facility_location(
        points,
        count,
        covered=points[:2],
        weights=weights,
        eligible=eligible,
        admission=rules,
        seed=1,
        representatives=50,
        shortlist=10,
    )


def by_prefilter(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    scores = np.random.default_rng(7).random(len(points), dtype=np.float32)
    return prefiltered(points, scores, count, eligible=eligible, admission=rules, seed=1)


def by_equal_scores(points: Float32, count: int, eligible: Bools | None, rules: Admission) -> Picks:
    scores = np.zeros(len(points), dtype=np.float32)
    return prefiltered(points, scores, count, eligible=eligible, admission=rules, seed=1)


METHODS: list[Method] = [
    by_k_center,
    by_badge,
    by_one_class,
    by_clusters,
    by_facility,
    by_prefilter,
    by_equal_scores,
]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda each: each.__name__)


@every_method
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), distinct=st.integers(1, 40), count=st.integers(0, 45))
def test_rules_are_asked_before_each_pick_and_kept(
    method: Method, seed: int, distinct: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng, distinct, 4)
    rows[0] = 0.0
    points = rows[rng.integers(0, distinct, 40)]
    eligible = rng.random(40) < 0.8
    groups = rng.integers(0, 5, 40)
    refused = frozenset(np.flatnonzero(rng.random(40) < 0.2).tolist())
    rules = AtMost(groups, 3, refused=refused)
    picks = method(points, count, eligible, rules)
    chosen = picks.rows.tolist()
    assert chosen == rules.taken
    assert len(set(chosen)) == len(chosen) == len(picks.gains)
    assert eligible[picks.rows].all()
    open_rows = [row for row in np.flatnonzero(eligible) if row not in refused]
    most = sum(min(3, int((groups[open_rows] == group).sum())) for group in range(5))
    assert len(chosen) == min(count, most)


@every_method
def test_equal_inputs_give_equal_picks_for_any_number_of_threads(method: Method) -> None:
    points = clustered(np.random.default_rng(2), 3_000, 24, 12)
    with threadpool_limits(limits=1):
        one = method(points, 40, None, UNRESTRICTED)
    with threadpool_limits(limits=2):
        two = method(points, 40, None, UNRESTRICTED)
    assert len(one.rows) == 40
    assert one.rows.tolist() == two.rows.tolist()


@every_method
@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_pool_smaller_than_the_batch_is_picked_whole(method: Method, size: int) -> None:
    points = unit_rows(np.random.default_rng(3), size, 3)
    assert sorted(method(points, 10, None, UNRESTRICTED).rows.tolist()) == list(range(size))


@every_method
def test_rows_that_are_all_equal_or_zero_are_all_picked_when_all_are_asked_for(
    method: Method,
) -> None:
    for points in (np.zeros((30, 3), dtype=np.float32), np.eye(3, dtype=np.float32)[[1] * 30]):
        assert sorted(method(points, 30, None, UNRESTRICTED).rows.tolist()) == list(range(30))
