"""What the bodies of all requests share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.ids import is_name

Item = TypeVar("Item")

MAX_PAGE = 500


Document = dict[str, Any]
"""A JSON object as it is stored: contents, metadata, summaries."""


class Body(BaseModel):
    """A request body: a field that nobody knows is an error, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if any("\x00" in text for text in _texts(value)):
            raise ValueError("a text holds a NUL character, which cannot be stored")
        return value


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """Part of a list. `next` is the `after` of the following page; none on the last one."""

    items: list[Item]
    next: str | None = None


def _texts(value: object) -> Iterable[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for key, item in value.items():
                yield from _texts(key)
                yield from _texts(item)


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError("a name is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""Of a pool, schema, guideline, policy or dataset."""

Reason = Annotated[str, Field(max_length=2_000)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Items on one page.")]
After = Annotated[
    str | None, Query(max_length=200, description="`next` of the page before; none for the first.")
]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=8,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="Made by the client. The same key with the same body has one effect.",
    ),
]
