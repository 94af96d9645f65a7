"""Agreement between reviewers, corrected for chance and plain."""

from __future__ import annotations

from collections.abc import Sequence

import krippendorff
import numpy as np
from numpy.typing import NDArray

Answer = tuple[str, str, str]
"""Record, reviewer, answer. Of several answers of one reviewer to one record the last counts."""


def krippendorff_alpha(answers: Sequence[Answer]) -> float | None:
    """Nominal alpha over the records with two answers or more: 1 is perfect, 0 is chance.

    None when no record has two answers. When everybody always gave one and the same answer, chance
    agreement is perfect too and alpha is 0/0; by convention this is 1.

    Source: K. Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability".
    """
    counts = _counts(answers)
    if not len(counts):
        return None
    if counts.shape[1] == 1:
        return 1.0
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def percent_agreement(answers: Sequence[Answer]) -> float | None:
    """Share, from 0 to 1, of agreeing pairs among all pairs of answers to the same record.

    None when no record has two answers.
    """
    counts = _counts(answers)
    if not len(counts):
        return None
    totals = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum()
    return float(agreeing / (totals * (totals - 1)).sum())


def _counts(answers: Sequence[Answer]) -> NDArray[np.int64]:
    """(records with two answers or more, answers seen on them): how often each was given."""
    latest = {(record, reviewer): answer for record, reviewer, answer in answers}
    by_record: dict[str, list[str]] = {}
    for (record, _), answer in sorted(latest.items()):
        by_record.setdefault(record, []).append(answer)
    compared = [given for given in by_record.values() if len(given) > 1]
    columns = {
        answer: place for place, answer in enumerate(sorted({a for g in compared for a in g}))
    }
    counts = np.zeros((len(compared), len(columns)), dtype=np.int64)
    for row, given in enumerate(compared):
        for answer in given:
            counts[row, columns[answer]] += 1
    return counts
