"""Backtests: whole rounds replayed on records whose labels are known, before a cent is spent.

    records     what is replayed, its split into pool and test set, simulated reviewer error
    learner     the product's own model on one split: features once, a classifier each round
    strategies  who picks the next batch: a policy, or a baseline
    replay      round after round for each strategy on the same splits
    curves      learning curves with intervals, labels needed, savings

Equal records, strategies and plans give equal results.
"""

from learning.backtesting.curves import Backtest, summarised
from learning.backtesting.records import LabelledRecords, Plan
from learning.backtesting.replay import Replayed, replay
from learning.backtesting.strategies import BASELINES, Strategy, baseline, by_policy

__all__ = [
    "BASELINES",
    "Backtest",
    "LabelledRecords",
    "Plan",
    "Replayed",
    "Strategy",
    "baseline",
    "by_policy",
    "replay",
    "summarised",
]
