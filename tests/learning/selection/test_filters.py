"""Which records an expression is true of."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidExpression
from domain.expressions import parse
from learning.selection.filters import mask

TABLE = pa.table(
    {
        "language": pa.array(["de", "en", None, "fr"]),
        "risk": pa.array([0.9, None, 0.1, 0.5]),
        "internal": pa.array([True, False, None, False]),
        "day": pa.array(["2026-01-01", "2026-03-01", None, "2026-02-01"]),
        "at": pa.array([0, 86_400, None, 2 * 86_400], pa.timestamp("s")),
        "coded": pa.array(["x", "y", "x", None]).dictionary_encode(),
        "nothing": pa.nulls(4),
    }
)


def true_of(text: str) -> list[int]:
    found = mask(parse(text), lambda name: TABLE[name].combine_chunks())
    return [place for place, each in enumerate(found.tolist()) if each]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('language == "de"', [0]),
        ('language != "de"', [1, 3]),
        ('language in ["de", "fr"]', [0, 3]),
        ('language not in ["de", "fr"]', [1, 2]),
        ("language is None", [2]),
        ("language is not None", [0, 1, 3]),
        ("risk >= 0.5", [0, 3]),
        ("risk < 0.5 or risk is None", [1, 2]),
        ("not risk >= 0.5", [1, 2]),
        ("internal", [0]),
        ("not internal", [1, 2, 3]),
        ("internal == False", [1, 3]),
        ('day > "2026-01-15"', [1, 3]),
        ('at >= "1970-01-02"', [1, 3]),
        ('coded == "x"', [0, 2]),
        ("nothing is None", [0, 1, 2, 3]),
        ('nothing == "x"', []),
        ('(language == "de" or language == "en") and risk > 0', [0]),
        ("risk in []", []),
    ],
)
def test_an_expression_is_true_of_these_rows(text: str, rows: list[int]) -> None:
    assert true_of(text) == rows


@pytest.mark.parametrize("text", ['risk == "high"', "language == 3", "risk", "at == 3", 'at > "x"'])
def test_comparing_what_cannot_be_compared_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        true_of(text)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_negation_of_an_expression_is_true_of_the_other_rows(low: float, high: float) -> None:
    text = f"risk >= {low:.3f} and risk <= {high:.3f}"
    assert sorted(true_of(text) + true_of(f"not ({text})")) == [0, 1, 2, 3]
