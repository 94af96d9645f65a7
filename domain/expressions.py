"""Expressions over a record's metadata: `language in ["de", "fr"] and risk >= 0.5`.

A small, safe part of Python's own grammar, read by Python's own parser and never evaluated by it:
column names; texts, numbers, True, False; `== != < <= > >=`, `in`, `not in`, `is None`,
`is not None`, `and`, `or`, `not` and parentheses.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.errors import InvalidExpression

MAX_EXPRESSION = 2_000
Scalar = str | int | float | bool
Row = Mapping[str, object]
"""One record's columns; a missing one is like one without a value."""


class Operator(StrEnum):
    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, kw_only=True)
class Compare:
    column: str
    operator: Operator
    value: Scalar


@dataclass(frozen=True, kw_only=True)
class IsIn:
    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, kw_only=True)
class IsMissing:
    column: str


@dataclass(frozen=True, kw_only=True)
class IsTrue:
    """A column named alone: a truth value."""

    column: str


@dataclass(frozen=True, kw_only=True)
class Not:
    operand: Expression


@dataclass(frozen=True, kw_only=True)
class AllOf:
    operands: tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    operands: tuple[Expression, ...]


Expression = Compare | IsIn | IsMissing | IsTrue | Not | AllOf | AnyOf

_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Eq: Operator.EQUAL,
    ast.NotEq: Operator.NOT_EQUAL,
    ast.Lt: Operator.LESS,
    ast.LtE: Operator.AT_MOST,
    ast.Gt: Operator.GREATER,
    ast.GtE: Operator.AT_LEAST,
}


def parse(text: str) -> Expression:
    """The expression that `text` writes down. Raises InvalidExpression, saying where."""
    if len(text) > MAX_EXPRESSION:
        raise InvalidExpression(f"an expression is at most {MAX_EXPRESSION:,} characters long")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _node(tree.body)
    except SyntaxError as error:
        raise InvalidExpression(
            f"“{text}” cannot be read: {error.msg} at character {error.offset or 1}",
            hint='write for example: language in ["de", "fr"] and risk >= 0.5',
        ) from None
    except (RecursionError, MemoryError, ValueError):
        raise InvalidExpression("the expression cannot be read: too deep, or no text") from None


def columns(expression: Expression) -> frozenset[str]:
    """The columns that the expression looks at."""
    match expression:
        case Not(operand=operand):
            return columns(operand)
        case AllOf(operands=operands) | AnyOf(operands=operands):
            return frozenset().union(*map(columns, operands))
        case _:
            return frozenset({expression.column})


_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


def holds(expression: Expression, row: Row) -> bool:
    """Whether the expression is true of one record.

    A comparison with a missing value, or with a value of another kind, is false.
    """
    match expression:
        case Not(operand=operand):
            return not holds(operand, row)
        case AllOf(operands=operands):
            return all(holds(each, row) for each in operands)
        case AnyOf(operands=operands):
            return any(holds(each, row) for each in operands)
        case IsMissing(column=column):
            return row.get(column) is None
        case IsTrue(column=column):
            return row.get(column) is True
        case IsIn(column=column, values=values):
            return any(_compared(row.get(column), Operator.EQUAL, value) for value in values)
        case Compare(column=column, operator=how, value=value):
            return _compared(row.get(column), how, value)


def _compared(found: object, how: Operator, value: Scalar) -> bool:
    return _kind(found) is _kind(value) and _COMPARE[how](found, value)


def _kind(value: object) -> type | None:
    """Text, number or truth value: only values of one kind can be compared."""
    match value:
        case bool():
            return bool
        case int() | float():
            return float
        case str():
            return str
        case _:
            return None


def _node(node: ast.expr) -> Expression:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return AllOf(operands=tuple(map(_node, values)))
        case ast.BoolOp(op=ast.Or(), values=values):
            return AnyOf(operands=tuple(map(_node, values)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Not(operand=_node(operand))
        case ast.Name(id=column):
            return IsTrue(column=column)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _comparison(left, operator, right)
        case _:
            raise _unreadable(node)


def _comparison(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Expression:
    if not isinstance(left, ast.Name):
        raise _unreadable(left, "the left side of a comparison is a column")
    column = left.id
    match operator, right:
        case ast.Is(), ast.Constant(value=None):
            return IsMissing(column=column)
        case ast.IsNot(), ast.Constant(value=None):
            return Not(operand=IsMissing(column=column))
        case ast.In(), ast.List(elts=items) | ast.Tuple(elts=items):
            return IsIn(column=column, values=_alike(right, items))
        case ast.NotIn(), ast.List(elts=items) | ast.Tuple(elts=items):
            return Not(operand=IsIn(column=column, values=_alike(right, items)))
        case _ if type(operator) in _OPERATORS:
            value = _scalar(right)
            return Compare(column=column, operator=_OPERATORS[type(operator)], value=value)
        case _:
            raise _unreadable(right)


def _alike(node: ast.expr, items: list[ast.expr]) -> tuple[Scalar, ...]:
    values = tuple(map(_scalar, items))
    if len({isinstance(value, str) for value in values}) > 1:
        raise _unreadable(node, "a list holds texts or numbers, not both")
    return values


def _scalar(node: ast.expr) -> Scalar:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case _:
            raise _unreadable(node, "what a column is compared with is a text or a number")


def _unreadable(node: ast.expr, why: str = "") -> InvalidExpression:
    return InvalidExpression(
        f"“{ast.unparse(node)}” at character {node.col_offset + 1} is not allowed here"
        + (f": {why}" if why else ""),
        hint='write for example: language in ["de", "fr"] and risk >= 0.5',
    )
