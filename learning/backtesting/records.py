"""What a backtest replays: labelled records, their split by seed, and reviewers who err."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import BatchExceedsPool, InvalidTraining
from domain.records import Content, ContentKind
from learning.near_duplicates import Signatures

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledRecords:
    """n records by ascending id whose labels are known; `contents` or `features`, not both."""

    record_ids: Sequence[str]
    labels: Sequence[str]
    kind: ContentKind | None = None
    contents: Sequence[Content] = ()
    """(n,) of that kind."""
    features: Float32 | None = None
    """(n, d), rows of length one or zero: embedding and features in one."""
    signatures: Signatures | None = None
    """(n, w) MinHash signatures; None where the records are no texts."""
    metadata: pa.Table = field(default_factory=lambda: pa.table({}))
    segments: Sequence[str] = ()
    """(n,) what results are told apart by; empty: not at all."""

    def __len__(self) -> int:
        return len(self.record_ids)

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.labels))

    @property
    def singles(self) -> list[str]:
        """Classes of one record: it can be learned from or tested on, not both."""
        return sorted(label for label, count in Counter(self.labels).items() if count < 2)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is replayed."""

    batch: int
    rounds: int
    seeds: int
    seed: int = 0
    """The first of them."""
    test_share: float = 0.3
    error_rate: float = 0.0
    """Share of labels for which a simulated reviewer names another class."""

    @property
    def budget(self) -> int:
        return self.batch * self.rounds


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Row numbers, ascending: what may be labelled, and what only measures."""

    pool: Int64
    test: Int64


def checked(records: LabelledRecords, plan: Plan) -> None:
    """Raises InvalidTraining when there is nothing to learn, BatchExceedsPool when not one batch
    can be drawn."""
    if len(records.classes) < 2:
        only = f"all are “{records.classes[0]}”" if records.labels else "there are none"
        raise InvalidTraining(
            f"a backtest needs labels of two classes or more; {only}",
            hint="look at --label-column",
        )
    split = split_by(records.labels, plan.test_share, seed=plan.seed)
    if not len(split.test):
        raise InvalidTraining(
            "no class has two records, so that none can be tested", hint="add labelled records"
        )
    if len(split.pool) < plan.batch:
        raise BatchExceedsPool(
            f"a batch is {plan.batch:,} records, and only {len(split.pool):,} of "
            f"{len(records):,} are left to choose from beside the test set",
            hint="lower --batch or --test-share, or give more records",
            batch_size=plan.batch,
            available=len(split.pool),
        )


def split_by(labels: Sequence[str], test_share: float, *, seed: int) -> Split:
    """A random split with `test_share` of each class in the test set, rounded.

    A class of two or more has one record on either side at least; one of a single record is in
    the pool, so that a model may learn it though nothing measures it.
    """
    names, codes = np.unique(np.array(labels, dtype=np.str_), return_inverse=True)
    keys = _words(seed, "split", len(labels))
    testing = np.zeros(len(labels), dtype=np.bool_)
    for code in range(len(names)):
        rows = np.flatnonzero(codes == code)
        if len(rows) < 2:
            continue
        count = min(max(round(test_share * len(rows)), 1), len(rows) - 1)
        testing[rows[np.argsort(keys[rows], kind="stable")[:count]]] = True
    return Split(pool=np.flatnonzero(~testing), test=np.flatnonzero(testing))


def as_reviewed(labels: Sequence[str], error_rate: float, *, seed: int) -> list[str]:
    """The labels as simulated reviewers give them: a share of them, drawn by `seed`, is another
    class, each other class being as likely. A record gets the same answer whoever asks for it."""
    names = sorted(set(labels))
    if not error_rate or len(names) < 2:
        return list(labels)
    place = {name: index for index, name in enumerate(names)}
    wrong = uniform(_words(seed, "wrong", len(labels))) < error_rate
    steps = 1 + (_words(seed, "which", len(labels)) % np.uint64(len(names) - 1)).astype(np.int64)
    return [
        names[(place[label] + step) % len(names)] if is_wrong else label
        for label, is_wrong, step in zip(labels, wrong.tolist(), steps.tolist(), strict=True)
    ]


def uniform(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Raw words as numbers in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def derived(seed: int, *what: object) -> int:
    """A seed for one use of another seed."""
    return int.from_bytes(hashlib.sha256(repr((seed, *what)).encode()).digest()[:8]) >> 1


def _words(seed: int, what: str, count: int) -> NDArray[np.uint64]:
    # Raw 64-bit words: NumPy promises their stream for ever, but not that of distributions.
    words: NDArray[np.uint64] = np.random.PCG64(derived(seed, what)).random_raw(count)
    return words
