"""The margin of many records at once against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from learning import ranking
from learning.ranking import margin_uncertainty
from learning.scoring import uncertainty
from tests.learning.diversity.clouds import probabilities


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_margins_are_those_that_scoring_gives(
    monkeypatch: pytest.MonkeyPatch, classes: int
) -> None:
    monkeypatch.setattr(ranking, "_ROWS", 7)
    shares = probabilities(np.random.default_rng(classes), 50, classes)
    expected = uncertainty(shares.astype(np.float64))["margin"]
    assert margin_uncertainty(shares) == pytest.approx(expected, abs=1e-6)


def test_one_class_or_none_leaves_nothing_to_doubt() -> None:
    assert margin_uncertainty(np.ones((3, 1), dtype=np.float32)).tolist() == [0.0, 0.0, 0.0]
    assert margin_uncertainty(np.zeros((2, 0), dtype=np.float32)).tolist() == [0.0, 0.0]


def test_equal_probabilities_are_as_uncertain_as_can_be() -> None:
    assert margin_uncertainty(np.full((1, 4), 0.25, dtype=np.float32)).tolist() == [1.0]
