"""Compares rows with what follows from the histories, and names each difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workers.audit.findings import Finding, FindingKind

Row = Mapping[str, Any]


def compare(
    table: str, key: str, expected: Iterable[Row], found: Iterable[Row], *, about: str = ""
) -> Iterator[Finding]:
    """Missing, added and changed rows. `about` is the column that says more than the key does.

    Only the columns that are expected are compared.
    """
    wanted = {str(row[key]): row for row in expected}
    there = {str(row[key]): row for row in found}
    for name, row in wanted.items():
        subject = f"table {table}, row {name}"
        if name not in there:
            yield Finding(
                kind=FindingKind.ROW_MISSING,
                subject=subject,
                message=f"Table {table} has no row {name}{_about(row, about)}, which follows from "
                "the ledger.",
                expected=_short(row),
            )
            continue
        for column, value in row.items():
            if there[name][column] != value:
                yield Finding(
                    kind=FindingKind.ROW_CHANGED,
                    subject=f"{subject}, column {column}",
                    message=f"Row {name} of table {table}{_about(row, about)} says "
                    f"{_quoted(there[name][column])} for {column}; the ledger says "
                    f"{_quoted(value)}.",
                    expected=value,
                    found=there[name][column],
                )
    for name, row in there.items():
        if name not in wanted:
            yield Finding(
                kind=FindingKind.ROW_ADDED,
                subject=f"table {table}, row {name}",
                message=f"Table {table} has a row {name}{_about(row, about)} that no decision in "
                "the ledger accounts for.",
                found=_short(row),
            )


def _about(row: Row, column: str) -> str:
    return f" ({column.replace('_id', '')} {row[column]})" if column else ""


def _quoted(value: object) -> str:
    if value is None:
        return "nothing"
    return f"“{value}”" if isinstance(value, str) else str(value)


def _short(row: Row) -> str:
    return ", ".join(f"{column}={value}" for column, value in row.items() if value is not None)
