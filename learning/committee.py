"""A committee: classifiers that saw the same features and labels, each a resample of the labels.

Source: N. Abe, H. Mamitsuka (1998), "Query Learning Strategies Using Boosting and Bagging" (query
by bagging).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def resample(labels: NDArray[np.str_], *, seed: int, member: int) -> NDArray[np.int64]:
    """Rows of one member's bootstrap sample of `labels` (n,): as many of each class as there are.

    Drawn with replacement within each class, so that every member knows every class. Members of the
    same seed draw independently of each other.
    """
    order = np.argsort(labels, kind="stable")
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    stream = hashlib.sha256(f"{seed}/committee/{member}".encode()).digest()
    # Raw 64-bit words: NumPy promises their stream for ever, but not that of its distributions.
    words = np.random.PCG64(int.from_bytes(stream)).random_raw(len(labels))
    places = np.repeat(first, counts) + (words % np.repeat(counts, counts).astype(np.uint64))
    return np.sort(order[places.astype(np.int64)])
