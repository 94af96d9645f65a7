"""Domain values as JSON columns, and back."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from domain.records import Json

T = TypeVar("T")

_adapters: dict[type, TypeAdapter[Any]] = {}
"""Building one takes milliseconds, using it microseconds."""


def to_json(value: object) -> Json:
    """`value` as plain JSON values. Text that PostgreSQL cannot hold is replaced.

    A refused message may hold anything; its row must be written all the same.
    """
    return _holdable(json.loads(json.dumps(value, default=_fields)))


def from_json(kind: type[T], document: object) -> T:
    """The `kind` that `to_json` wrote down."""
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    value: T = adapter.validate_python(document)
    return value


def plain_text(text: str) -> str:
    """`text` with a replacement character for what PostgreSQL cannot hold: NUL, lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def _holdable(value: Json) -> Json:
    match value:
        case str():
            return plain_text(value)
        case list():
            return [_holdable(item) for item in value]
        case dict():
            return {plain_text(key): _holdable(item) for key, item in value.items()}
        case _:
            return value


def _fields(value: object) -> object:
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")
