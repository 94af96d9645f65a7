"""Which format a file is in, told by what it says and by how it begins."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePath
from typing import NoReturn

from domain.errors import UnreadableFile


class Format(StrEnum):
    JSON_LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


_SUFFIXES = {
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".json": Format.JSON_LINES,
    ".csv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}
_SPOKEN = {Format.JSON_LINES: "JSON Lines", Format.CSV: "CSV", Format.PARQUET: "Parquet"}
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh")


def detect_format(name: str, head: bytes, *, said: Format | None = None) -> Format:
    """The format of a file that begins with `head`. Raises UnreadableFile if it is another."""
    suffix = PurePath(name).suffix.lower()
    wanted = said or _SUFFIXES.get(suffix)
    file = f"“{PurePath(name).name}”" if name else "the file"
    looks = _looks_like(file, head)
    if wanted is None:
        wanted = looks
    if Format.PARQUET in {wanted, looks} and wanted is not looks:
        refuse(f"{file} is not {_SPOKEN[wanted]}: it looks like {_SPOKEN[looks]}")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if wanted is Format.CSV and looks is Format.JSON_LINES and start.startswith(b'{"'):
        refuse(f"{file} is not CSV: it looks like JSON Lines")
    if wanted is Format.JSON_LINES:
        _check_json_lines(file, start)
    return wanted


def _looks_like(file: str, head: bytes) -> Format:
    if not head.strip():
        refuse(f"{file} is empty")
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if head.startswith(_PACKED):
        refuse(f"{file} is compressed: unpack it first")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse(f"{file} is UTF-16: save it as UTF-8")
    if b"\x00" in head:
        refuse(f"{file} is binary: neither JSON Lines nor CSV nor Parquet")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return Format.JSON_LINES if start.startswith((b"{", b"[")) else Format.CSV


def _check_json_lines(file: str, start: bytes) -> None:
    if start.startswith(b"["):
        refuse(f"{file} is a JSON array: JSON Lines has one object on each line, no brackets")
    if not start.startswith(b"{"):
        refuse(f"{file} is not JSON Lines: it begins with {start[:20]!r}, not with an object")
    if re.match(rb"\{\s*\n", start):
        refuse(f"{file} is one JSON object over many lines: JSON Lines has one on each line")


def check_header(names: list[str]) -> None:
    """Raises UnreadableFile where two columns have one name."""
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        refuse(f"two columns are named “{twice}”")


def refuse(message: str) -> NoReturn:
    """Raises UnreadableFile."""
    raise UnreadableFile(message, hint="nothing was imported; the formats are jsonl, csv, parquet")
