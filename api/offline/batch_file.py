"""The file of a batch: written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from domain.errors import Conflict, InvalidInput
from domain.selections import Selection

FORMATS = (".parquet", ".csv", ".jsonl")
POLICY_DIGEST = "policy_digest"

_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("arm", pa.string(), nullable=False),
        pa.field("rank", pa.int64(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("propensity", pa.float64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("predicted", pa.string()),
    ]
)


def check_target(path: Path, *, force: bool) -> None:
    """Before any work is done. Raises InvalidInput and Conflict."""
    if path.suffix.lower() not in FORMATS:
        raise InvalidInput(
            f"{path} has none of the endings {', '.join(FORMATS)}",
            hint="the ending says what is written",
        )
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder {path.parent}", hint=f"mkdir -p {path.parent}")
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder", hint="name a file in it")
    if path.exists() and not force:
        raise _there(path)


def batch_table(
    selections: list[Selection], rows: list[int], *, said: Mapping[str, str]
) -> pa.Table:
    """The batch in review order, and the row of the input that each record is.

    `said` becomes the schema's metadata, each name preceded by `labelwright.`.
    """
    columns = {
        field.name: [getattr(each, field.name) for each in selections]
        for field in fields(Selection)
    }
    table = pa.table({name: columns[name] for name in _SCHEMA.names}, schema=_SCHEMA)
    where = pa.field("row", pa.int64(), nullable=False)
    table = table.append_column(where, pa.array(rows, pa.int64()))
    return table.replace_schema_metadata(
        {f"labelwright.{name}".encode(): value.encode() for name, value in said.items()}
    )


def write(table: pa.Table, path: Path, *, policy_digest: str, force: bool) -> None:
    """Under a name of its own first, then moved: whoever looks sees all of it or nothing.

    CSV and JSON Lines have no place for metadata: there the policy's digest is a column. In CSV a
    text that looks like a formula has an apostrophe before it. Raises
    Conflict when the file is there and `force` is not given.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write(table, part, path.suffix.lower(), policy_digest)
        if force:
            part.replace(path)
        else:
            _move_beside_nothing(part, path)
    finally:
        part.unlink(missing_ok=True)


def _move_beside_nothing(part: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link fails where the name is taken in the meantime.
        os.link(part, path)
    except FileExistsError:
        raise _there(path) from None
    except OSError:
        # A file system without links.
        if path.exists():
            raise _there(path) from None
        part.replace(path)


def _write(table: pa.Table, part: Path, suffix: str, policy_digest: str) -> None:
    if suffix == ".parquet":
        pq.write_table(table, part)
        return
    told = pa.array([policy_digest] * table.num_rows, pa.string())
    table = table.append_column(POLICY_DIGEST, told)
    if suffix == ".csv":
        pa.csv.write_csv(_without_formulas(table), part)
        return
    lines = [json.dumps(row, ensure_ascii=False) for row in table.to_pylist()]
    part.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _without_formulas(table: pa.Table) -> pa.Table:
    """With an apostrophe before each text that a spreadsheet would take for a formula and run.

    The texts come from strangers (OWASP, “CSV Injection”). Parquet and JSON Lines stay exact, and
    `row` says which record is meant.
    """
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = pc.replace_substring_regex(table.column(place), r"\A([=+\-@\t\r])", r"'\1")
            table = table.set_column(place, field, column)
    return table


def _there(path: Path) -> Conflict:
    return Conflict(f"{path} is there already", hint="name another file, or add --force")
