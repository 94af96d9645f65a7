"""k-center by stale bounds against the definition, worked out in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from learning.diversity import k_center as module
from learning.diversity.k_center import k_center, nearest
from learning.ranking import largest, ranked

Float32 = NDArray[np.float32]


def unit_rows(rng: np.random.Generator, count: int, dimensions: int) -> Float32:
    rows = rng.normal(size=(count, dimensions))
    unit: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def naive(points: Float32, count: int, centers: Float32) -> list[int]:
    """Gonzalez's greedy as in the book: Python integers, one pass over the pool a pick."""
    whole = [[round(Fraction(float(x)) * 2**25) for x in row] for row in points]
    known = [[round(Fraction(float(x)) * 2**25) for x in row] for row in centers]
    picks: list[int] = []
    for _ in range(count):
        distances = [
            -1
            if row in picks
            else min(
                sum((a - b) ** 2 for a, b in zip(point, center, strict=True)) for center in known
            )
            for row, point in enumerate(whole)
        ]
        picks.append(distances.index(max(distances)))
        known.append(whole[picks[-1]])
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


@settings(deadline=None, max_examples=60)
@given(cloud=clouds(), block=st.integers(1, 12), frontier=st.integers(1, 30))
def test_the_picks_are_those_of_the_naive_greedy(
    cloud: tuple[Float32, Float32, int], block: int, frontier: int
) -> None:
    points, centers, count = cloud
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "FRONTIER", frontier)
        cover = k_center(points, count, centers=centers)
    assert cover.rows.tolist() == naive(points, count, centers)


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
    assert k_center(points, 150, centers=centers).rows.tolist() == expected


def test_the_picks_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    points, centers = unit_rows(rng, 20_000, 32), unit_rows(rng, 50, 32)
    with threadpool_limits(limits=1):
        one = k_center(points, 100, centers=centers)
    with threadpool_limits(limits=2):
        two = k_center(points, 100, centers=centers)
    assert one.rows.tolist() == two.rows.tolist()
    assert one.distances.tolist() == two.distances.tolist()


def test_distances_are_those_at_the_time_of_the_pick_and_never_grow() -> None:
    points = np.array([[1, 0], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    cover = k_center(points, 4, centers=points[:1])
    assert cover.rows.tolist() == [2, 1, 3, 0]
    assert cover.distances == pytest.approx([2.0, 2**0.5, 1.0, 0.0])


def test_only_eligible_rows_are_picked() -> None:
    points = unit_rows(np.random.default_rng(1), 50, 3)
    eligible = np.arange(50) % 2 == 0
    cover = k_center(points, 25, centers=points[:1], eligible=eligible)
    assert sorted(cover.rows.tolist()) == list(range(0, 50, 2))
    with pytest.raises(ValueError, match="26 picks from 25 rows"):
        k_center(points, 26, centers=points[:1], eligible=eligible)


def test_without_centers_the_first_pick_is_nearest_the_mean() -> None:
    points = np.array([[1, 0], [0, 1], [0.6, 0.6], [0.6, 0.6]], dtype=np.float32)
    cover = k_center(points, 2, centers=np.zeros((0, 2), dtype=np.float32))
    assert cover.rows.tolist() == [2, 0]
    assert np.isnan(cover.distances[0])


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
