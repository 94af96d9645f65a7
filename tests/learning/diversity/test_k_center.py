"""k-center by stale bounds against the definition, worked out in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from learning.diversity import k_center as module
from learning.diversity.distances import carry, exact_squares, nearest, on_grid
from learning.diversity.k_center import k_center
from learning.diversity.picking import UNRESTRICTED, Admission
from learning.ranking import largest, ranked
from tests.learning.diversity.rules import AtMost

Float32 = NDArray[np.float32]


def unit_rows(rng: np.random.Generator, count: int, dimensions: int) -> Float32:
    rows = rng.normal(size=(count, dimensions))
    unit: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def naive(
    points: Float32,
    count: int,
    centers: Float32,
    *,
    eligible: NDArray[np.bool_] | None = None,
    admission: Admission = UNRESTRICTED,
) -> list[int]:
    """Gonzalez's greedy as in the book: Python integers, one pass over the pool a pick."""
    whole = [[round(Fraction(float(x)) * 2**25) for x in row] for row in points]
    known = [[round(Fraction(float(x)) * 2**25) for x in row] for row in centers]
    out = set() if eligible is None else set(np.flatnonzero(~eligible).tolist())
    picks: list[int] = []
    while len(picks) < count and len(out) < len(points):
        distances = [
            -1
            if row in out
            else min(
                sum((a - b) ** 2 for a, b in zip(point, center, strict=True)) for center in known
            )
            for row, point in enumerate(whole)
        ]
        best = distances.index(max(distances))
        out.add(best)
        if admission.admits(best):
            picks.append(best)
            out.update(admission.take(best).tolist())
            known.append(whole[best])
    return picks


