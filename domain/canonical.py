"""One way to write a value down, so that equal values have equal digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from enum import Enum
from typing import NewType

Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits."""


def canonical(value: object) -> bytes:
    """`value` as UTF-8 JSON: sorted keys, no spaces, dataclasses as objects, enums as values.

    Raises ValueError for NaN and infinities, TypeError for what JSON cannot say.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    ).encode()


def digest(value: object) -> Sha256:
    """SHA-256 of the canonical form of `value`."""
    return digest_bytes(canonical(value))


def digest_bytes(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def digest_lines(values: Iterable[object]) -> Sha256:
    """SHA-256 over the canonical forms of many values, one a line, without holding them all."""
    running = hashlib.sha256()
    for value in values:
        running.update(canonical(value))
        running.update(b"\n")
    return Sha256(running.hexdigest())


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no canonical form")
