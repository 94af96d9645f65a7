"""What is known of a batch before anybody works on it, in words: for the page and the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.language import N_, capital, decimal, gettext, listed, number, percent
from api.recorded_words import told
from api.vocabulary import word
from domain.policy import PREDICTED, Measure
from domain.selections import Distribution, Findings, GateResult, Shortfall
from storage.documents import from_json

MEASURES: Mapping[Measure, tuple[str, str]] = {
    Measure.COVERAGE: (
        N_("coverage of the pool"),
        N_("how well the batch and what is labelled stand for the pool"),
    ),
    Measure.DIVERSITY: (
        N_("diversity of the batch"),
        N_("how far its records are from each other"),
    ),
    Measure.QUALITY: (
        N_("completeness of the batch"),
        N_("the share of records with content and all the metadata that the policy reads"),
    ),
    Measure.RANDOM_SHARE: (
        N_("random share of the batch"),
        N_("the share that was drawn at random, to measure against"),
    ),
    Measure.CONSTRAINTS_MET: (
        N_("limits met"),
        N_("the share of the policy’s minima and maxima that the batch keeps to"),
    ),
    Measure.CLASS_DISTANCE: (
        N_("distance of classes"),
        N_("how far the predicted classes of the batch are from those of the pool; 0 is alike"),
    ),
}
"""Measure → what it is called, and what it says, in English."""

LIKENESS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "pool": (
        (0.1, N_("much like the pool (distance {distance})")),
        (0.25, N_("roughly like the pool (distance {distance})")),
        (0.5, N_("unlike the pool (distance {distance})")),
        (1.0, N_("very unlike the pool (distance {distance})")),
    ),
    "labelled": (
        (0.1, N_("much like what is labelled (distance {distance})")),
        (0.25, N_("roughly like what is labelled (distance {distance})")),
        (0.5, N_("unlike what is labelled (distance {distance})")),
        (1.0, N_("very unlike what is labelled (distance {distance})")),
    ),
    "production": (
        (0.1, N_("much like production (distance {distance})")),
        (0.25, N_("roughly like production (distance {distance})")),
        (0.5, N_("unlike production (distance {distance})")),
        (1.0, N_("very unlike production (distance {distance})")),
    ),
}
"""What is compared with → Jensen-Shannon distance up to which a sentence holds."""

NOTABLE_POINTS = 0.05
"""A difference of shares that is worth a word."""

TOLD = 20
"""Shortfalls that are told one by one."""


def findings_of(summary: Mapping[str, Any]) -> Findings | None:
    """The findings in a round's summary; none before there is a batch."""
    batch = summary.get("batch") or {}
    found = batch.get("findings")
    return None if found is None else from_json(Findings, found)


def gate_words(gate: GateResult) -> str:
    """`Coverage of the pool is 0.31; the policy wants at least 0.5.`"""
    return gettext("{measure} is {value}; the policy wants {bounds}.").format(
        measure=capital(measure_words(gate.measure)),
        value=_figure(gate.value),
        bounds=bounds_words(gate.at_least, gate.at_most, _figure),
    )


def measure_words(measure: Measure) -> str:
    return gettext(MEASURES[measure][0])


def bounds_words(
    at_least: float | None, at_most: float | None, figure: Callable[[float], str]
) -> str:
    """`at least 0.5 and at most 0.9`"""
    bounds = [
        gettext(words).format(value=figure(bound))
        for words, bound in ((N_("at least {value}"), at_least), (N_("at most {value}"), at_most))
        if bound is not None
    ]
    return listed(bounds, gettext("{some} and {last}"))


def gate_meaning(gate: GateResult) -> str:
    return gettext(MEASURES[gate.measure][1])


def _shortfall(shortfall: Shortfall) -> str:
    return gettext("{demand}: {got} of {wanted} could be had").format(
        demand=told(shortfall.demand),
        got=decimal(shortfall.got),
        wanted=decimal(shortfall.wanted),
    )


def all_shortfalls(findings: Findings) -> list[str]:
    """The first ones, and how many more there are."""
    said = [_shortfall(each) for each in findings.shortfalls[:TOLD]]
    left = len(findings.shortfalls) - len(said)
    return [*said, gettext("and {count} more").format(count=decimal(left))] if left else said


def column_words(column: str) -> str:
    """A column of the metadata by its name; one that is not ours as its file calls it."""
    return gettext("predicted class") if column == PREDICTED else word(column, "column")


def distance_words(distribution: Distribution, reference: str) -> str:
    """`roughly like the pool (distance 0.17)`."""
    distance = distribution.distances[reference]
    sentences = LIKENESS[reference]
    sentence = next(each for most, each in sentences if distance <= most or most == 1.0)
    return gettext(sentence).format(distance=decimal(distance, 2))


def differences(distribution: Distribution) -> str:
    """Which values the batch holds most more and less of than the pool; empty for none."""
    rows = [row for row in shares(distribution) if row.pool is not None]
    by_gap = sorted(rows, key=lambda row: row.batch - (row.pool or 0.0))
    said = []
    for sign, sentence, row in (
        (1.0, N_("more “{value}” ({here} against {there})"), by_gap[-1:]),
        (-1.0, N_("less “{value}” ({here} against {there})"), by_gap[:1]),
    ):
        for each in row:
            if sign * (each.batch - (each.pool or 0.0)) >= NOTABLE_POINTS:
                here, there = share_words(each.batch), share_words(each.pool)
                said.append(gettext(sentence).format(value=each.value, here=here, there=there))
    return ", ".join(said)


def share_words(share: float | None) -> str:
    """In whole hundredths; what is little is not nothing."""
    if share is None:
        return "–"
    return f"<{percent(0.01)}" if 0.0 < share < 0.005 else percent(share)


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
    return number(round(value, 3) if 0.0005 <= value <= 0.9995 else value, 6)
