"""`labelwright import`: sends a file to a pool and shows what became of each row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from api.cli.output import DataDirOption, JsonOption, print_json, print_table, remark, remarks
from api.cli.session import ApiOption, Refused, TokenOption, client, get, post
from domain.errors import Conflict, InvalidInput, NotFound
from domain.records import ContentKind
from storage.formats import Format, detect_format

PIECE = 256 * 1024
SHOWN = 10
"""Rejections on the screen; --report has a thousand of them."""


class Kind(Enum):
    TEXT = ContentKind.TEXT.value
    TABLE = ContentKind.TABLE.value
    IMAGE = ContentKind.IMAGE.value
    PAIR = ContentKind.PAIR.value


class FileFormat(Enum):
    JSON_LINES = Format.JSON_LINES.value
    CSV = Format.CSV.value
    PARQUET = Format.PARQUET.value


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)


def import_file(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="JSON Lines, CSV or Parquet."
        ),
    ],
    pool: Annotated[str, typer.Option("--pool", help="Name of the pool.")],
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="What a record is; makes the pool if need be.")
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option("--schema", help="Label schema of a new pool, NAME or NAME@VERSION."),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column of the record id; else `id`.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="Column of the text; else `text`.")
    ] = None,
    pixels_column: Annotated[
        str | None, typer.Option("--pixels-column", help="Column of the pixels; else `pixels`.")
    ] = None,
    row_columns: Annotated[
        list[str] | None,
        typer.Option("--row-column", help="A column of a table row (repeat); else all others."),
    ] = None,
    left_column: Annotated[
        str | None, typer.Option("--left-column", help="Column of a pair's left side; else `left`.")
    ] = None,
    right_column: Annotated[
        str | None, typer.Option("--right-column", help="Of its right side; else `right`.")
    ] = None,
    left_prefix: Annotated[
        str | None,
        typer.Option("--left-prefix", help="Begins the columns of the left row; else `left_`."),
    ] = None,
    right_prefix: Annotated[
        str | None,
        typer.Option("--right-prefix", help="Begins those of the right row; else `right_`."),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option("--label-column", help="Column of labels that are known.")
    ] = None,
    label_separator: Annotated[
        str | None,
        typer.Option("--label-separator", help="Between several labels in one cell; else `|`."),
    ] = None,
    role_column: Annotated[
        str | None, typer.Option("--role-column", help="Column that says train or test.")
    ] = None,
    metadata_columns: Annotated[
        list[str] | None,
        typer.Option("--metadata-column", help="A column of metadata (repeat); else known names."),
    ] = None,
    format: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Format of the file; else told by name and content."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the whole report here, as JSON.")
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import records into a pool. Importing a file twice changes nothing."""
    said = None if format is None else Format(format.value)
    with file.open("rb") as head:
        actual = detect_format(file.name, head.read(PIECE), said=said)
    columns = {
        "id_column": id_column,
        "text_column": text_column,
        "pixels_column": pixels_column,
        "row_column": row_columns,
        "left_column": left_column,
        "right_column": right_column,
        "left_prefix": left_prefix,
        "right_prefix": right_prefix,
        "label_column": label_column,
        "label_separator": label_separator,
        "role_column": role_column,
        "metadata_column": metadata_columns,
        "format": actual.value,
        "file_name": file.name[-200:],
    }
    named = {name: value for name, value in columns.items() if value}
    with client(data_dir, api_url, token) as connected:
        _check_pool(connected, pool, kind, schema, brings_labels=label_column is not None)
        found = _upload(connected, file, pool, named, quiet=as_json)
    if report is not None:
        report.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        print_json(found)
    else:
        _show(found, report)
    if found["read"] and found["rejected"] == found["read"]:
        raise typer.Exit(1)


def _check_pool(
    connected: httpx.Client,
    pool: str,
    kind: Kind | None,
    schema: str | None,
    *,
    brings_labels: bool,
) -> None:
    """Makes the pool if it is not there and its kind is known; sees that it is what was meant."""
    try:
        there = get(connected, f"/pools/{pool}")
    except Refused as refusal:
        if refusal.code != NotFound.code:
            raise
        _create_pool(connected, pool, kind, schema, brings_labels=brings_labels)
        return
    if kind is not None and there["kind"] != kind.value:
        raise Conflict(
            f"pool “{pool}” is of kind {there['kind']}, not {kind.value}",
            hint="import into another pool, or leave --kind out",
        )
    if schema is not None and schema not in {there["schema"], str(there["schema"]).split("@")[0]}:
        raise Conflict(
            f"the labels of pool “{pool}” are of schema {there['schema'] or 'none'}, not {schema}",
            hint="import into another pool, or leave --schema out",
        )


def _create_pool(
    connected: httpx.Client,
    pool: str,
    kind: Kind | None,
    schema: str | None,
    *,
    brings_labels: bool,
) -> None:
    if kind is None:
        raise NotFound(
            f"there is no pool “{pool}”",
            hint="make it: add --kind text, --kind table, --kind image or --kind pair",
        )
    if brings_labels and schema is None:
        raise InvalidInput(
            "known labels need a label schema to be checked against",
            hint="add --schema NAME; `labelwright schema list` shows them",
        )
    post(connected, "/pools", {"pool": pool, "kind": kind.value, "schema": schema})


def _upload(
    connected: httpx.Client, file: Path, pool: str, columns: dict[str, Any], *, quiet: bool
) -> dict[str, Any]:
    size = file.stat().st_size
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=remarks,
        disable=quiet or not remarks.is_terminal,
        transient=True,
    )
    with bar:
        sent = bar.add_task("sending", total=size)
        response = connected.post(
            f"/api/v1/pools/{pool}/imports",
            params=columns,
            content=_pieces(file, bar, sent),
            # Known beforehand, so that a proxy or the API can refuse before it has read it all.
            headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"},
        )
    report: dict[str, Any] = response.json()
    return report


def _pieces(file: Path, bar: Progress, sent: TaskID) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
            bar.advance(sent, len(piece))
    bar.update(sent, description="importing")


def _show(found: dict[str, Any], report: Path | None) -> None:
    fresh = found["accepted"] - found["updated"]
    print_table(
        ["", "rows"],
        [
            ("read", f"{found['read']:,}"),
            ("new", f"{fresh:,}"),
            ("updated", f"{found['updated']:,}"),
            ("unchanged", f"{found['unchanged']:,}"),
            ("rejected", f"{found['rejected']:,}"),
        ],
    )
    if found["unknown_words"]:
        remark(
            "Nobody knows what these say of who may see a record, so only those see such records "
            "who are cleared for restricted ones: "
            + _printable(", ".join(f"“{each}”" for each in found["unknown_words"]))
            + ". docs/access.md has the words that are known; import again with them."
        )
    if not found["rejected"]:
        return
    rejections = found["rejections"][:SHOWN]
    print_table(
        ["line", "record", "why it was rejected"],
        [
            (each["line"], _printable(each["record_id"] or ""), _printable(each["reason"]))
            for each in rejections
        ],
    )
    if found["rejected"] > len(rejections):
        where = (
            f"the first thousand are in {report}" if report else "--report FILE writes them down"
        )
        remark(f"… and {found['rejected'] - len(rejections):,} more; {where}.")


def _printable(text: str) -> str:
    """What a file holds is never sent to a terminal as a command."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
