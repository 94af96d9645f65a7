"""Which candidates a policy leaves out, and how many by which reason."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domain.expressions import parse
from domain.policy import SamplingPolicy
from learning.batch_neighbours import close
from learning.near_duplicates import resembling
from learning.selection.candidates import Candidates, Mask
from learning.selection.filters import mask
from learning.selection.scores import Signals


def eligible(
    pool: Candidates, policy: SamplingPolicy, signals: Signals
) -> tuple[Mask, dict[str, int]]:
    """(n,) who may be chosen, and reason → records left out; of two reasons the first counts."""
    left = np.ones(len(pool), dtype=np.bool_)
    counts: dict[str, int] = {}
    for reason, out in _excluded(pool, policy, signals):
        newly = int(np.count_nonzero(left & out))
        if newly:
            counts[reason] = counts.get(reason, 0) + newly
            left &= ~out
    return left, counts


def _excluded(
    pool: Candidates, policy: SamplingPolicy, signals: Signals
) -> Iterator[tuple[str, Mask]]:
    exclusions = policy.exclusions
    for column, values in (
        ("usage_restriction", exclusions.usage_restrictions),
        ("quality_status", exclusions.quality_statuses),
    ):
        if values and column in pool.metadata.column_names:
            yield from _by_value(pool, column, values)
    if exclusions.out_of_scope:
        yield "out of scope", mask(parse(exclusions.out_of_scope), pool.column)
    if exclusions.where:
        yield f"excluded by: {exclusions.where}", mask(parse(exclusions.where), pool.column)
    yield from _near_known(pool, policy, signals)


def _by_value(pool: Candidates, column: str, values: tuple[str, ...]) -> Iterator[tuple[str, Mask]]:
    texts = pool.column(column).cast(pa.string())
    words = column.replace("_", " ")
    for value in values:
        found = pc.is_valid(texts) if value == "*" else pc.equal(texts, value)
        marks = pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False)
        yield f"{words}: {'any' if value == '*' else value}", marks


def _near_known(
    pool: Candidates, policy: SamplingPolicy, signals: Signals
) -> Iterator[tuple[str, Mask]]:
    """What nearly equals a labelled record, or one that is kept for tests."""
    limits, known = policy.near_duplicates, pool.known
    for what, which in (("a labelled record", ~known.for_test), ("a test record", known.for_test)):
        if not which.any():
            continue
        if limits.embedding is not None:
            found = close(
                pool.embeddings,
                known.embeddings[which],
                cosine=limits.embedding,
                distances=None if what == "a test record" else signals.distances,
            )
            yield f"nearly the same as {what}", found
        if limits.text is not None and pool.signatures is not None:
            if known.signatures is None:
                continue
            references = known.signatures[which]
            found = resembling(pool.signatures, references, threshold=limits.text)
            yield f"nearly the same text as {what}", found
