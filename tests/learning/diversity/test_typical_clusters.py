"""Typical clusters on pools whose clusters are known."""

from __future__ import annotations

import numpy as np
import pytest

from learning.diversity import typical_clusters as module
from learning.diversity.typical_clusters import typical_clusters
from tests.learning.diversity.clouds import clustered, unit_rows
from tests.learning.diversity.rules import AtMost

CLUSTERS = 6


def test_each_pick_comes_from_another_cluster_and_none_from_a_labelled_one() -> None:
    points = clustered(np.random.default_rng(1), 600, 16, CLUSTERS)
    picks = typical_clusters(points, 4, covered=points[:2], seed=0)
    assert sorted(picks.rows % CLUSTERS) == [2, 3, 4, 5]


def test_a_pick_is_in_the_densest_part_of_its_cluster() -> None:
    rng = np.random.default_rng(2)
    middle = np.array([1.0, 0.0, 0.0])
    near = middle + 0.02 * rng.normal(size=(60, 3))
    far = middle + 0.4 * rng.normal(size=(200, 3))
    rows = np.concatenate([far, near])
    points = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    picks = typical_clusters(points, 1, covered=points[:0], seed=0)
    assert picks.rows[0] >= 200
    distances = np.sort(np.linalg.norm(points - points[picks.rows[0]], axis=1))[1:21]
    assert picks.gains[0] == pytest.approx(1 / distances.mean(), rel=1e-3)


def test_weights_multiply_typicality() -> None:
    points = clustered(np.random.default_rng(3), 200, 8, 1)
    weights = np.ones(200)
    weights[17] = 1_000.0
    picks = typical_clusters(points, 1, covered=points[:0], weights=weights, seed=0)
    assert picks.rows.tolist() == [17]
    none = typical_clusters(points, 3, covered=points[:0], weights=np.zeros(200), seed=0)
    assert len(none.rows) == 3
    assert none.gains.tolist() == [0.0] * 3


def test_a_record_alone_in_its_cluster_is_not_typical() -> None:
    points = np.eye(3, dtype=np.float32)
    picks = typical_clusters(points, 3, covered=points[:0], seed=0)
    assert sorted(picks.rows.tolist()) == [0, 1, 2]
    assert picks.gains.tolist() == [0.0] * 3


def test_more_are_drawn_when_a_sample_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 20)
    points = unit_rows(np.random.default_rng(4), 300, 4)
    refused = frozenset(range(5, 300))
    rules = AtMost(np.arange(300), 1, refused=refused)
    picks = typical_clusters(points, 5, covered=points[:0], admission=rules, seed=0)
    assert sorted(picks.rows.tolist()) == [0, 1, 2, 3, 4]


def test_large_clusters_are_judged_by_references(monkeypatch: pytest.MonkeyPatch) -> None:
    points = clustered(np.random.default_rng(5), 400, 8, 1)
    exact = typical_clusters(points, 400, covered=points[:0], seed=0)
    monkeypatch.setattr(module, "_REFERENCES", 200)
    monkeypatch.setattr(module, "_CELLS", 1_000)
    judged = typical_clusters(points, 400, covered=points[:0], seed=0)
    assert sorted(judged.rows.tolist()) == sorted(exact.rows.tolist())
    assert np.isfinite(judged.gains).all()
