"""Expressions over metadata: what they say, and that nothing else is read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    columns,
    parse,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("risk >= 0.5", Compare(column="risk", operator=Operator.AT_LEAST, value=0.5)),
        ("risk == -1", Compare(column="risk", operator=Operator.EQUAL, value=-1)),
        ('language in ["de", "fr"]', IsIn(column="language", values=("de", "fr"))),
        ("language not in ('de',)", Not(operand=IsIn(column="language", values=("de",)))),
        ("segment is None", IsMissing(column="segment")),
        ("segment is not None", Not(operand=IsMissing(column="segment"))),
        ("flagged", IsTrue(column="flagged")),
        (
            "a and b or not c",
            AnyOf(
                operands=(
                    AllOf(operands=(IsTrue(column="a"), IsTrue(column="b"))),
                    Not(operand=IsTrue(column="c")),
                )
            ),
        ),
    ],
)
def test_an_expression_is_read_as_it_is_written(text: str, expected: Expression) -> None:
    assert parse(text) == expected


def test_columns_are_all_that_an_expression_looks_at() -> None:
    assert columns(parse("a > 1 and (b is None or not c) and d in [1]")) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 == 1",
        "risk == other",
        "risk + 1 > 2",
        "risk > 0.5 > 0.1",
        "__import__('os').system('true')",
        "[x for x in y]",
        "lambda: 0",
        "a.b == 1",
        "a[0] == 1",
        "a := 1",
        "language in 'de'",
        "language in ['de', 1]",
        "risk == 1j",
        "risk == b'x'",
        "(" * 300 + "a" + ")" * 300,
        "a" * 5_000,
    ],
)
def test_what_is_no_comparison_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        parse(text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    with suppress(InvalidExpression):
        assert columns(parse(text))


def test_a_refusal_says_where_and_shows_how_to_write_it() -> None:
    with pytest.raises(InvalidExpression, match=r"“size\(\)” at character 14") as refused:
        parse("risk > 1 and size()")
    assert "language in" in refused.value.hint
