"""`labelwright account review`: who has access, as a table, JSON, or CSV for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

COLUMNS = (
    "name",
    "account_id",
    "state",
    "roles",
    "permissions",
    "clearance",
    "expertise",
    "ways_in",
    "last_seen_at",
    "created_at",
    "roles_changed_at",
    "roles_changed_by",
    "roles_changed_why",
    "clearance_changed_at",
    "clearance_changed_by",
    "clearance_changed_why",
    "conflicts",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With one of them a cell begins that a spreadsheet would compute. OWASP, "CSV Injection"."""


class ReviewFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


def write_review(found: list[Any], into: Path) -> ReviewFormat:
    """Writes the review as what the file's name says: CSV, unless it ends in `.json`."""
    if into.suffix.lower() == ".json":
        into.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return ReviewFormat.JSON
    with into.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(csv_rows(found))
    return ReviewFormat.CSV


def csv_rows(found: Iterable[Any]) -> Iterator[list[str]]:
    """A row for each account, in the order of COLUMNS; no cell is one that is computed."""
    for each in found:
        cells = [
            each["name"],
            each["account_id"],
            "shut out" if each["disabled_at"] else "open",
            ", ".join(each["roles"]),
            "; ".join(each["permissions"]),
            each["clearance"],
            ", ".join(f"{domain} {level}" for domain, level in each["expertise"].items()),
            "; ".join(map(_way, each["ways_in"])),
            each["last_seen_at"] or "",
            each["created_at"],
            *_change(each["roles_changed"]),
            *_change(each["clearance_changed"]),
            "; ".join(each["conflicts"]),
        ]
        yield list(map(safe_cell, cells))


def table_rows(found: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """What a person looks at first."""
    for each in found:
        yield (
            each["name"],
            ", ".join(each["roles"]),
            each["clearance"],
            (each["last_seen_at"] or "never")[:10],
            "shut out" if each["disabled_at"] else f"{len(each['ways_in'])} ways in",
            "; ".join(each["conflicts"]),
        )


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _way(way: Any) -> str:
    named = f"{way['kind']} {way['label']}".strip()
    used = f", last used {way['last_used_at'][:10]}" if way["last_used_at"] else ""
    until = f", until {way['until'][:10]}" if way["until"] else ""
    return f"{named} since {way['since'][:10]}{until}{used}"


def _change(change: Any) -> tuple[str, str, str]:
    if change is None:
        return "", "", ""
    return change["changed_at"], change["changed_by_name"], change["reason"]
