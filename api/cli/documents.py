"""What commands about documents share: reading a file, and telling its faults by line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from api.cli.output import remark
from api.cli.session import Refused
from domain.errors import UnreadableFile


def bytes_of(path: Path) -> bytes:
    """Raises UnreadableFile."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error


def send_document(connected: httpx.Client, path: str, file: Path) -> Any:
    """The answer to a document that was sent; if it is refused, its faults are told first."""
    with telling_faults(str(file)):
        return connected.post(
            f"/api/v1{path}",
            content=bytes_of(file),
            headers={"Content-Type": "application/yaml"},
        ).json()


@contextmanager
def telling_faults(place: str) -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        for line in fault_lines(place, refusal.context.get("faults")):
            remark(line)
        raise


def fault_lines(place: str, faults: Any) -> list[str]:
    """`weekly.yaml: line 12: arms[2].share: must be above 0 and at most 1`, each with its hint."""
    lines = []
    for fault in faults or []:
        line = f"line {fault['line']}" if fault["line"] else ""
        parts = (place, line, fault["where"], fault["message"])
        hint = f" ({fault['hint']})" if fault["hint"] else ""
        lines.append(": ".join(part for part in parts if part) + hint)
    return lines
