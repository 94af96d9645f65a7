"""How much records count in an arm's coverage sum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from domain.arms import ArmKind, Signal
from learning.selection.scores import Signals
from tests.learning.selection.pools import arm, policy, pool


def test_the_riskiest_record_counts_twice_as_much_as_one_without_risk() -> None:
    candidates = replace(pool(3), metadata=pa.table({"risk": [0.0, 0.5, 1.0]}))
    weighed = arm(ArmKind.UNCERTAIN, 0.9, weights=(Signal.RISK,))
    weights = Signals(candidates, policy(weighed), seed=0).coverage_weights(weighed)
    assert weights is not None
    assert weights.tolist() == [1.0, 1.5, 2.0]


def test_the_uncertain_arm_counts_the_margin_once_more_unless_told_otherwise() -> None:
    candidates = pool(20)
    plain = arm(ArmKind.UNCERTAIN, 0.9)
    signals = Signals(candidates, policy(plain), seed=0)
    weights, score = signals.coverage_weights(plain), signals.score(plain)
    assert weights is not None
    assert score is not None
    assert np.array_equal(weights, score)


def test_weights_that_are_not_known_count_all_alike() -> None:
    weighed = arm(ArmKind.DIVERSE, 0.9, weights=(Signal.SENSITIVITY,))
    signals = Signals(pool(20), policy(weighed), seed=0)
    assert signals.coverage_weights(weighed) is None
    assert signals.notes == ["sensitivity is not known: no record has sensitivity"]
