"""Herding against the definition, at the edges, and under rules that refuse rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from learning.diversity.herding import herd
from learning.diversity.picking import NOBODY

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
NOTHING: Float32 = np.zeros((0, 4), dtype=np.float32)


def unit_rows(rng: np.random.Generator, count: int, dimensions: int) -> Float32:
    rows = rng.normal(size=(count, dimensions))
    unit: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def coverage(points: Float32, weights: Float64, centers: Float32, square_width: float) -> float:
    """The share of the weight that `centers` cover, by the definition."""
    if not len(centers):
        return 0.0
    apart = points.astype(np.float64)[:, None, :] - centers.astype(np.float64)[None, :, :]
    similar = (1.0 + (apart**2).sum(axis=2) / (16.0 * square_width)) ** -16.0
    return float(weights @ similar.max(axis=1) / weights.sum())


def clusters(*sizes: int, seed: int = 0) -> tuple[Float32, NDArray[np.int64]]:
    """Tight clusters of the given sizes around orthogonal directions, and who is in which."""
    rng = np.random.default_rng(seed)
    members = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.eye(len(sizes))[members] + rng.normal(scale=0.05, size=(len(members), len(sizes)))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), members


class Quota:
    """At most `most` rows of each group, and none of `refused`; remembers what it was asked."""

    def __init__(self, groups: NDArray[np.int64], most: int, refused: set[int]) -> None:
        self.groups, self.most, self.refused = groups, most, refused
        self.asked: list[int] = []
        self.taken: list[int] = []

    def admits(self, row: int) -> bool:
        self.asked.append(row)
        return row not in self.refused

    def take(self, row: int) -> NDArray[np.int64]:
        assert self.asked[-1] == row
        self.taken.append(row)
        group = self.groups[row]
        if sum(self.groups[other] == group for other in self.taken) < self.most:
            return NOBODY
        return np.flatnonzero(self.groups == group)


@st.composite
def clouds(draw: st.DrawFn) -> tuple[Float32, Float64, Float32]:
    """Small pools with repeated rows, zero rows and zero weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dimensions = draw(st.integers(2, 5))
    distinct = unit_rows(rng, draw(st.integers(1, 15)), dimensions)
    if draw(st.booleans()):
        distinct[0] = 0.0
    points = distinct[rng.integers(0, len(distinct), draw(st.integers(1, 30)))]
    weights = rng.random(len(points)) * (rng.random(len(points)) < 0.8)
    return points, weights, unit_rows(rng, draw(st.integers(0, 3)), dimensions)


@settings(deadline=None, max_examples=80)
@given(cloud=clouds(), count=st.integers(1, 8))
def test_each_pick_gains_what_the_definition_says_and_no_other_row_gains_more(
    cloud: tuple[Float32, Float64, Float32], count: int
) -> None:
    points, weights, covered = cloud
    square_width = 0.3
    picks = herd(points, count, weights=weights, covered=covered, square_width=square_width)
    weights = weights if weights.any() else np.ones(len(points))
    centers = covered
    left = set(range(len(points)))
    for row, gain in zip(picks.rows.tolist(), picks.gains.tolist(), strict=True):
        before = coverage(points, weights, centers, square_width)
        gains = {
            other: coverage(
                points, weights, np.concatenate([centers, points[[other]]]), square_width
            )
            - before
            for other in left
        }
        assert gain == pytest.approx(gains[row], abs=2e-3)
        assert gains[row] >= max(gains.values()) - 2e-3
        left.remove(row)
        centers = np.concatenate([centers, points[[row]]])
    assert len(picks.rows) == min(count, len(points))


def test_without_weights_the_largest_clusters_go_first() -> None:
    points, members = clusters(10, 60, 30)
    picks = herd(points, 3, covered=NOTHING[:, :3])
    assert members[picks.rows].tolist() == [1, 2, 0]


