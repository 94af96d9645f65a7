"""Clusters of known pools, and the numbers that seeds give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from learning.diversity.k_means import k_means, nearest_center
from learning.diversity.words import Words
from tests.learning.diversity.clouds import clustered, unit_rows


def test_separate_clusters_are_found() -> None:
    points = clustered(np.random.default_rng(1), 400, 16, 5)
    labels, centers = k_means(points, 5, seed=0)
    assert len(centers) == 5
    for cluster in range(5):
        assert len(set(labels[np.arange(400) % 5 == cluster].tolist())) == 1
    assert len(set(labels.tolist())) == 5


def test_a_center_is_the_weighted_mean_of_its_rows() -> None:
    rng = np.random.default_rng(2)
    points, weights = unit_rows(rng, 50, 3), rng.random(50)
    _, centers = k_means(points, 1, weights=weights, seed=0)
    assert centers[0] == pytest.approx(np.average(points, axis=0, weights=weights), abs=1e-6)


def test_there_are_never_more_centers_than_rows() -> None:
    points = unit_rows(np.random.default_rng(3), 3, 2)
    labels, centers = k_means(points, 9, seed=0)
    assert centers.shape == (3, 2)
    assert sorted(labels.tolist()) == [0, 1, 2]


def test_the_nearest_center_is_the_first_of_equals() -> None:
    centers = np.array([[0, 1], [0, 1], [1, 0]], dtype=np.float32)
    points = np.array([[0, 1], [1, 0], [0, 0]], dtype=np.float32)
    assert nearest_center(points, centers).tolist() == [0, 2, 0]


def test_words_keep_the_stream_that_was_recorded() -> None:
    assert Words(7, "a test").raw(3).tolist() == [
        923116876494494866,
        5705693081068874125,
        1738849563624145393,
    ]


@pytest.mark.parametrize("size", [2, 5, 9])
def test_every_row_is_sampled_as_often(size: int) -> None:
    rows = np.arange(100, 110)
    seen = np.zeros(10)
    for seed in range(2_000):
        sample = Words(seed, "sample").sample(rows, size)
        assert len(set(sample.tolist())) == size
        assert sample.tolist() == sorted(sample.tolist())
        seen[sample - 100] += 1
    assert chisquare(seen).pvalue > 1e-3


def test_a_sample_as_large_as_the_rows_is_all_of_them() -> None:
    rows = np.array([3, 5, 8])
    assert Words(0, "sample").sample(rows, 4).tolist() == [3, 5, 8]
    assert Words(0, "sample").sample(rows, 0).tolist() == []
