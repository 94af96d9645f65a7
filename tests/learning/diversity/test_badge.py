"""BADGE by rejection against k-means++ on the gradient embeddings themselves."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from learning.diversity import badge as module
from learning.diversity.badge import badge
from learning.diversity.picking import Picks
from tests.learning.diversity.clouds import Float32, clustered, probabilities, unit_rows
from tests.learning.diversity.rules import AtMost

ROWS = 7


def gradients(points: Float32, shares: Float32) -> NDArray[np.float64]:
    """The embeddings, built: (n, k · d)."""
    a = shares.astype(np.float64)
    a[np.arange(len(a)), a.argmax(axis=1)] -= 1.0
    built: NDArray[np.float64] = np.einsum("nk,nd->nkd", a, points.astype(np.float64))
    return built.reshape(len(a), -1)


def chances(embeddings: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """Of each ordered triple to be the picks of k-means++ that begins with the longest row."""
    first = int((embeddings**2).sum(axis=1).argmax())
    squares = ((embeddings[:, None] - embeddings[None]) ** 2).sum(axis=2)
    found: dict[tuple[int, ...], float] = {}
    for second, third in permutations(set(range(len(embeddings))) - {first}, 2):
        start = squares[first]
        then = np.minimum(start, squares[second])
        found[first, second, third] = float(start[second] / start.sum() * then[third] / then.sum())
    return found


@pytest.mark.parametrize("patience", [0, 10**6], ids=["fresh bounds", "stale bounds"])
def test_picks_are_drawn_as_by_k_means_plus_plus(
    monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    monkeypatch.setattr(module, "PATIENCE", patience)
    monkeypatch.setattr(module, "PROPOSALS", 4)
    rng = np.random.default_rng(8)
    points, shares = unit_rows(rng, ROWS, 3), probabilities(rng, ROWS, 3)
    points[4] = 0.0
    expected = chances(gradients(points, shares))
    assert sum(expected.values()) == pytest.approx(1.0)
    seen = dict.fromkeys(expected, 0)
    draws = 2_500
    for seed in range(draws):
        seen[tuple(badge(points, shares, 3, seed=seed).rows.tolist())] += 1
    wanted = [chance * draws for chance in expected.values()]
    assert min(wanted) > 5
    assert chisquare(list(seen.values()), wanted).pvalue > 1e-3


def test_gains_are_squared_distances_to_the_nearest_earlier_pick() -> None:
    rng = np.random.default_rng(9)
    points, shares = clustered(rng, 400, 8, 5), probabilities(rng, 400, 4)
    picks = badge(points, shares, 30, seed=1)
    embeddings = gradients(points, shares)[picks.rows]
    squares = ((embeddings[:, None] - embeddings[None]) ** 2).sum(axis=2)
    nearest = [squares[i, :i].min() for i in range(1, 30)]
    assert picks.gains[0] == pytest.approx((embeddings[0] ** 2).sum())
    assert picks.gains[1:] == pytest.approx(nearest, abs=1e-5)


def test_the_first_pick_is_the_least_certain_record_that_has_content() -> None:
    points = np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float32)
    shares = np.array([[0.5, 0.5], [0.9, 0.1], [0.6, 0.4]], dtype=np.float32)
    assert badge(points, shares, 1, seed=0).rows.tolist() == [2]
    refused = AtMost(np.arange(3), 1, refused=frozenset({2}))
    assert badge(points, shares, 1, admission=refused, seed=0).rows.tolist() == [1]


def test_copies_of_a_pick_are_left_until_everything_else_is_picked() -> None:
    rng = np.random.default_rng(10)
    distinct = unit_rows(rng, 6, 4)
    points = np.concatenate([distinct, np.repeat(distinct[:1], 500, axis=0)])
    shares = np.tile(np.array([[0.7, 0.2, 0.1]], dtype=np.float32), (len(points), 1))
    picks = badge(points, shares, 8, seed=3)
    kinds = [min(row, 6) for row in picks.rows.tolist()]
    assert len({0 if kind == 6 else kind for kind in kinds[:6]}) == 6
    assert picks.gains[:6].min() > 0.01
    assert picks.gains[6:].tolist() == [0.0, 0.0]


def test_certain_predictions_leave_a_uniform_draw() -> None:
    points = unit_rows(np.random.default_rng(11), 10, 3)
    certain = np.eye(2, dtype=np.float32)[np.arange(10) % 2]
    seen = np.zeros(10)
    for seed in range(1_000):
        picks: Picks = badge(points, certain, 2, seed=seed)
        seen[picks.rows] += 1
        assert picks.gains.tolist() == [0.0, 0.0]
    assert chisquare(seen).pvalue > 1e-3


def test_another_seed_draws_other_records() -> None:
    rng = np.random.default_rng(12)
    points, shares = unit_rows(rng, 500, 8), probabilities(rng, 500, 3)
    one, two = (badge(points, shares, 20, seed=seed).rows.tolist() for seed in (1, 2))
    assert one != two
