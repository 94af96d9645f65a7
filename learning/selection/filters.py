"""Expressions applied to columns: which records one is true of."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domain.errors import InvalidExpression
from domain.expressions import (
    AllOf,
    AnyOf,
    Compare,
    Expression,
    IsIn,
    IsMissing,
    IsTrue,
    Not,
    Operator,
    Scalar,
)

Mask = NDArray[np.bool_]
Column = Callable[[str], pa.Array]
"""A column by its name; raises MissingColumn."""

_COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: pc.equal,
    Operator.NOT_EQUAL: pc.not_equal,
    Operator.LESS: pc.less,
    Operator.AT_MOST: pc.less_equal,
    Operator.GREATER: pc.greater,
    Operator.AT_LEAST: pc.greater_equal,
}


def mask(expression: Expression, column: Column) -> Mask:
    """(n,) where `expression` is true. A comparison with a missing value is false.

    Raises MissingColumn, and InvalidExpression when a column cannot be compared with what it is
    compared with.
    """
    match expression:
        case Not(operand=operand):
            return ~mask(operand, column)
        case AllOf(operands=operands):
            return reduce(operator.and_, (mask(each, column) for each in operands))
        case AnyOf(operands=operands):
            return reduce(operator.or_, (mask(each, column) for each in operands))
        case IsMissing(column=name):
            return _plain(pc.is_null(column(name)))
        case IsTrue(column=name):
            return _compared(name, column(name), Operator.EQUAL, value=True)
        case IsIn(column=name, values=values):
            return reduce(
                operator.or_,
                (_compared(name, column(name), Operator.EQUAL, value=each) for each in values),
                np.zeros(len(column(name)), dtype=np.bool_),
            )
        case Compare(column=name, operator=how, value=value):
            return _compared(name, column(name), how, value=value)


def _compared(name: str, values: pa.Array, how: Operator, *, value: Scalar) -> Mask:
    if isinstance(values, pa.DictionaryArray):
        # Compared once a distinct value.
        answers = _compared(name, values.dictionary, how, value=value)
        return _plain(pc.take(pa.array(answers), values.indices))
    if pa.types.is_null(values.type):
        return np.zeros(len(values), dtype=np.bool_)
    if isinstance(value, str) and pa.types.is_temporal(values.type):
        return _plain(_COMPARE[how](values, _moment(name, value, values.type)))
    kinds = (_is_text(values.type), pa.types.is_boolean(values.type), _is_number(values.type))
    alike = (isinstance(value, str), isinstance(value, bool), _is_plain_number(value))
    if kinds != alike:
        raise InvalidExpression(f"“{name}” holds {values.type} and is compared with {value!r}")
    return _plain(_COMPARE[how](values, pa.scalar(value)))


def _moment(name: str, text: str, kind: pa.DataType) -> pa.Scalar:
    try:
        return pa.scalar(text).cast(kind)
    except pa.ArrowInvalid:
        raise InvalidExpression(f"“{name}” holds times, and {text!r} is none") from None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_plain_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(answers: pa.Array) -> Mask:
    known = pc.fill_null(answers, fill_value=False)
    return np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)
