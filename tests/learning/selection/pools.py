"""Pools and policies that the tests of selection share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from domain.arms import Arm, ArmKind, Diversity
from domain.policy import Limit, NearDuplicates, SamplingPolicy
from learning.selection import Candidates, Known

LANGUAGES = ("de", "en", "fr")
SEGMENTS = ("retail", "business", "premium", "public")
ALIKE = NearDuplicates(text=None, embedding=None)
"""Near duplicates are no matter."""


def unit(rows: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / lengths, dtype=np.float32)


def pool(
    count: int, *, labelled: int = 5, classes: int = 3, seed: int = 0, cold: bool = False
) -> Candidates:
    """Records of three languages and four segments, a model's probabilities with ties."""
    rng = np.random.default_rng(seed)
    rows = unit(rng.normal(size=(count + labelled, 6)))
    probabilities = rng.dirichlet(np.ones(classes), count).round(2)
    probabilities[:, 0] += 1.0 - probabilities.sum(axis=1)
    probabilities = np.abs(probabilities) / np.abs(probabilities).sum(axis=1, keepdims=True)
    names = [str(place) for place in range(classes)]
    return Candidates(
        record_ids=pa.array([f"r{place:05d}" for place in range(count)], pa.string()),
        embeddings=rows[:count],
        probabilities=None if cold else probabilities.astype(np.float32),
        classes=[] if cold else names,
        metadata=metadata(rng, count),
        known=Known(
            record_ids=[f"known-{place}" for place in range(labelled)],
            embeddings=rows[count:],
            labels=[names[place % classes] for place in range(labelled)],
            for_test=np.arange(labelled) % 5 == 4,
            predicted=[names[0]] * labelled,
            rounds=[1] * labelled,
            metadata=metadata(rng, labelled),
        ),
    )


def metadata(rng: np.random.Generator, count: int) -> pa.Table:
    return pa.table(
        {
            "language": pa.array(rng.choice(LANGUAGES, count, p=[0.6, 0.3, 0.1]), pa.string()),
            "segment": pa.array(rng.choice(SEGMENTS, count), pa.string()),
            "risk": pa.array(rng.random(count)),
            "business_value": pa.array(
                [("low", "high", None)[place] for place in rng.integers(0, 3, count)]
            ),
        }
    )


def shuffled(candidates: Candidates, seed: int) -> Candidates:
    order = np.random.default_rng(seed).permutation(len(candidates))
    places = pa.array(order)
    return replace(
        candidates,
        record_ids=candidates.record_ids.take(places),
        embeddings=candidates.embeddings[order],
        probabilities=None if candidates.probabilities is None else candidates.probabilities[order],
        metadata=candidates.metadata.take(places),
    )


def arm(kind: ArmKind, share: float, **changes: Any) -> Arm:
    return Arm(name=changes.pop("name", kind.value), kind=kind, share=share, **changes)


def policy(
    *arms: Arm,
    size: int = 20,
    limits: Sequence[Limit] = (),
    alike: bool = True,
    **changes: Any,
) -> SamplingPolicy:
    """The arms, with a random one for what they leave of the batch."""
    left = 1.0 - sum(each.share for each in arms)
    if alike:
        changes.setdefault("near_duplicates", ALIKE)
    return SamplingPolicy(
        name="test",
        batch_size=size,
        arms=(*arms, arm(ArmKind.RANDOM, left)),
        limits=tuple(limits),
        **changes,
    )


EVERY_METHOD = tuple(Diversity)
EVERY_KIND = tuple(kind for kind in ArmKind if kind is not ArmKind.RANDOM)
