"""Readers of what has parts: sets of labels, and pairs with two sides."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from domain.errors import MissingColumn
from domain.labels import Choice
from domain.records import ContentKind
from storage.readers import Mapping
from storage.sides import Sides
from tests.storage.test_readers import json_line, parquet, read, reason, rows

TOPICS = Mapping(kind=ContentKind.TEXT, label_column="label", choice=Choice.MULTIPLE)
PAIRS = Mapping(kind=ContentKind.PAIR)


def labels(data: bytes | str, mapping: Mapping = TOPICS) -> list[str | None]:
    return [row.record.label for row in rows(read(data, mapping))]


# -- sets of labels -----------------------------------------------------------------------------


def test_labels_of_one_cell_are_told_apart_by_their_separator() -> None:
    file = "id,text,label\n1,x,delivery| billing\n2,x,billing\n3,x,(none)\n4,x,\n"
    assert labels(file) == ["billing|delivery", "billing", "(none)", None]
    semicolons = Mapping(
        kind=ContentKind.TEXT, label_column="label", choice=Choice.MULTIPLE, label_separator=";"
    )
    assert labels("id,text,label\n1,x,b;a\n", semicolons) == ["a|b"]


def test_labels_come_as_lists_from_json_lines_and_parquet() -> None:
    lists = [["delivery", "billing"], ["billing", "billing"], [], None]
    lines = "\n".join(
        json.dumps({"id": n, "text": "x", "label": each}) for n, each in enumerate(lists)
    )
    wanted = ["billing|delivery", "billing", "(none)", None]
    assert labels(lines) == wanted
    table = pa.table({"id": ["1", "2", "3", "4"], "text": ["x"] * 4, "label": lists})
    assert labels(parquet(table)) == wanted


@pytest.mark.parametrize("label", ["billing||delivery", "|billing", ["billing", ""], ["a", None]])
def test_an_empty_label_among_others_is_somebodys_mistake(label: object) -> None:
    assert "one of the labels is empty" in reason(json_line(label=label), TOPICS)


def test_a_label_within_a_list_is_a_text_or_a_number() -> None:
    assert labels(json_line(label=[2, 1.0, "x"])) == ["1|2|x"]
    assert "neither a text nor a number" in reason(json_line(label=[{"a": 1}]), TOPICS)


# -- pairs --------------------------------------------------------------------------------------


def test_columns_with_prefixes_become_the_rows_of_both_sides() -> None:
    file = "id,left_name,left_price,right_name,right_price,market\n1,X100,9.5,x 100,,de\n"
    [row] = rows(read(file, PAIRS))
    assert row.record.content == {
        "left": {"row": {"name": "X100", "price": 9.5}},
        "right": {"row": {"name": "x 100", "price": None}},
    }
    assert row.record.metadata == {"market": "de"}


def test_other_prefixes_are_named() -> None:
    sides = Sides(left_prefix="a.", right_prefix="b.")
    [row] = rows(read("id,a.name,b.name\n1,x,y\n", Mapping(kind=ContentKind.PAIR, sides=sides)))
    assert row.record.content == {"left": {"row": {"name": "x"}}, "right": {"row": {"name": "y"}}}


def test_two_columns_hold_two_texts_even_where_they_read_as_numbers() -> None:
    [row] = rows(read("id,left,right\n1,42,some text\n", PAIRS))
    assert row.record.content == {"left": {"text": "42"}, "right": {"text": "some text"}}


def test_json_lines_and_parquet_bring_whole_rows() -> None:
    pair = {"id": "1", "left": {"name": "x"}, "right": {"name": "y"}}
    wanted = {"left": {"row": {"name": "x"}}, "right": {"row": {"name": "y"}}}
    [line] = rows(read(json.dumps(pair), PAIRS))
    [packed] = rows(read(parquet(pa.Table.from_pylist([pair])), PAIRS))
    assert line.record.content == packed.record.content == wanted


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"left": "x"}, "the left side of the pair: the row has no columns"),
        ({"left": "x", "right": " "}, "the right side of the pair: the text is empty"),
        ({"left": "x", "right": {"name": "y"}}, "one side of the pair is a text"),
        ({"left": ["x"], "right": "y"}, "the left side is neither a text nor an object"),
        ({"left": {"a": [1]}, "right": {"a": 1}}, "the left side of the pair: a table row holds"),
        ({"left_name": "x"}, "the right side of the pair: the row has no columns"),
    ],
)
def test_half_a_pair_is_set_aside_with_the_side_that_is_wrong(
    fields: dict[str, object], why: str
) -> None:
    assert why in reason(json.dumps({"id": "a"} | fields), PAIRS)


@pytest.mark.parametrize("header", ["id,left", "id,left_name", "id,right_name,text"])
def test_a_file_without_two_sides_is_refused_with_what_to_name(header: str) -> None:
    with pytest.raises(MissingColumn, match="neither the columns") as refused:
        read(f"{header}\n1,x\n", PAIRS)
    assert "--left-prefix" in refused.value.hint
