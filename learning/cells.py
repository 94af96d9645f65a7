"""Cells of table rows: which columns hold numbers, and what a cell says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from domain.records import Json

MAX_MAGNITUDE = 1e12
"""Numbers are clipped here, so that a typing error in one cell cannot overflow its column."""


def column_types(rows: Sequence[dict[str, Json]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the numeric and of the categorical columns; a column without a value is neither."""
    numeric: dict[str, bool] = {}
    for row in rows:
        for column, value in row.items():
            if not is_missing(value):
                numeric[column] = numeric.get(column, True) and not math.isnan(number(value))
    names = sorted(numeric)
    return (
        tuple(name for name in names if numeric[name]),
        tuple(name for name in names if not numeric[name]),
    )


def is_missing(value: Json) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def number(value: Json) -> float:
    """The number that a cell holds, NaN if none. Texts such as `007` are codes, not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    if isinstance(value, str):
        digits = value.strip().lstrip("+-")
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            return math.nan
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return min(max(found, -MAX_MAGNITUDE), MAX_MAGNITUDE)
