"""Signals of the candidates, each computed when first asked for, and an arm's score from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domain.arms import LEVELS, NEEDS_MODEL, Arm, Combine, Signal
from domain.policy import SamplingPolicy, Scale
from learning.selection.candidates import Candidates, Float32
from learning.signals.frequencies import class_rarity, segment_error_rate, segment_rarity
from learning.signals.geometry import nearest_distances, novelty, typicality
from learning.signals.metadata import flagged, level, recency
from learning.signals.probabilities import entropy, least_confidence, margin

SEGMENT, TIMESTAMP = "segment", "timestamp"


class Signals:
    """`signals[Signal.MARGIN]` is (n,) in [0, 1], or None where the data to compute it are missing;
    `notes` then say so."""

    def __init__(self, pool: Candidates, policy: SamplingPolicy, *, seed: int) -> None:
        self._pool = pool
        self._policy = policy
        self._seed = seed
        self._values: dict[Signal, Float32 | None] = {}
        self._distances: Float32 | None = None
        self._to_mistakes: Float32 | None = None
        self.notes: list[str] = []

    def __getitem__(self, signal: Signal) -> Float32 | None:
        if signal not in self._values:
            self._values[signal] = self._computed(signal)
        return self._values[signal]

    @property
    def distances(self) -> Float32:
        """(n,) Euclidean distance to the nearest labelled record; infinite where none is."""
        if self._distances is None:
            known = self._pool.known
            if self._policy.guards.max_weakness_share < 1.0:
                # Asked for anyway: so each labelled record is compared with the pool once only.
                others = known.embeddings[~known.mistaken & ~known.for_test]
                carried = self.distances_to_mistakes
            else:
                others, carried = known.covered, None
            self._distances = nearest_distances(self._pool.embeddings, others, carried=carried)
        return self._distances

    @property
    def distances_to_mistakes(self) -> Float32:
        """(n,) Euclidean distance to the nearest record that a model got wrong; infinite: none."""
        if self._to_mistakes is None:
            known = self._pool.known
            mistakes = known.embeddings[known.mistaken & ~known.for_test]
            self._to_mistakes = nearest_distances(self._pool.embeddings, mistakes)
        return self._to_mistakes

    def score(self, arm: Arm) -> Float32 | None:
        """The arm's score (n,) in [0, 1]; None for an arm without signals that are known.

        A weighted mean of the signals, or a weighted geometric one; weights are relative.
        """
        known = [
            (values, weight)
            # In one order, however the policy was stored: sums of floats depend on it.
            for signal, weight in sorted(arm.weighted_signals.items())
            if (values := self[signal]) is not None
        ]
        if not known:
            return None
        total = sum(weight for _, weight in known)
        if arm.combination is Combine.ADD:
            added = np.zeros(len(self._pool), dtype=np.float32)
            for values, weight in known:
                added += values * np.float32(weight / total)
            return np.clip(added, 0.0, 1.0, out=added)
        multiplied = np.ones(len(self._pool), dtype=np.float32)
        for values, weight in known:
            multiplied *= values ** np.float32(weight / total)
        return multiplied

    def coverage_weights(self, arm: Arm) -> Float32 | None:
        """How much a record counts in the arm's coverage sum (n,); None: all alike.

        The product of the weights' signals; of a level, such as risk, 1 more than it: a record of
        the highest counts twice as much as one of the lowest, which still counts.
        """
        known = [
            values + np.float32(1.0) if signal in LEVELS else values
            for signal in arm.coverage_weights
            if (values := self[signal]) is not None
        ]
        return np.prod(known, axis=0, dtype=np.float32) if known else None

    # -- one signal at a time -----------------------------------------------------------------

    def _computed(self, signal: Signal) -> Float32 | None:
        pool = self._pool
        if signal in pool.signals:
            return pool.signals[signal]
        if signal in NEEDS_MODEL and pool.probabilities is None:
            self._unknown(signal, "there is no model yet")
            return None
        if signal in LEVELS:
            return self._level(signal)
        computed = {
            Signal.LEAST_CONFIDENCE: lambda: least_confidence(self._probabilities),
            Signal.MARGIN: lambda: margin(self._probabilities),
            Signal.ENTROPY: lambda: entropy(self._probabilities),
            Signal.NOVELTY: lambda: novelty(self.distances),
            Signal.TYPICALITY: lambda: typicality(pool.embeddings, seed=self._seed),
            Signal.CLASS_RARITY: self._class_rarity,
            Signal.SEGMENT_RARITY: self._segment_rarity,
            Signal.SEGMENT_ERROR_RATE: self._segment_error_rate,
            Signal.FLAGGED: self._flagged,
            Signal.RECENCY: self._recency,
        }.get(signal)
        if computed is None:
            self._unknown(signal, "the pool was scored without what it needs")
            return None
        return computed()

    @property
    def _probabilities(self) -> Float32:
        assert self._pool.probabilities is not None  # noqa: S101 - NEEDS_MODEL is checked before
        return self._pool.probabilities

    def _unknown(self, signal: Signal, why: str) -> None:
        self.notes.append(f"{signal} is not known: {why}")

    def _metadata(self, signal: Signal, *names: str) -> list[pa.Array | None]:
        """The columns by these names, None for one that is missing; notes it if all are."""
        there = [
            self._pool.column(name) if name in self._pool.metadata.column_names else None
            for name in names
        ]
        if all(column is None for column in there):
            self._unknown(signal, f"no record has {' or '.join(names)}")
        return there

    def _level(self, signal: Signal) -> Float32 | None:
        [column] = self._metadata(signal, signal.value)
        if column is None:
            return None
        scale = self._policy.scales.get(signal)
        found = level(
            column if scale is None else _scaled(column, scale),
            name=signal.value,
            record_ids=self._pool.record_ids,
        )
        if found.missing:
            self.notes.append(f"{signal} is missing of {found.missing:,} records, counted as 0")
        return found.values

    def _class_rarity(self) -> Float32:
        predicted = self._pool.predicted
        assert predicted is not None  # noqa: S101 - NEEDS_MODEL is checked before
        counts = _counted(self._pool.known.labels, self._pool.classes)
        return class_rarity(predicted, labelled=counts)

    def _segment_rarity(self) -> Float32 | None:
        [column] = self._metadata(Signal.SEGMENT_RARITY, SEGMENT)
        if column is None:
            return None
        codes, names = coded(column)
        return segment_rarity(codes, labelled=_counted(self._known_segments(), names))

    def _segment_error_rate(self) -> Float32 | None:
        [column] = self._metadata(Signal.SEGMENT_ERROR_RATE, SEGMENT)
        if column is None:
            return None
        known = self._pool.known
        codes, names = coded(column)
        guesses = known.predicted or [None] * len(known.embeddings)
        tried = [
            (segment, wrong)
            for segment, guess, wrong in zip(
                self._known_segments(), guesses, known.mistaken, strict=True
            )
            if guess is not None
        ]
        if not tried:
            why = "no earlier prediction was followed by a label"
            self._unknown(Signal.SEGMENT_ERROR_RATE, why)
            return None
        return segment_error_rate(
            codes,
            errors=_counted([segment for segment, wrong in tried if wrong], names),
            trials=_counted([segment for segment, _ in tried], names),
        )

    def _known_segments(self) -> Sequence[str | None]:
        known = self._pool.known
        if known.metadata is None or SEGMENT not in known.metadata.column_names:
            return [None] * len(known.embeddings)
        segments: list[str | None] = known.metadata.column(SEGMENT).cast(pa.string()).to_pylist()
        return segments

    def _flagged(self) -> Float32 | None:
        names = ("production_error", "user_correction")
        error, correction = self._metadata(Signal.FLAGGED, *names)
        if error is None and correction is None:
            return None
        return flagged(production_error=error, user_correction=correction)

    def _recency(self) -> Float32 | None:
        [column] = self._metadata(Signal.RECENCY, TIMESTAMP)
        if column is None:
            return None
        return recency(
            column,
            reference=self._pool.now or _newest(column),
            half_life=timedelta(days=self._policy.half_life_days),
            record_ids=self._pool.record_ids,
        )


def coded(column: pa.Array) -> tuple[NDArray[np.int32], list[str]]:
    """Codes (n,) of the column's values, −1 for a missing one, and the values as texts."""
    if not isinstance(column, pa.DictionaryArray):
        column = column.cast(pa.string()).dictionary_encode()
    codes = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, [str(value) for value in column.dictionary.to_pylist()]


def _counted(values: Sequence[str | None], names: Sequence[str]) -> NDArray[np.int64]:
    """How often each of `names` is among `values`."""
    places = {name: place for place, name in enumerate(names)}
    found = [places[value] for value in values if value is not None and value in places]
    return np.bincount(np.array(found, dtype=np.int64), minlength=len(names))


def _scaled(column: pa.Array, scale: Scale) -> pa.Array:
    """Numbers on a scale of their own, brought to [0, 1]; other columns as they are."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return column
    values = (column.cast(pa.float64()).to_numpy(zero_copy_only=False) - scale.low) / (
        scale.high - scale.low
    )
    return pa.array(np.clip(values, 0.0, 1.0), mask=np.isnan(values))


def _newest(column: pa.Array) -> datetime:
    """The latest timestamp of the column; texts of ISO 8601 are compared as times."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        newest = pc.max(column.cast(pa.timestamp("us"))).as_py()
        return _EPOCH if newest is None else newest.replace(tzinfo=UTC)
    moments = [_moment(text) for text in pc.unique(column.cast(pa.string())).to_pylist() if text]
    return max((moment for moment in moments if moment is not None), default=_EPOCH)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
