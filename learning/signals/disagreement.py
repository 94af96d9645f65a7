"""Where several opinions on a record differ: a committee's, or those of successive models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.signals.probabilities import Probabilities, Values, nats

_BLOCK = 2**13


def vote_entropy(committee: Probabilities) -> Values:
    """Entropy of the votes of (n, m, k) probabilities, each member voting its likeliest class.

    −Σ v log v / log min(m, k) over the shares v of the votes; (n,). 0 where all agree, and where
    there is one member or one class only. Of equal probabilities the first class gets the vote.

    Source: I. Dagan, S. Engelson (1995), "Committee-Based Sampling for Training Probabilistic
    Classifiers".
    """
    n, m, k = committee.shape
    if min(m, k) < 2:
        return np.zeros(n, dtype=np.float32)
    places = committee.argmax(axis=2) + np.arange(n)[:, None] * k
    votes = np.bincount(places.reshape(-1), minlength=n * k).reshape(n, k)
    return _share(nats(votes / m), of=np.log(min(m, k)))


def committee_divergence(committee: Probabilities) -> Values:
    """Jensen-Shannon divergence among the members of (n, m, k) probabilities; (n,).

    (H(mean of the members) − mean of the H(member)) / log min(m, k): 0 where all say the same, 1
    where each is certain of another class. Unlike votes it sees members that waver.

    Source: J. Lin (1991), "Divergence Measures Based on the Shannon Entropy"; for committees
    A. McCallum, K. Nigam (1998), "Employing EM and Pool-Based Active Learning for Text
    Classification".
    """
    n, m, k = committee.shape
    if min(m, k) < 2:
        return np.zeros(n, dtype=np.float32)
    apart = np.empty(n)
    for start in range(0, n, _BLOCK):
        members = committee[start : start + _BLOCK].astype(np.float64)
        apart[start : start + _BLOCK] = nats(members.mean(axis=1)) - nats(members).mean(axis=1)
    return _share(apart, of=np.log(min(m, k)))


def aligned(versions: Sequence[tuple[Sequence[str], Probabilities]]) -> NDArray[np.float64]:
    """The probabilities of T models, each with its classes' names, as one (n, T, k) array.

    The k classes are those of any version, in the order of their names; where a version does not
    know a class, its probability is 0. All have n rows, of the same records.
    """
    names = sorted({name for classes, _ in versions for name in classes})
    place = {name: index for index, name in enumerate(names)}
    joined = np.zeros((len(versions[0][1]), len(versions), len(names)))
    for version, (classes, probabilities) in enumerate(versions):
        joined[:, version, [place[name] for name in classes]] = probabilities
    return joined


def version_divergence(versions: Probabilities) -> Values:
    """Jensen-Shannon divergence, over log 2, of the last two models; (n,).

    `versions` is (n, T ≥ 2, k) as `aligned` gives it, newest first.

    Source: J. Lin (1991), "Divergence Measures Based on the Shannon Entropy".
    """
    return committee_divergence(versions[:, :2])


def instability(versions: Probabilities) -> Values:
    """How often the predicted label changed from one of (n, T ≥ 2, k) versions to the next; (n,).

    The number of changes over T − 1. It counts labels and not probabilities, because these move for
    every record when a model that has seen more labels is surer of all it says.

    Source: M. Toneva et al. (2019), "An Empirical Study of Example Forgetting during Deep Neural
    Network Learning", which counts such changes between epochs.
    """
    labels = versions.argmax(axis=2)
    changes: Values = (labels[:, 1:] != labels[:, :-1]).mean(axis=1, dtype=np.float32)
    return changes


def _share(values: NDArray[np.float64], *, of: float) -> Values:
    return np.clip(values / of, 0.0, 1.0).astype(np.float32)
