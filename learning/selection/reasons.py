"""Why a record is in the batch, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from domain.arms import Arm, Combine, Diversity, Signal
from learning.diversity.distances import nearest
from learning.selection.arms import ArmPicks
from learning.selection.candidates import Candidates, Float32
from learning.selection.scores import Signals

HESITATION = 0.2
"""Below this difference between the two likeliest labels it is fair to say the model hesitates."""
TOLD = 2
"""Signals that a reason names: those that count most."""

_WORDS: Mapping[Signal, str] = {
    Signal.ENTROPY: "the model spreads its belief over many labels (entropy {value:.2f})",
    Signal.VOTE_ENTROPY: "the committee's votes differ ({value:.2f})",
    Signal.COMMITTEE_DIVERGENCE: "the committee disagrees ({value:.2f})",
    Signal.VERSION_DIVERGENCE: "the last two models disagree ({value:.2f})",
    Signal.INSTABILITY: "models keep changing their mind ({value:.2f})",
    Signal.NOVELTY: "unlike anything labelled (novelty {value:.2f})",
    Signal.TYPICALITY: "typical of the pool ({value:.2f})",
    Signal.CLASS_RARITY: "of a class seldom seen, {predicted} (rarity {value:.2f})",
    Signal.SEGMENT_RARITY: "of a segment seldom seen (rarity {value:.2f})",
    Signal.RISK: "risk {value:.2f}",
    Signal.BUSINESS_VALUE: "business value {value:.2f}",
    Signal.SENSITIVITY: "sensitivity {value:.2f}",
    Signal.SEGMENT_ERROR_RATE: "its segment was often wrong before (error rate {value:.2f})",
    Signal.FLAGGED: "flagged in production",
    Signal.RECENCY: "recent (recency {value:.2f})",
}


def reasons(pool: Candidates, signals: Signals, arm: Arm, picks: ArmPicks) -> list[str]:
    """Why the arm picked each of its rows: signals first, then variety, then what is nearest."""
    writer = _Reasons(pool, signals)
    nearest_known = _nearest_known(pool, picks)
    return [
        "; ".join(
            text
            for text in (
                *writer.told(arm, row),
                _variety(picks.method, gain),
                nearest_known[place],
            )
            if text
        )
        for place, (row, gain) in enumerate(
            zip(picks.rows.tolist(), picks.gains.tolist(), strict=True)
        )
    ]


def _nearest_known(pool: Candidates, picks: ArmPicks) -> list[str]:
    """The labelled record nearest to each pick of an arm that looks for what is far from them."""
    names = [
        name
        for name, for_test in zip(pool.known.record_ids, pool.known.for_test, strict=False)
        if not for_test
    ]
    if picks.method is not Diversity.K_CENTER or not names or not len(picks.rows):
        return [""] * len(picks.rows)
    places, distances = nearest(pool.embeddings[picks.rows], pool.known.covered)
    return [
        f"the nearest labelled record is {names[place]} (distance {distance:.2f})"
        for place, distance in zip(places.tolist(), distances.tolist(), strict=True)
    ]


class _Reasons:
    """What the signals say of a row, in words."""

    def __init__(self, pool: Candidates, signals: Signals) -> None:
        self._pool = pool
        self._signals = signals

    def told(self, arm: Arm, row: int) -> list[str]:
        """The signals that count most for the record, in words, the weightiest first."""
        parts: list[tuple[float, str]] = []
        for signal, weight in sorted(arm.weighted_signals.items()):
            values = self._signals[signal]
            if values is None:
                continue
            value = float(values[row])
            # What counts: how much it adds, or how little it takes away.
            share = value * weight if arm.combination is Combine.ADD else weight * _log(value)
            if value > 0.0:
                parts.append((share, self._worded(signal, row, value)))
        parts.sort(key=lambda part: -part[0])
        return [text for _, text in parts[:TOLD]]

    def _worded(self, signal: Signal, row: int, value: float) -> str:
        if signal in (Signal.MARGIN, Signal.LEAST_CONFIDENCE):
            return self._hesitation(row, value)
        predicted = "" if self._pool.probabilities is None else self._two(row)[0]
        return _WORDS[signal].format(value=value, predicted=predicted)

    def _hesitation(self, row: int, value: float) -> str:
        if self._pool.probabilities is None or len(self._pool.classes) < 2:
            return f"the model is unsure (uncertainty {value:.2f})"
        first, second, p, q = self._two(row)
        if p - q < HESITATION:
            return f"the model hesitates between {first} and {second} ({p:.2f} against {q:.2f})"
        return f"the model takes it for {first} ({p:.2f}) rather than {second} ({q:.2f})"

    def _two(self, row: int) -> tuple[str, str, float, float]:
        assert self._pool.probabilities is not None  # noqa: S101 - callers look
        probabilities = self._pool.probabilities[row]
        order = np.argsort(-probabilities, kind="stable")
        second = order[1] if len(order) > 1 else order[0]
        return (
            self._pool.classes[order[0]],
            self._pool.classes[second],
            float(probabilities[order[0]]),
            float(probabilities[second]),
        )


def _variety(method: Diversity, gain: float) -> str:
    """What the arm's way of being diverse adds; empty where there is nothing to add."""
    if math.isnan(gain):
        return "a first record to compare the others with"
    words: Mapping[Diversity, Callable[[], str]] = {
        Diversity.UNCERTAINTY_HERDING: lambda: f"stands for {_percent(gain)} of the uncertainty",
        Diversity.MAX_HERDING: lambda: f"stands for {_percent(gain)} of the pool",
        Diversity.FACILITY_LOCATION: lambda: f"brings {_percent(gain)} of the pool nearer",
        Diversity.K_CENTER: lambda: (
            f"farthest from everything labelled or selected so far (distance {gain:.2f})"
        ),
        Diversity.BADGE: lambda: "unlike the arm's other picks",
        Diversity.TYPICAL_CLUSTERS: lambda: "typical of a group with nothing labelled",
        Diversity.PREFILTER_K_MEANS: lambda: "in the middle of a group of such records",
    }
    return words[method]() if method in words else ""


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "a little"


def _log(value: float) -> float:
    return math.log(max(value, 1e-12))


def score_of(picks: ArmPicks, place: int, score: Float32 | None) -> float | None:
    """The arm's score of the record at `place`, or the gain of an arm without signals."""
    value = float(picks.gains[place]) if score is None else float(score[picks.rows[place]])
    return None if math.isnan(value) else value
