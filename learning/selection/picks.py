"""Picks and their orders: which of them give way first, and in which order people see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from domain.arms import RANDOM_ARM
from domain.ids import RecordId
from domain.policy import SamplingPolicy
from domain.selections import Selection
from learning.selection.candidates import Candidates


@dataclass(frozen=True, kw_only=True)
class Pick:
    row: int
    arm: str
    score: float | None = None
    propensity: float | None = None
    reason: str


def by_priority(picks: Sequence[Pick]) -> list[Pick]:
    """Random picks first, then those that come early in their arm: the last give way first."""
    return [
        picks[place]
        for _, _, place in sorted(
            (pick.arm != RANDOM_ARM, depth, place)
            for place, (pick, (_, depth)) in enumerate(zip(picks, _ranks(picks), strict=True))
        )
    ]


def in_review_order(
    picks: Sequence[Pick], pool: Candidates, policy: SamplingPolicy
) -> list[Selection]:
    """Every arm's picks spread evenly over the batch, each arm in its own order."""
    predicted = pool.predicted
    arms = {arm.name: place for place, arm in enumerate(policy.arms)}
    order = sorted(
        (depth, arms[pick.arm], rank, place)
        for place, (pick, (rank, depth)) in enumerate(zip(picks, _ranks(picks), strict=True))
    )
    return [
        Selection(
            ordinal=ordinal,
            record_id=RecordId(pool.record_ids[picks[place].row].as_py()),
            arm=picks[place].arm,
            rank=rank,
            score=picks[place].score,
            propensity=picks[place].propensity,
            reason=picks[place].reason,
            predicted=None if predicted is None else pool.classes[predicted[picks[place].row]],
        )
        for ordinal, (_, _, rank, place) in enumerate(order)
    ]


def _ranks(picks: Sequence[Pick]) -> list[tuple[int, float]]:
    """Each pick's place within its arm, and how far down the arm that is: pick j of q stands at
    (j + ½) / q of the way."""
    sizes = Counter(pick.arm for pick in picks)
    seen: Counter[str] = Counter()
    ranks = []
    for pick in picks:
        rank = seen[pick.arm]
        seen[pick.arm] += 1
        ranks.append((rank, (2 * rank + 1) / (2 * sizes[pick.arm])))
    return ranks
