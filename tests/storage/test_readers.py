"""Readers: every format, every way in which a file or a row can be wrong."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.errors import MissingColumn, UnreadableFile
from domain.records import ContentKind, KnownRole
from storage.readers import Format, Mapping, Rejection, Row, read_rows

TEXT = Mapping(kind=ContentKind.TEXT, label_column="label", role_column="role")
TABLE = Mapping(kind=ContentKind.TABLE, label_column="label")
IMAGE = Mapping(kind=ContentKind.IMAGE)


def read(
    data: bytes | str, mapping: Mapping = TEXT, *, name: str = "", said: Format | None = None
) -> list[Row | Rejection]:
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    rows = list(read_rows(stream, said, mapping, file_name=name))
    assert not stream.closed, "the stream is the caller's to close"
    return rows


def rows(found: list[Row | Rejection]) -> list[Row]:
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


def reason(data: bytes | str, mapping: Mapping = TEXT) -> str:
    """Why the only row of the file is rejected."""
    [row] = read(data, mapping)
    assert isinstance(row, Rejection), row
    return row.reason


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def json_line(**fields: object) -> str:
    return json.dumps({"id": "a", "text": "some text"} | fields)


# -- what is read -----------------------------------------------------------------------------


def test_json_lines_give_records() -> None:
    [first, second] = rows(
        read(
            json_line(label="billing", role="test", language="de", unknown=1)
            + "\n\n"
            + json_line(id=7)
        )
    )
    assert (first.line, first.record.record_id, first.record.label) == (1, "a", "billing")
    assert first.record.role is KnownRole.TEST
    assert first.record.metadata == {"language": "de"}
    assert (second.line, second.record.record_id, second.record.label) == (3, "7", None)


def test_csv_lines_are_counted_through_quoted_newlines() -> None:
    found = read(
        "\ufeffid,text,label,role\r\n"
        'a,"first\r\nsecond\r\nthird",billing,\r\n'
        'b,"with ""quotes"", and commas",,\r\n'
        "c,short\r\n"
        "d,last,other,test\r\n"
    )
    assert [row.line for row in found] == [2, 5, 6, 7]
    rejected = found.pop(2)
    assert isinstance(rejected, Rejection)
    assert rejected.reason == "the row has 2 cells, the header 4"
    first, second, last = rows(found)
    assert first.record.content == {"text": "first\r\nsecond\r\nthird"}
    assert first.record.role is KnownRole.TRAIN
    assert second.record.content == {"text": 'with "quotes", and commas'}
    assert last.record.role is KnownRole.TEST


def test_a_table_row_is_made_of_every_column_that_nothing_else_claims() -> None:
    [row] = rows(read("id,age,zip,income,label,market\n1,42,01234,-3.5e2,yes,EU\n", TABLE))
    assert row.record.content == {"row": {"age": 42, "zip": "01234", "income": -350.0}}
    assert row.record.label == "yes"
    assert row.record.metadata == {"market": "EU"}


def test_named_table_columns_are_the_only_ones() -> None:
    mapping = replace(TABLE, row_columns=("age",), label_column=None, metadata_columns=())
    [row] = rows(read("id,age,income\n1,42,\n", mapping))
    assert row.record.content == {"row": {"age": 42}}


def test_parquet_gives_records_of_every_kind() -> None:
    texts = pa.table({"id": [1, 2], "text": ["one", "two"], "label": [1.0, None], "role": ["", ""]})
    first, second = rows(read(parquet(texts)))
    assert (first.line, first.record.record_id, first.record.label) == (1, "1", "1")
    assert (second.line, second.record.label) == (2, None)

    table = pa.table(
        {
            "id": ["x"],
            "amount": pa.array(["12.50"]).cast(pa.decimal128(10, 2)),
            "missing": [float("nan")],
            "seen": pa.array([0], pa.timestamp("s")),
            "label": ["yes"],
        }
    )
    [row] = rows(read(parquet(table), TABLE))
    assert row.record.content == {
        "row": {"amount": 12.5, "missing": None, "seen": "1970-01-01T00:00:00"}
    }

    images = pa.table({"id": ["x"], "pixels": [[[0, 255], [1, 2]]]})
    [row] = rows(read(parquet(images), IMAGE))
    assert row.record.content == {"pixels": [[0, 255], [1, 2]]}


def test_pixels_may_be_json_in_a_csv_cell() -> None:
    [row] = rows(read('id,pixels\na,"[[0, 1], [2, 3]]"\n', IMAGE))
    assert row.record.content == {"pixels": [[0, 1], [2, 3]]}


def test_a_path_is_read_and_a_stream_that_cannot_go_back_too(tmp_path: Path) -> None:
    path = tmp_path / "tickets.parquet"
    pq.write_table(pa.table({"id": ["a"], "text": ["one"]}), path)
    mapping = replace(TEXT, label_column=None, role_column=None)
    assert len(rows(list(read_rows(path, None, mapping)))) == 1

    class OneWay(io.RawIOBase):
        def __init__(self) -> None:
            self._data = io.BytesIO(path.read_bytes())

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self._data.read(size)

    stream = cast(BinaryIO, OneWay())
    assert len(rows(list(read_rows(stream, Format.PARQUET, mapping)))) == 1


# -- files that are not what they say ----------------------------------------------------------

CSV = "id,text,label,role\na,b,,\n"


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "a.csv", "is empty"),
        (b" \n\n", "a.jsonl", "is empty"),
        (CSV, "a.parquet", "is not Parquet: it looks like CSV"),
        (parquet(pa.table({"id": ["a"]})), "a.csv", "is not CSV: it looks like Parquet"),
        (b"\x89PNG\x00\x00\x00", "a.csv", "is binary"),
        (b"\x89PNG\x00\x00\x00", "a.parquet", "is binary"),
        (gzip.compress(CSV.encode(), mtime=0), "a.csv", "is compressed"),
        (CSV.encode("utf-16"), "a.csv", "is UTF-16"),
        ('[{"id": 1}]', "a.jsonl", "is a JSON array"),
        ('[{"id": 1}]', "", "is a JSON array"),
        ('{\n  "id": 1\n}', "a.json", "is one JSON object over many lines"),
        (CSV, "a.jsonl", "is not JSON Lines"),
        ('{"id": 1}\n', "a.csv", "is not CSV: it looks like JSON Lines"),
        ("id,text,id\na,b,c\n", "a.csv", "two columns are named “id”"),
        (b"id,t\xe9xt\na,b\n", "a.csv", "is not UTF-8"),
        (b"PAR1 and nothing behind it", "a.parquet", "is damaged"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    data: bytes | str, name: str, said: str
) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read(data, name=name)
    assert said in refused.value.message


def test_the_format_that_the_caller_says_is_checked_too() -> None:
    with pytest.raises(UnreadableFile, match="is not Parquet"):
        read(CSV, said=Format.PARQUET)


@pytest.mark.parametrize("missing", ["id", "text", "label", "role"])
def test_a_missing_column_is_named_with_those_that_are_there(missing: str) -> None:
    header = CSV.partition("\n")[0]
    with pytest.raises(MissingColumn) as refused:
        read(header.replace(missing, "other") + "\na,b,c,d\n")
    assert f"no column “{missing}”" in refused.value.message
    assert "other" in refused.value.message


def test_a_parquet_file_that_is_damaged_inside_says_after_which_row() -> None:
    data = bytearray(
        parquet(pa.table({"id": [f"r{n}" for n in range(5_000)], "text": ["x"] * 5_000}))
    )
    data[40:4_000] = b"\xff" * 3_960
    with pytest.raises(UnreadableFile, match="damaged"):
        read(bytes(data), replace(TEXT, label_column=None, role_column=None))


# -- rows that are no records ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{nonsense", "is not JSON"),
        ('{"id": "a", "text": NaN}', "NaN is not a JSON number"),
        ("[1, 2]", "is not a JSON object"),
        ('{"id": "a", "text": ' + "[" * 100_000, "nested too deeply"),
        ('{"id": "a", "text": "\\ud800"}', "is not UTF-8"),
        (json_line(id=None), "record id is missing"),
        (json_line(id="x" * 200), "longer than 128"),
        (json_line(id="a\u202eb"), "cannot be printed"),
        (json_line(text=""), "text is empty"),
        (json_line(text=5), "not a text"),
        (json_line(text="a\x00b"), "NUL"),
        (json_line(text="x" * 300_000), "the limit is"),
        (json_line(label=["a"]), "the label schema gives a record one"),
        (json_line(label={"a": 1}), "neither a text nor a number"),
        (json_line(label="a", role="validation"), "none of train, test and gold"),
        (json_line(role="test"), "no label to test with"),
        (json_line(source="x" * 20_000), "metadata are"),
    ],
)
def test_a_bad_line_is_set_aside_with_its_reason(line: str, said: str) -> None:
    good = json_line(id="good")
    found = read(f"{good}\n{line}\n{good}\n")
    assert [type(row) for row in found] == [Row, Rejection, Row]
    assert isinstance(found[1], Rejection)
    assert found[1].line == 2
    assert said in found[1].reason


def test_a_line_that_is_not_utf8_costs_that_line() -> None:
    found = read(json_line().encode() + b'\n{"id": "b", "text": "caf\xe9"}\n')
    assert isinstance(found[1], Rejection)
    assert "not UTF-8" in found[1].reason
    found = read(b"id,text,label,role\na,caf\xe9,,\nb,ok,,\n")
    assert [type(row) for row in found] == [Rejection, Row]


def test_a_line_without_an_end_is_set_aside_and_reading_goes_on() -> None:
    found = read(
        json_line() + "\n" + json_line(id="long", text="x" * 5_000_000) + "\n" + json_line(id="b")
    )
    assert [(type(row), row.line) for row in found] == [(Row, 1), (Rejection, 2), (Row, 3)]


def test_a_stray_quote_costs_its_row() -> None:
    found = read('id,text,label,role\na,"b"c,,\nd,e,,\n')
    assert [type(row) for row in found] == [Rejection, Row]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('"[[1], [2, 3]]"', "differ in length"),
        ("nonsense", "not a JSON list"),
        ('"[[300]]"', "not a number from 0 to 255"),
        ("", "list of rows"),
    ],
)
def test_an_image_that_is_none_is_set_aside(cell: str, said: str) -> None:
    assert said in reason(f"id,pixels\na,{cell}\n", IMAGE)


def test_a_rejection_names_the_record_as_far_as_it_can_be_shown() -> None:
    [row] = read(json_line(id="b\x07ad", text=""))
    assert isinstance(row, Rejection)
    assert row.record_id == "bad"


def test_binary_and_infinite_values_are_set_aside() -> None:
    table = pa.table({"id": ["a"], "blob": [b"\x00\x01"], "label": ["yes"]})
    assert "bytes" in reason(parquet(table), TABLE)
    table = pa.table({"id": ["a"], "number": [float("inf")], "label": ["yes"]})
    assert "infinite" in reason(parquet(table), TABLE)


def test_reading_is_lazy() -> None:
    def endless() -> Iterator[bytes]:
        yield json_line().encode() + b"\n"
        raise AssertionError("a second line was read before the first was used")

    class Stream(io.BytesIO):
        def __init__(self) -> None:
            super().__init__(json_line().encode() + b"\n")
            self.lines = endless()

        def readline(self, _: int | None = -1, /) -> bytes:
            return next(self.lines)

    assert isinstance(next(read_rows(Stream(), Format.JSON_LINES, TEXT)), Row)