def test_what_is_covered_already_is_left_alone() -> None:
    points, members = clusters(10, 60, 30)
    picks = herd(points, 2, covered=points[members == 1][:1])
    assert set(members[picks.rows].tolist()) == {0, 2}


def test_weights_outdo_the_size_of_a_cluster() -> None:
    points, members = clusters(10, 60, 30)
    weights = np.where(members == 0, 1.0, 0.01)
    assert members[herd(points, 1, weights=weights, covered=NOTHING[:, :3]).rows[0]] == 0


def test_a_narrow_kernel_picks_the_heaviest_rows() -> None:
    rng = np.random.default_rng(3)
    points, weights = unit_rows(rng, 200, 8), rng.random(200)
    picks = herd(
        points, 10, weights=weights, covered=NOTHING[:, :1].repeat(8, axis=1), square_width=1e-5
    )
    assert picks.rows.tolist() == np.argsort(-weights)[:10].tolist()


def test_the_kernel_narrows_as_more_is_covered() -> None:
    points, _ = clusters(40, 40, 40, 40)
    early = herd(points, 1, covered=points[:1])
    late = herd(points, 1, covered=points[::2])
    assert late.gains[0] < early.gains[0]


@pytest.mark.parametrize("weight", [0.0, 1.0, 7.5])
def test_equal_weights_are_no_weights_even_when_they_are_zero(weight: float) -> None:
    points, _ = clusters(10, 20, 15)
    plain = herd(points, 12, covered=points[:1])
    weighted = herd(points, 12, weights=np.full(45, weight), covered=points[:1])
    assert weighted.rows.tolist() == plain.rows.tolist()
    assert weighted.gains.tolist() == plain.gains.tolist()


def test_a_copy_gains_nothing_and_goes_last() -> None:
    points = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 2, 3]]
    picks = herd(points, 6, covered=NOTHING)
    assert picks.rows.tolist() == [0, 3, 4, 5, 1, 2]
    assert picks.gains[4:].tolist() == [0.0, 0.0]


def test_once_all_is_covered_the_heaviest_go_first() -> None:
    points = np.eye(4, dtype=np.float32)
    picks = herd(points, 4, weights=np.array([1.0, 3.0, 2.0, 3.0]), covered=points)
    assert picks.rows.tolist() == [1, 3, 2, 0]
    assert picks.gains.tolist() == [0.0] * 4


def test_zero_rows_are_copies_of_one_another() -> None:
    points = np.zeros((5, 4), dtype=np.float32)
    points[4, 0] = 1.0
    picks = herd(points, 3, covered=NOTHING)
    assert picks.rows.tolist() == [0, 4, 1]
    assert picks.gains[2] == 0.0


def test_one_point_is_picked_and_covers_everything() -> None:
    picks = herd(np.eye(4, dtype=np.float32)[:1], 3, covered=NOTHING)
    assert picks.rows.tolist() == [0]
    assert picks.gains.tolist() == [1.0]


def test_the_first_pick_of_a_cold_start_has_the_pool_around_it() -> None:
    points, members = clusters(80, 5, 5)
    first = int(herd(points, 1, covered=NOTHING[:, :3]).rows[0])
    apart = np.linalg.norm(points[members == 0] - points[first], axis=1)
    everywhere = np.linalg.norm(
        points[members == 0][:, None] - points[members == 0][None], axis=2
    ).mean(axis=1)
    assert apart.mean() <= np.quantile(everywhere, 0.1)


def test_more_than_the_eligible_rows_gives_the_eligible_rows() -> None:
    points, _ = clusters(5, 5)
    eligible = np.arange(10) % 3 == 0
    picks = herd(points, 9, covered=NOTHING[:, :2], eligible=eligible)
    assert sorted(picks.rows.tolist()) == [0, 3, 6, 9]
    assert eligible.sum() == 4