@st.composite
def clouds(draw: st.DrawFn) -> tuple[Float32, Float32, int]:
    """Small pools with many repeated rows, so that ties are the rule."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dimensions = draw(st.integers(1, 6))
    distinct = unit_rows(rng, draw(st.integers(1, 20)), dimensions)
    if draw(st.booleans()):
        distinct[0] = 0.0
    points = distinct[rng.integers(0, len(distinct), draw(st.integers(1, 40)))]
    centers = unit_rows(rng, draw(st.integers(1, 5)), dimensions)
    return points, centers, draw(st.integers(0, len(points)))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cloud=clouds(), block=st.integers(1, 12), frontier=st.integers(1, 30))
def test_the_picks_are_those_of_the_naive_greedy(
    cloud: tuple[Float32, Float32, int], block: int, frontier: int
) -> None:
    points, centers, count = cloud
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "FRONTIER", frontier)
        cover = k_center(points, count, covered=centers)
    assert cover.rows.tolist() == naive(points, count, centers)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cloud=clouds(), block=st.integers(1, 12), rules=st.integers(0, 2**32))
def test_rules_and_carried_distances_leave_the_picks_those_of_the_naive_greedy(
    cloud: tuple[Float32, Float32, int], block: int, rules: int
) -> None:
    points, centers, count = cloud
    rng = np.random.default_rng(rules)
    eligible = rng.random(len(points)) < 0.8
    groups = rng.integers(0, 4, len(points))
    refused = frozenset(np.flatnonzero(rng.random(len(points)) < 0.2).tolist())
    carried = carry(points, centers[: rng.integers(1, len(centers) + 1)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "FRONTIER", 3 * block)
        picks = k_center(
            points,
            count,
            covered=centers,
            carried=carried,
            eligible=eligible,
            admission=AtMost(groups, 2, refused=refused),
        )
    admission = AtMost(groups, 2, refused=refused)
    expected = naive(points, count, centers, eligible=eligible, admission=admission)
    assert picks.rows.tolist() == expected


@pytest.mark.parametrize("dimensions", [2, 64])
def test_the_picks_are_those_of_the_naive_greedy_on_a_larger_pool(dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    points, centers = unit_rows(rng, 4_000, dimensions), unit_rows(rng, 7, dimensions)
    grid = np.rint(points.astype(np.float64) * 2**25)
    known = np.rint(centers.astype(np.float64) * 2**25)
    distances = np.min([((grid - center) ** 2).sum(axis=1) for center in known], axis=0)
    expected = []
    for _ in range(150):
        pick = int(distances.argmax())
        expected.append(pick)
        distances = np.minimum(distances, ((grid - grid[pick]) ** 2).sum(axis=1))
        distances[pick] = -1
    assert k_center(points, 150, covered=centers).rows.tolist() == expected


def test_the_picks_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    points, centers = unit_rows(rng, 20_000, 32), unit_rows(rng, 50, 32)
    with threadpool_limits(limits=1):
        one = k_center(points, 100, covered=centers)
    with threadpool_limits(limits=2):
        two = k_center(points, 100, covered=centers)
    assert one.rows.tolist() == two.rows.tolist()
    assert one.gains.tolist() == two.gains.tolist()


def test_distances_are_those_at_the_time_of_the_pick_and_never_grow() -> None:
    points = np.array([[1, 0], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    cover = k_center(points, 4, covered=points[:1])
    assert cover.rows.tolist() == [2, 1, 3, 0]
    assert cover.gains == pytest.approx([2.0, 2**0.5, 1.0, 0.0])


def test_only_eligible_rows_are_picked_and_fewer_than_asked_for_when_they_run_out() -> None:
    points = unit_rows(np.random.default_rng(1), 50, 3)
    eligible = np.arange(50) % 2 == 0
    picks = k_center(points, 26, covered=points[:1], eligible=eligible)
    assert sorted(picks.rows.tolist()) == list(range(0, 50, 2))
    nobody = k_center(points, 3, covered=points[:1], eligible=np.zeros(50, dtype=np.bool_))
    assert len(nobody.rows) == len(nobody.gains) == 0


def test_without_centers_a_refused_middle_makes_room_for_the_next_nearest() -> None:
    points = np.array([[1, 0], [0, 1], [0.6, 0.6], [0.6, 0.6]], dtype=np.float32)
    rules = AtMost(np.arange(4), 1, refused=frozenset({2}))
    picks = k_center(points, 2, covered=points[:0], admission=rules)
    assert picks.rows.tolist() == [3, 0]
    everyone = AtMost(np.arange(4), 1, refused=frozenset(range(4)))
    assert not len(k_center(points, 2, covered=points[:0], admission=everyone).rows)


def test_repeated_rows_are_picked_in_their_order_after_all_others() -> None:
    points = np.zeros((30_000, 2), dtype=np.float32)
    points[20_000] = [1, 0]
    covered = np.array([[0, 1]], dtype=np.float32)
    picks = k_center(points, 4, covered=covered)
    assert picks.rows.tolist() == [20_000, 0, 1, 2]
    assert picks.gains == pytest.approx([2**0.5, 1.0, 0.0, 0.0])


def test_carried_distances_exceed_the_true_ones_by_little_and_grow_by_the_new_centers() -> None:
    rng = np.random.default_rng(4)
    points, centers = unit_rows(rng, 3_000, 48), unit_rows(rng, 40, 48)
    in_turn = carry(points, centers, carry(points, centers[:25]))
    at_once = carry(points, centers)
    true = exact_squares(on_grid(points), on_grid(centers)).min(axis=1) / 2**50
    for carried in (in_turn, at_once):
        assert carried.counted == 40
        assert (carried.squares > true).all()
        assert carried.squares == pytest.approx(true, abs=1e-4)


def test_nothing_labelled_leaves_carried_distances_without_a_bound() -> None:
    points = unit_rows(np.random.default_rng(5), 10, 3)
    carried = carry(points, points[:0])
    assert np.isinf(carried.squares).all()
    later = k_center(points, 4, covered=points[:2], carried=carried)
    assert later.rows.tolist() == k_center(points, 4, covered=points[:2]).rows.tolist()


def test_without_centers_the_first_pick_is_nearest_the_mean() -> None:
    points = np.array([[1, 0], [0, 1], [0.6, 0.6], [0.6, 0.6]], dtype=np.float32)
    cover = k_center(points, 2, covered=np.zeros((0, 2), dtype=np.float32))
    assert cover.rows.tolist() == [2, 0]
    assert np.isnan(cover.gains[0])


@settings(deadline=None, max_examples=40)
@given(cloud=clouds())
def test_nearest_agrees_with_all_pairs(cloud: tuple[Float32, Float32, int]) -> None:
    points, centers, _ = cloud
    rows, distances = nearest(points, centers)
    pairs = np.linalg.norm(points[:, None].astype(float) - centers[None].astype(float), axis=2)
    assert distances == pytest.approx(pairs.min(axis=1), abs=1e-6)
    assert pairs[np.arange(len(points)), rows] == pytest.approx(pairs.min(axis=1), abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(values=st.lists(st.integers(0, 5), min_size=1, max_size=30), count=st.integers(0, 31))
def test_the_largest_are_a_stable_sort_cut_short(values: list[int], count: int) -> None:
    expected = sorted(range(len(values)), key=lambda place: (-values[place], place))[:count]
    array = np.array(values, dtype=np.float64)
    assert ranked(array, count).tolist() == expected
    assert largest(array, count).tolist() == sorted(expected)


def test_without_centers_the_other_picks_are_those_that_the_first_one_alone_would_lead_to() -> None:
    rows = np.random.default_rng(5).normal(size=(300, 8))
    points = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    picks = k_center(points, 40, covered=points[:0])
    first = int(picks.rows[0])
    others = np.arange(300) != first
    expected = k_center(points, 39, covered=points[first : first + 1], eligible=others)
    assert picks.rows[1:].tolist() == expected.rows.tolist()
    assert picks.gains[1:].tolist() == expected.gains.tolist()
