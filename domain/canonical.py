"""One way to write a value down, so that equal values have equal digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable
from enum import Enum
from typing import NewType, TypeVar, cast

T = TypeVar("T")

_ADDED = "added"

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


def added(*, default: T) -> T:
    """A field that a later version gave to a dataclass, which says nothing while it is `default`.

    The canonical form leaves it out then, so that what was hashed and signed before it was there
    still has the digest that it had.
    """
    return dataclasses.field(default=default, metadata={_ADDED: True})


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


def tame(value: T) -> T:
    """`value` with what has no canonical form replaced, in nested dataclasses, tuples and dicts.

    A message that did not come through the API may hold anything that JSON lets through: NaN and
    infinities become -1, which no check accepts, and halves of surrogate pairs become ?. So a
    workflow can write any message down, and refuse it, without ever failing itself.
    """
    return cast(T, _tamed(value))


def _tamed(value: object) -> object:
    match value:
        case Enum() | bool():
            return value
        case float():
            return value if math.isfinite(value) else -1.0
        case str():
            return value.encode("utf-8", "replace").decode() if not value.isascii() else value
        case tuple():
            return tuple(map(_tamed, value))
        case list():
            return [_tamed(item) for item in value]
        case dict():
            return {_tamed(key): _tamed(item) for key, item in value.items()}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            changes = {each.name: _tamed(getattr(value, each.name)) for each in fields}
            return dataclasses.replace(value, **changes)
        case _:
            return value


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: said
            for f in dataclasses.fields(value)
            for said in [getattr(value, f.name)]
            if not (_ADDED in f.metadata and said == f.default)
        }
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no canonical form")
