"""What counts say: how rare a record's class or segment is, and how often its segment was wrong.

Classes and segments are whole numbers from 0, places in a list that the caller keeps; −1 says that
a record has none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.signals.probabilities import Values

Codes = NDArray[np.integer[Any]]
Counts = NDArray[np.integer[Any]]

PRIOR_STRENGTH = 10.0
"""Trials that the overall rate counts for in a segment's rate."""


def class_rarity(predicted: Codes, *, labelled: Counts) -> Values:
    """1 − share / largest share of the class predicted for each record; (n,).

    A class's share is counted over what is `labelled` (k,) and what is `predicted` (n,) together:
    the classes of many labelled records are common even where the model hardly predicts them. 0
    for the most frequent class and for records without a prediction.

    Source: our own; the inverse class frequency of cost-sensitive learning, C. Elkan (2001), "The
    Foundations of Cost-Sensitive Learning", made to fit [0, 1].
    """
    return _rarity(predicted, labelled)


def segment_rarity(segments: Codes, *, labelled: Counts) -> Values:
    """1 − share / largest share of each record's segment; (n,). As `class_rarity`."""
    return _rarity(segments, labelled)


def segment_error_rate(
    segments: Codes, *, errors: Counts, trials: Counts, strength: float = PRIOR_STRENGTH
) -> Values:
    """How often predictions were wrong in each record's segment (n,), as far as is known; (n,).

    (errors + strength × overall) / (trials + strength), by segment (s,): the mean of a Beta
    posterior whose prior has the overall rate of errors and counts for `strength` trials. Segments
    without trials, and records without a segment, get the overall rate; .5 where nothing was tried.

    Source: A. Gelman et al. (2013), "Bayesian Data Analysis", third edition, section 2.4; the prior
    from all groups together as in B. Efron, C. Morris (1975), "Data Analysis Using Stein's
    Estimator and its Generalizations".
    """
    tried = int(trials.sum())
    overall = int(errors.sum()) / tried if tried else 0.5
    rates = np.append((errors + strength * overall) / (trials + strength), overall)
    # Code −1 is the last place, where the overall rate stands.
    return rates[segments].astype(np.float32)


def _rarity(codes: Codes, labelled: Counts) -> Values:
    counts = labelled + np.bincount(codes[codes >= 0], minlength=len(labelled))
    rarity = np.append(1.0 - counts / max(1, counts.max(initial=0)), 0.0)
    return rarity[codes].astype(np.float32)
