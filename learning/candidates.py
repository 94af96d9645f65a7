"""Candidates: the records that a batch may be drawn from, as arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import InvalidScores, MissingColumn
from learning.diversity.k_center import MAX_LENGTH
from learning.scoring import CLASSES_KEY

TopTwo = tuple[str, str, float, float]
"""The two likeliest labels of a record and their probabilities."""

_COLUMNS = frozenset({"record_id", "probabilities", "margin", "embedding"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """n records to choose from and the m that are labelled already.

    `margin` (n,) is the margin uncertainty in [0, 1], or None at a cold start. `embeddings` (n, d)
    and `labelled_embeddings` (m, d) are float32 rows of length one or zero.
    """

    record_ids: Sequence[str]
    margin: NDArray[np.floating[Any]] | None
    embeddings: NDArray[np.float32]
    labelled_embeddings: NDArray[np.float32]
    labelled_ids: Sequence[str] = ()
    """Names of the labelled rows, for reasons; may be left out."""
    top_two: Sequence[TopTwo] | None = None
    """For reasons, one a record; may be left out."""

    @classmethod
    def from_scores(
        cls, scores: pa.Table, *, labelled: pa.Table, classes: Sequence[str] | None = None
    ) -> Self:
        """Candidates from what `learning.scoring.score` returned, partitions joined in any order.

        `labelled` has `record_id` and `embedding` of the records that are labelled. `classes`
        names the columns of `probabilities` where the table has lost its schema metadata.
        Raises MissingColumn, and InvalidScores when only a part of the records has scores.
        """
        missing = _COLUMNS - set(scores.schema.names)
        if missing:
            raise MissingColumn(f"the scores lack {', '.join(sorted(missing))}")
        if classes is None:
            classes = json.loads((scores.schema.metadata or {}).get(CLASSES_KEY, b"[]"))
        count, unscored = scores.num_rows, scores.column("margin").null_count
        if 0 < unscored < count:
            raise InvalidScores(
                f"{unscored:,} of {count:,} records have no margin",
                hint="score every partition with the same model",
            )
        cold = unscored == count
        return cls(
            record_ids=scores.column("record_id").to_pylist(),
            margin=None if cold else scores.column("margin").to_numpy(),
            embeddings=_embeddings(scores),
            labelled_embeddings=_embeddings(labelled),
            labelled_ids=labelled.column("record_id").to_pylist(),
            top_two=_top_two(scores, classes) if classes and not cold else None,
        )

    def ordered(self) -> Self:
        """The same candidates by ascending record id, so that no result depends on their order.

        Raises InvalidScores for what cannot be ranked: repeated ids, lengths that differ, NaN and
        infinities, embeddings that are longer than one.
        """
        self._check_lengths()
        _check_rows("embeddings", self.embeddings)
        _check_rows("labelled_embeddings", self.labelled_embeddings)
        if self.margin is not None and not np.isfinite(self.margin).all():
            raise InvalidScores("a margin is NaN or infinite", hint="score the pool again")
        order = _order(self.record_ids)
        labelled = self
        if self.labelled_ids:
            places = _order(self.labelled_ids)
            labelled = replace(
                self,
                labelled_ids=[self.labelled_ids[place] for place in places],
                labelled_embeddings=self.labelled_embeddings[places],
            )
        if order == range(len(order)):
            return labelled
        return replace(
            labelled,
            record_ids=[self.record_ids[place] for place in order],
            margin=None if self.margin is None else self.margin[order],
            embeddings=self.embeddings[order],
            top_two=None if self.top_two is None else [self.top_two[place] for place in order],
        )

    def _check_lengths(self) -> None:
        n = len(self.record_ids)
        lengths = {"embeddings": len(self.embeddings)}
        if self.margin is not None:
            lengths["margin"] = len(self.margin)
        if self.top_two is not None:
            lengths["top_two"] = len(self.top_two)
        for name, length in lengths.items():
            if length != n:
                raise InvalidScores(f"{name} has {length:,} rows for {n:,} record ids")
        if self.embeddings.ndim != 2 or self.labelled_embeddings.ndim != 2:
            raise InvalidScores("embeddings are not a table of rows")
        m, width = self.labelled_embeddings.shape
        if m and width != self.embeddings.shape[1]:
            raise InvalidScores(
                f"the labelled embeddings have {width} dimensions, the others "
                f"{self.embeddings.shape[1]}",
                hint="embed both with the same model",
            )
        if self.labelled_ids and len(self.labelled_ids) != m:
            raise InvalidScores(f"{m:,} labelled embeddings have {len(self.labelled_ids):,} ids")


def _check_rows(name: str, rows: NDArray[np.float32]) -> None:
    if rows.dtype != np.float32:
        raise InvalidScores(f"{name} are {rows.dtype}, not float32")
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if not np.isfinite(lengths).all():
        raise InvalidScores(f"{name} hold NaN or infinite values", hint="score the pool again")
    if lengths.size and lengths.max() > MAX_LENGTH:
        raise InvalidScores(f"{name} are not unit rows: one has length {lengths.max():.3g}")


def _order(ids: Sequence[str]) -> range | list[int]:
    """Places of `ids` in ascending order. Raises InvalidScores when one is there twice."""
    order: range | list[int] = range(len(ids))
    if not all(left < right for left, right in pairwise(ids)):
        order = sorted(order, key=ids.__getitem__)
        for left, right in pairwise(order):
            if ids[left] == ids[right]:
                raise InvalidScores(f"record {ids[left]} is there twice", record_id=ids[left])
    return order


def _embeddings(table: pa.Table) -> NDArray[np.float32]:
    """The column `embedding` as (n, d), without a copy where it is one chunk."""
    width = table.schema.field("embedding").type.list_size
    flat: NDArray[np.float32] = table.column("embedding").combine_chunks().flatten().to_numpy()
    return flat.reshape(table.num_rows, width)


def _top_two(scores: pa.Table, classes: Sequence[str]) -> list[TopTwo]:
    flat = scores.column("probabilities").combine_chunks().flatten().to_numpy()
    probabilities = flat.reshape(scores.num_rows, len(classes))
    # Stable on the negatives: of equal probabilities the label that comes first.
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    values = np.take_along_axis(probabilities, order, axis=1)
    return [
        (classes[first], classes[second], float(p), float(q))
        for (first, second), (p, q) in zip(order.tolist(), values.tolist(), strict=True)
    ]
