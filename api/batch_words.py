"""What is known of a batch before anybody works on it, in words: for the page and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.policy import PREDICTED, Measure
from domain.selections import Distribution, Findings, GateResult, Shortfall
from storage.documents import from_json

MEASURES: Mapping[Measure, tuple[str, str]] = {
    Measure.COVERAGE: (
        "coverage of the pool",
        "how well the batch and what is labelled stand for the pool",
    ),
    Measure.DIVERSITY: (
        "diversity of the batch",
        "how far its records are from each other",
    ),
    Measure.QUALITY: (
        "completeness of the batch",
        "the share of records with content and all the metadata that the policy reads",
    ),
    Measure.RANDOM_SHARE: (
        "random share of the batch",
        "the share that was drawn at random, to measure against",
    ),
    Measure.CONSTRAINTS_MET: (
        "limits met",
        "the share of the policy’s minima and maxima that the batch keeps to",
    ),
    Measure.CLASS_DISTANCE: (
        "distance of classes",
        "how far the predicted classes of the batch are from those of the pool; 0 is alike",
    ),
}
"""Measure → what it is called, and what it says."""

LIKENESS = ((0.1, "much like"), (0.25, "roughly like"), (0.5, "unlike"), (1.0, "very unlike"))
"""Jensen-Shannon distance up to which a word holds."""

NOTABLE_POINTS = 0.05
"""A difference of shares that is worth a word."""

TOLD = 20
"""Shortfalls that are told one by one."""

REFERENCES = {"pool": "the pool", "labelled": "what is labelled", "production": "production"}


def findings_of(summary: Mapping[str, Any]) -> Findings | None:
    """The findings in a round's summary; none before there is a batch."""
    batch = summary.get("batch") or {}
    found = batch.get("findings")
    return None if found is None else from_json(Findings, found)


def gate_words(gate: GateResult) -> str:
    """`Coverage of the pool is 0.31; the policy wants at least 0.5.`"""
    name, _ = MEASURES[gate.measure]
    bounds = [
        f"{words} {_figure(bound)}"
        for words, bound in (("at least", gate.at_least), ("at most", gate.at_most))
        if bound is not None
    ]
    reached = f"{name[0].upper()}{name[1:]} is {_figure(gate.value)}"
    return f"{reached}; the policy wants {' and '.join(bounds)}."


def gate_meaning(gate: GateResult) -> str:
    return MEASURES[gate.measure][1]


def _shortfall(shortfall: Shortfall) -> str:
    return f"{shortfall.demand}: {shortfall.got:,} of {shortfall.wanted:,} could be had"


def all_shortfalls(findings: Findings) -> list[str]:
    """The first ones, and how many more there are."""
    told = [_shortfall(each) for each in findings.shortfalls[:TOLD]]
    left = len(findings.shortfalls) - len(told)
    return [*told, f"and {left:,} more"] if left else told


def column_words(column: str) -> str:
    return "predicted class" if column == PREDICTED else column.replace("_", " ")


def distance_words(distribution: Distribution, reference: str) -> str:
    """`roughly like the pool (distance 0.17)`."""
    distance = distribution.distances[reference]
    word = next(word for most, word in LIKENESS if distance <= most or most == 1.0)
    return f"{word} {REFERENCES[reference]} (distance {distance:.2f})"


def differences(distribution: Distribution) -> str:
    """Which values the batch holds most more and less of than the pool; empty for none."""
    rows = [row for row in shares(distribution) if row.pool is not None]
    by_gap = sorted(rows, key=lambda row: row.batch - (row.pool or 0.0))
    said = []
    for word, row in (("more", by_gap[-1:]), ("less", by_gap[:1])):
        for each in row:
            gap = each.batch - (each.pool or 0.0)
            if (gap if word == "more" else -gap) >= NOTABLE_POINTS:
                here, there = share_words(each.batch), share_words(each.pool)
                said.append(f"{word} “{each.value}” ({here} against {there})")
    return ", ".join(said)


def share_words(share: float | None) -> str:
    """In whole hundredths; what is little is not nothing."""
    if share is None:
        return "–"
    return ("<1" if 0.0 < share < 0.005 else f"{100 * share:.0f}") + "\N{NO-BREAK SPACE}%"


@dataclass(frozen=True, kw_only=True)
class Share:
    """One value of a column: which part of the batch has it, and of what it is compared with."""

    value: str
    records: int
    """In the batch."""
    batch: float
    pool: float | None
    labelled: float | None
    production: float | None


def shares(distribution: Distribution) -> list[Share]:
    """Values that anything has. None where there is nothing to take a share of."""
    columns = (
        distribution.batch,
        distribution.pool,
        distribution.labelled,
        distribution.production or (0,) * len(distribution.values),
    )
    totals = [sum(column) for column in columns]
    return [
        Share(
            value=value,
            records=counts[0],
            batch=counts[0] / totals[0] if totals[0] else 0.0,
            pool=_share(counts[1], totals[1]),
            labelled=_share(counts[2], totals[2]),
            production=_share(counts[3], totals[3]),
        )
        for value, *counts in zip(distribution.values, *columns, strict=True)
        if any(counts)
    ]


def _share(count: int, total: int) -> float | None:
    return count / total if total else None


def _figure(value: float) -> str:
    """Three digits at the most, and never a rounded 1 that is none."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if 0.0005 <= value <= 0.9995 else f"{value:g}"
