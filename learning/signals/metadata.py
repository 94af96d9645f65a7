"""What a record's metadata say: levels of risk and value, flags, age.

Columns are Arrow arrays, chunked or not. What is written as text is read once a distinct value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import InvalidMetadata
from learning.signals.probabilities import Values

LEVELS = ("none", "low", "medium", "high", "critical")
"""Words for 0, .25, .5, .75 and 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    values: Values
    missing: int
    """Records without a value, which count as 0."""


def level(
    column: pa.Array, *, name: str, record_ids: Sequence[str], scale: Sequence[str] = LEVELS
) -> Level:
    """The signals risk, business_value and sensitivity: a metadata column `name` as levels.

    Numbers from 0 to 1 stand for themselves, also where they are written as text; words have their
    place on `scale`, evenly spaced from 0 to 1, whatever their case. Null and empty text are
    missing. Raises InvalidMetadata naming the first of `record_ids` whose value is none of these.
    """
    steps = {word.lower(): place / max(1, len(scale) - 1) for place, word in enumerate(scale)}

    def read(value: str) -> float:
        return steps[value] if value in steps else float(value)

    column = _flat(column)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        missing = _null(column)
        values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    elif _is_text(column.type):
        values, missing = _read_text(column, read)
    elif pa.types.is_null(column.type):
        values, missing = np.zeros(len(column)), np.ones(len(column), dtype=np.bool_)
    else:
        raise InvalidMetadata(f"{name} is a column of {column.type}, not of numbers or words")
    values[missing] = 0.0
    _check(
        (values >= 0.0) & (values <= 1.0),
        column,
        name=name,
        record_ids=record_ids,
        wanted=f"a number from 0 to 1 or one of {', '.join(scale)}",
    )
    return Level(values=values.astype(np.float32), missing=int(missing.sum()))


def flagged(*, production_error: pa.Array | None, user_correction: pa.Array | None) -> Values:
    """1 where production found an error or a user has corrected the prediction, else 0; (n,).

    `production_error` are truth values. Of `user_correction` it counts whether there is one: not
    null, not empty text, not false. Raises InvalidMetadata for errors that are no truth values.
    """
    marks: list[NDArray[np.bool_]] = []
    if production_error is not None:
        column = _flat(production_error)
        if not (pa.types.is_boolean(column.type) or pa.types.is_null(column.type)):
            raise InvalidMetadata(
                f"production_error is a column of {column.type}, not of truth values"
            )
        marks.append(_truth(column))
    if user_correction is not None:
        column = _flat(user_correction)
        if pa.types.is_boolean(column.type):
            marks.append(_truth(column))
        elif _is_text(column.type):
            marks.append(~_read_text(column, lambda _: 1.0)[1])
        else:
            marks.append(~_null(column))
    if not marks:
        raise InvalidMetadata("neither production_error nor user_correction is there")
    return np.asarray(np.any(marks, axis=0), dtype=np.float32)


def recency(
    timestamps: pa.Array, *, reference: datetime, half_life: timedelta, record_ids: Sequence[str]
) -> Values:
    """2^(−age / half_life), the age counted from each timestamp to `reference`; (n,).

    `timestamps` is a column of timestamps, dates or ISO 8601 texts; without a zone they are UTC, as
    is `reference`. 1 for those in the future, 0 for those missing. Raises InvalidMetadata naming
    the first of `record_ids` whose text is no timestamp.

    Source: exponential forgetting, as in G. Cormode et al. (2009), "Forward Decay: A Practical
    Time Decay Model for Streaming Systems".
    """
    column = _flat(timestamps)
    moments = _parsed(column) if _is_text(column.type) else column
    if _is_text(moments.type):
        seconds, missing = _read_text(column, lambda text: _utc(text).timestamp())
    elif pa.types.is_timestamp(moments.type) or pa.types.is_date(moments.type):
        missing = _null(moments)
        seconds = _seconds(moments)
    elif pa.types.is_null(moments.type):
        return np.zeros(len(moments), dtype=np.float32)
    else:
        raise InvalidMetadata(f"the timestamps are a column of {column.type}")
    _check(
        np.isfinite(seconds) | missing,
        column,
        name="the timestamp",
        record_ids=record_ids,
        wanted="a date and time as in 2025-01-31T12:00:00Z",
    )
    ages = np.maximum(_zoned(reference).timestamp() - seconds, 0.0)
    return np.where(missing, 0.0, np.exp2(-ages / half_life.total_seconds())).astype(np.float32)


def _read_text(
    column: pa.Array, read: Callable[[str], float]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each text as the number that `read` makes of it, NaN where it cannot; and what is missing."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = [text or "" for text in encoded.dictionary.to_pylist()]
    # One place more, for null.
    known = np.array([*(_read(word.strip().lower(), read) for word in words), 0.0])
    blank = np.array([*(not word.strip() for word in words), True])
    places = encoded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return known[places], blank[places]


def _read(text: str, read: Callable[[str], float]) -> float:
    try:
        return read(text)
    except (ValueError, OverflowError):
        return math.nan


def _parsed(texts: pa.Array) -> pa.Array:
    """Texts as timestamps where Arrow can read them all, which is much the fastest; else as given.

    It reads one column either with zones or without.
    """
    for kind in (pa.timestamp("us", tz="UTC"), pa.timestamp("us")):
        try:
            return texts.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
    return texts


def _seconds(moments: pa.Array) -> NDArray[np.float64]:
    """Seconds since 1970 in UTC, 0 for null."""
    whole = moments.cast(pa.timestamp("us")) if pa.types.is_date(moments.type) else moments
    ticks = whole.cast(pa.timestamp("us", tz=whole.type.tz), safe=False).cast(pa.int64())
    seconds: NDArray[np.float64] = ticks.fill_null(0).to_numpy(zero_copy_only=False) / 1e6
    return seconds


def _utc(text: str) -> datetime:
    return _zoned(datetime.fromisoformat(text.upper()))


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _check(
    fits: NDArray[np.bool_],
    column: pa.Array,
    *,
    name: str,
    record_ids: Sequence[str],
    wanted: str,
) -> None:
    if fits.all():
        return
    row = int(np.flatnonzero(~fits)[0])
    value = column[row].as_py()
    raise InvalidMetadata(
        f"record {record_ids[row]} has {value!r} as {name}; it must be {wanted}",
        hint="correct the record's metadata and import it again",
        record_id=str(record_ids[row]),
        value=str(value),
    )


def _flat(column: pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def _null(column: pa.Array) -> NDArray[np.bool_]:
    return _numpy(column.is_null())


def _truth(column: pa.Array) -> NDArray[np.bool_]:
    if pa.types.is_null(column.type):
        return np.zeros(len(column), dtype=np.bool_)
    return _numpy(column.fill_null(pa.scalar(value=False)))


def _numpy(column: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
    return flags
