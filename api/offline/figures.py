"""What a backtest says: as JSON for programs, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from learning.backtesting import Backtest, Plan
from learning.backtesting.curves import (
    Mean,
    MetricCurves,
    Point,
    Reached,
    Saving,
    StrategyCurve,
)

ASKED = 0.95
"""The share that the sentence is about."""
_DIGITS = 6


def as_json(found: Backtest) -> dict[str, Any]:
    """`full`, `strategies` and `savings` of accuracy; the same of macro-F1 and by segment."""
    return {
        "metric": "accuracy",
        **_curves(found.accuracy),
        "gates_failed": found.held,
        "labels_unspent": found.unspent,
        "notes": {name: list(notes) for name, notes in found.notes.items()},
        "macro_f1": _curves(found.macro_f1),
        "segments": {name: _curves(curves) for name, curves in found.segments.items()},
        "unlisted_segments": list(found.unlisted_segments),
    }


def _curves(curves: MetricCurves) -> dict[str, Any]:
    return {
        "full": round(curves.full.mean, _DIGITS),
        "full_interval": _pair(curves.full.low, curves.full.high),
        "test_records": round(curves.tested, 1),
        "strategies": {name: _strategy(each) for name, each in curves.strategies.items()},
        "savings": {
            name: {share_key(share): _saving(each) for share, each in by_share.items()}
            for name, by_share in curves.savings.items()
        },
    }


def _strategy(each: StrategyCurve) -> dict[str, Any]:
    return {
        "curve": [
            {
                "labels": point.labels,
                "mean": round(point.mean, _DIGITS),
                "low": _rounded(point.low),
                "high": _rounded(point.high),
            }
            for point in each.curve
        ],
        "labels_to": {
            share_key(share): reached.labels for share, reached in each.labels_to.items()
        },
        "labels_to_interval": {
            share_key(share): [reached.low, reached.high]
            for share, reached in each.labels_to.items()
        },
        "mean_over_rounds": {
            "mean": round(each.area.mean, _DIGITS),
            "low": _rounded(each.area.low),
            "high": _rounded(each.area.high),
        },
    }


def _saving(each: Saving) -> dict[str, float | None]:
    return {
        "ratio": _rounded(each.ratio),
        "at_least": _rounded(each.at_least),
        "at_most": _rounded(each.at_most),
        "low": _rounded(each.low),
        "high": _rounded(each.high),
    }


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def share_key(share: float) -> str:
    return f"{share:.2f}"


def _pair(low: float | None, high: float | None) -> list[float | None]:
    return [_rounded(low), _rounded(high)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


# -- in words ---------------------------------------------------------------------------------


def sentence(found: Backtest, plan: Plan) -> str:
    """What the policy would save, for somebody who reads nothing else."""
    policy, *others = found.names
    curves = found.accuracy.strategies
    mine = curves[policy].labels_to[ASKED].labels
    goal = f"{percent(ASKED)} of the accuracy that all {found.pool:,.0f} labels give"
    theirs = [(name, curves[name].labels_to[ASKED].labels) for name in others]
    reached = [f"{name} needs {labels:,}" for name, labels in theirs if labels]
    missed = [name for name, labels in theirs if not labels]
    if mine is None:
        rest = [each.replace(" needs ", " gets there with ") for each in reached]
        if missed and not rest:
            rest = ["no baseline does either"]
        words = f"With {policy} you would not reach {goal} within {plan.budget:,} labels"
    else:
        rest = reached + ([_missing(missed, plan.budget)] if missed else [])
        words = f"With {policy} you would reach {goal} with {mine:,} labels"
    return f"{words}; {_joined(rest)}." if rest else f"{words}."


def _missing(names: list[str], budget: int) -> str:
    if len(names) == 1:
        return f"{names[0]} does not get there with {budget:,}"
    return f"neither {', '.join(names[:-1])} nor {names[-1]} gets there with {budget:,}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A figure for people, and its interval where that says more."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.interval})" if self.interval else self.value


def labels_shown(reached: Reached, budget: int) -> Shown:
    """`60 (40–80)`, `over 200`."""
    if reached.labels is None:
        return Shown(value=f"over {budget:,}")
    if reached.low is None or reached.low == reached.high:
        return Shown(value=f"{reached.labels:,}")
    end = f"{reached.high:,}" if reached.high is not None else f"over {budget:,}"
    return Shown(value=f"{reached.labels:,}", interval=f"{reached.low:,}–{end}")


def saving_shown(saving: Saving) -> Shown:
    """`1.9 × (1.5–2.4)`: how many times the policy's labels the other strategy needs."""
    if saving.at_least is not None:
        return Shown(value=f"≥ {saving.at_least:.1f} ×")
    if saving.at_most is not None:
        return Shown(value=f"below {saving.at_most:.1f} ×")
    if saving.ratio is None:
        return Shown(value="not known")
    value = f"{saving.ratio:.1f} ×"
    if saving.low is None or saving.low == saving.high:
        return Shown(value=value)
    end = f"{saving.high:.1f}" if saving.high is not None else "more"
    return Shown(value=value, interval=f"{saving.low:.1f}–{end}")


def share_shown(each: Mean | Point) -> Shown:
    """`91.2 % (90.1–92.3)`."""
    value = f"{100 * each.mean:.1f} %"
    if each.low is None or each.high is None:
        return Shown(value=value)
    return Shown(value=value, interval=f"{100 * each.low:.1f}–{100 * each.high:.1f}")
