"""Agreement between reviewers, corrected for chance and plain."""

from __future__ import annotations

from collections.abc import Sequence

import krippendorff
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from domain.reviews import labels_answered

Answer = tuple[str, str, str]
"""Record, reviewer, answer. Of several answers of one reviewer to one record the last counts."""

_BLOCK = 512
"""Answers that are compared with all others at once."""


def krippendorff_alpha(answers: Sequence[Answer]) -> float | None:
    """Nominal alpha over the records with two answers or more: 1 is perfect, 0 is chance.

    None when no record has two answers. When everybody always gave one and the same answer, chance
    agreement is perfect too and alpha is 0/0; by convention this is 1.

    Source: K. Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability".
    """
    counts, _ = _counts(answers)
    if not len(counts):
        return None
    if counts.shape[1] == 1:
        return 1.0
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def alpha_of_sets(answers: Sequence[Answer]) -> float | None:
    """Krippendorff's alpha where sets of labels that overlap agree in part: by the MASI distance.

    Answers are as `Verdict.answer` writes them. One that gives no labels (an exclusion, an
    ambiguity) agrees with its like and with nothing else. None and 1 as in `krippendorff_alpha`.

    Source: R. Passonneau (2006), "Measuring Agreement on Set-valued Items (MASI) for Semantic and
    Pragmatic Annotation".
    """
    counts, answered = _counts(answers)
    if not len(counts):
        return None
    distance = MasiDistance([labels_answered(answer) for answer in answered])
    given = counts.sum(axis=0, dtype=np.float64)
    # Pairs of answers to one record, each record weighing as much as it has answers.
    shares = sparse.csr_matrix(counts / (counts.sum(axis=1, keepdims=True) - 1.0))
    pairs = (shares.T @ sparse.csr_matrix(counts)).tocsr()
    observed = expected = 0.0
    for start in range(0, len(answered), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = distance.rows(block)
        observed += float(pairs[block].multiply(distances).sum())
        expected += float((given[block, None] * distances * given).sum())
    if not expected:
        return 1.0
    return float(1.0 - (given.sum() - 1.0) * observed / expected)


class MasiDistance:
    """Distances between sets of labels: 0 for equal ones, 1 for those that share nothing, and less
    between a set and a part of it than between two that overlap. None is like itself alone."""

    def __init__(self, sets: Sequence[frozenset[str] | None]) -> None:
        labels = sorted(frozenset[str]().union(*(each for each in sets if each is not None)))
        places = {label: place for place, label in enumerate(labels)}
        self._members = np.zeros((len(sets), len(labels)), dtype=np.float32)
        for row, each in enumerate(sets):
            for label in each or ():
                self._members[row, places[label]] = 1.0
        self._sizes = self._members.sum(axis=1)

    def rows(self, block: slice) -> NDArray[np.float64]:
        """(rows of the block, sets): from each set of the block to every set."""
        sizes, others = self._sizes[block, None], self._sizes[None, :]
        # Whole numbers of at most a few hundred: exact, whatever the order of adding up.
        shared = self._members[block] @ self._members.T
        union = sizes + others - shared
        monotonic = np.where(shared == np.minimum(sizes, others), 2 / 3, 1 / 3)
        distances = 1.0 - monotonic * shared / np.maximum(union, 1.0)
        distances[(shared == union) & (union > 0.0)] = 0.0
        same = np.arange(len(self._sizes))[block, None] == np.arange(len(self._sizes))
        return np.where(same, 0.0, distances)


def percent_agreement(answers: Sequence[Answer]) -> float | None:
    """Share, from 0 to 1, of agreeing pairs among all pairs of answers to the same record.

    None when no record has two answers.
    """
    counts, _ = _counts(answers)
    if not len(counts):
        return None
    totals = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum()
    return float(agreeing / (totals * (totals - 1)).sum())


def _counts(answers: Sequence[Answer]) -> tuple[NDArray[np.int64], list[str]]:
    """(records with two answers or more, answers seen on them): how often each was given; and those
    answers."""
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
    return counts, list(columns)
