"""Selection: which records a batch holds, and why each is in it.

The arms pick one after another, each from what is left. The random arm comes first, so that its
records are a fair draw from the whole pool; then the records the model is least certain of; then
those that are farthest from everything labelled or picked. Equal pools, policies and seeds give
equal batches, whatever the order of the rows, the number of threads or the machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.errors import BatchExceedsPool, EmptyPool
from domain.ids import RecordId
from domain.policy import ArmKind, SamplingPolicy, Selection
from learning.candidates import Candidates
from learning.diversity.k_center import k_center, nearest
from learning.ranking import ranked

HESITATION = 0.2
"""Below this difference between the two likeliest labels it is fair to say the model hesitates."""


@dataclass(frozen=True, kw_only=True)
class _Pick:
    row: int
    arm: ArmKind
    rank: int
    score: float | None = None
    propensity: float | None = None
    reason: str


def select(candidates: Candidates, policy: SamplingPolicy) -> list[Selection]:
    """The batch that `policy` asks for, in the order in which it is to be reviewed.

    Arms are interleaved by quota, so that whoever stops early has seen each in proportion. Without
    a model (margin None) the places of the uncertainty arm go to the diversity arm. Raises
    EmptyPool, BatchExceedsPool, and InvalidScores for what cannot be ranked.
    """
    count, wanted = len(candidates.record_ids), sum(quota.records for quota in policy.arms)
    if not count:
        raise EmptyPool(
            "there is no record to select from",
            hint="import records, or look at what the round's exclusions leave over",
        )
    if wanted > count:
        raise BatchExceedsPool(
            f"the batch wants {wanted:,} records and the pool has {count:,} to choose from",
            hint="lower the batch size or import more records",
            batch_size=wanted,
            available=count,
        )
    pool = candidates.ordered()
    free = np.ones(count, dtype=np.bool_)
    picks = _random(policy, count)
    for arm in (_uncertain, _diverse):
        free[[pick.row for pick in picks]] = False
        picks += arm(pool, policy, free)
    return [
        Selection(
            ordinal=ordinal,
            record_id=RecordId(pool.record_ids[pick.row]),
            arm=pick.arm,
            rank=pick.rank,
            score=pick.score,
            propensity=pick.propensity,
            reason=pick.reason,
        )
        for ordinal, pick in enumerate(_interleaved(picks))
    ]


def _random(policy: SamplingPolicy, count: int) -> list[_Pick]:
    """A uniform draw without replacement: the records with the smallest of n random keys."""
    quota = policy.quota(ArmKind.RANDOM)
    # Raw 64-bit words: NumPy promises their stream for ever, but not that of its distributions.
    keys = np.random.PCG64(_stream_seed(policy.seed, "random arm")).random_raw(count)
    drawn = np.argsort(keys, kind="stable")[:quota]
    return [
        _Pick(
            row=row,
            arm=ArmKind.RANDOM,
            rank=rank,
            propensity=quota / count,
            reason=f"drawn at random: one of {quota:,} from {count:,}",
        )
        for rank, row in enumerate(drawn.tolist())
    ]


def _uncertain(pool: Candidates, policy: SamplingPolicy, free: NDArray[np.bool_]) -> list[_Pick]:
    """The largest margins.

    Source: T. Scheffer, C. Decomain, S. Wrobel (2001), "Active Hidden Markov Models for Information
    Extraction".
    """
    if pool.margin is None:
        return []
    scores = np.where(free, pool.margin, -np.inf)
    rows = ranked(scores, policy.quota(ArmKind.UNCERTAINTY))
    return [
        _Pick(
            row=row,
            arm=ArmKind.UNCERTAINTY,
            rank=rank,
            score=float(pool.margin[row]),
            reason=_uncertain_reason(pool, row),
        )
        for rank, row in enumerate(rows.tolist())
    ]


def _uncertain_reason(pool: Candidates, row: int) -> str:
    if pool.top_two is None:
        uncertainty = 0.0 if pool.margin is None else float(pool.margin[row])
        return f"among the records the model is least certain of (uncertainty {uncertainty:.2f})"
    first, second, p, q = pool.top_two[row]
    if p - q < HESITATION:
        return f"the model hesitates between {first} and {second} ({p:.2f} against {q:.2f})"
    return (
        f"among the least certain that are left: {first} ({p:.2f}) rather than {second} ({q:.2f})"
    )


def _diverse(pool: Candidates, policy: SamplingPolicy, free: NDArray[np.bool_]) -> list[_Pick]:
    """Greedy k-center from the labelled records and the other arms' picks."""
    quota = policy.quota(ArmKind.DIVERSITY)
    total = quota if pool.margin is not None else quota + policy.quota(ArmKind.UNCERTAINTY)
    centers = pool.embeddings[~free]
    if len(pool.labelled_embeddings):
        centers = np.concatenate([pool.labelled_embeddings, centers])
    cover = k_center(pool.embeddings, total, centers=centers, eligible=free)
    reasons = _diverse_reasons(pool, cover.rows, cover.distances.tolist())
    return [
        _Pick(
            row=row,
            arm=ArmKind.DIVERSITY,
            rank=rank,
            score=None if math.isnan(distance) else distance,
            reason=reason if rank < quota else f"{reason}; {_COLD_START}",
        )
        for rank, (row, distance, reason) in enumerate(
            zip(cover.rows.tolist(), cover.distances.tolist(), reasons, strict=True)
        )
    ]


_COLD_START = "no model yet, so a place of the uncertainty arm went to variety"


def _diverse_reasons(
    pool: Candidates, rows: NDArray[np.int64], distances: Sequence[float]
) -> list[str]:
    if not len(pool.labelled_embeddings):
        return [
            "nearest the middle of the pool: a first record to compare the others with"
            if math.isnan(distance)
            else f"farthest from everything selected so far (distance {distance:.2f}; "
            "nothing is labelled yet)"
            for distance in distances
        ]
    labelled, apart = nearest(pool.embeddings[rows], pool.labelled_embeddings)
    return [
        f"farthest from everything labelled or selected so far (distance {distance:.2f}"
        + (f"; nearest labelled record {pool.labelled_ids[near]}" if pool.labelled_ids else "")
        + (f" at {gap:.2f})" if pool.labelled_ids else ")")
        for distance, near, gap in zip(distances, labelled.tolist(), apart.tolist(), strict=True)
    ]


def _interleaved(picks: Sequence[_Pick]) -> list[_Pick]:
    """Every arm's picks spread evenly over the batch, each arm in its own order.

    Pick j of q stands at (j + ½) / q of the way; fractions are compared over a common denominator.
    """
    sizes = {arm: sum(pick.arm is arm for pick in picks) for arm in ArmKind}
    common = math.lcm(*(size for size in sizes.values() if size)) if picks else 1
    arms = list(ArmKind)
    return sorted(
        picks,
        key=lambda pick: (
            (2 * pick.rank + 1) * (common // sizes[pick.arm]),
            arms.index(pick.arm),
        ),
    )


def _stream_seed(seed: int, stream: str) -> int:
    """A seed for one use of a policy's seed: no two arms see the same random numbers."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest())