@pytest.mark.parametrize("count", [0, 3])
def test_without_a_row_or_a_place_nothing_is_picked(count: int) -> None:
    points, _ = clusters(5, 5)
    none = np.zeros(10, dtype=np.bool_)
    assert len(herd(points, count, covered=points, eligible=none).rows) == 0
    assert len(herd(points, 0, covered=points).rows) == 0
    assert len(herd(NOTHING, count, covered=NOTHING).rows) == 0


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_weights_that_cannot_be_meant_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="one weight of at least 0"):
        herd(np.eye(2, dtype=np.float32), 1, weights=np.array(weights), covered=NOTHING[:, :2])


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 25),
    most=st.integers(1, 4),
    candidates=st.sampled_from([1, 3, 8, 4096]),
)
def test_rules_are_asked_before_and_told_after_every_pick(
    seed: int, count: int, most: int, candidates: int
) -> None:
    rng = np.random.default_rng(seed)
    points, weights = unit_rows(rng, 40, 4), rng.random(40)
    groups = rng.integers(0, 6, 40)
    eligible = rng.random(40) < 0.8
    quota = Quota(groups, most, set(rng.integers(0, 40, 8).tolist()))
    picks = herd(
        points,
        count,
        weights=weights,
        covered=NOTHING,
        eligible=eligible,
        admission=quota,
        seed=seed,
        candidates=candidates,
    )
    rows = picks.rows.tolist()
    assert rows == quota.taken
    assert len(set(quota.asked)) == len(quota.asked)
    assert not quota.refused & set(rows)
    assert eligible[rows].all()
    assert np.bincount(groups[rows], minlength=6).max(initial=0) <= most
    open_rows = [
        row
        for row in np.flatnonzero(eligible).tolist()
        if row not in quota.refused
        and row not in rows
        and np.count_nonzero(groups[rows] == groups[row]) < most
    ]
    assert len(rows) == count or not open_rows


def test_samples_cover_nearly_as_much_as_the_whole_pool() -> None:
    rng = np.random.default_rng(5)
    middles = unit_rows(rng, 30, 16)
    points = middles[rng.integers(0, 30, 6000)] + rng.normal(scale=0.1, size=(6000, 16))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    weights = rng.random(6000) ** 4
    nothing = np.zeros((0, 16), dtype=np.float32)
    whole = herd(points, 20, weights=weights, covered=nothing, candidates=6000, square_width=0.3)
    sampled = herd(
        points,
        20,
        weights=weights,
        covered=nothing,
        candidates=1500,
        representatives=3000,
        square_width=0.3,
    )
    reached = coverage(points, weights, points[sampled.rows], 0.3)
    assert reached >= 0.95 * coverage(points, weights, points[whole.rows], 0.3)
    # What the sample says of its coverage is what the whole pool says.
    assert sampled.gains.sum() == pytest.approx(reached, abs=0.05)


def test_one_heavy_row_among_many_is_never_missed_by_the_sample() -> None:
    rng = np.random.default_rng(6)
    points, weights = unit_rows(rng, 5000, 16), np.full(5000, 1e-6)
    weights[4321] = 1.0
    picks = herd(
        points,
        1,
        weights=weights,
        covered=np.zeros((0, 16), dtype=np.float32),
        candidates=64,
        representatives=128,
    )
    assert picks.rows.tolist() == [4321]


def test_equal_inputs_and_seeds_give_equal_picks_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(7)
    points, weights = unit_rows(rng, 3000, 48), rng.random(3000)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            picks = herd(
                points,
                40,
                weights=weights,
                covered=points[:20],
                seed=9,
                candidates=600,
                representatives=2000,
            )
        answers.append((picks.rows.tolist(), picks.gains.tolist()))
    assert answers[0] == answers[1]


def test_another_seed_draws_another_sample() -> None:
    points = unit_rows(np.random.default_rng(8), 3000, 8)
    picks = [
        herd(points, 20, covered=points[:1], seed=seed, candidates=50, representatives=200)
        for seed in (1, 2)
    ]
    assert picks[0].rows.tolist() != picks[1].rows.tolist()
