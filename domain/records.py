"""Records: what a pool is made of, and how a row of a file becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from domain.canonical import Sha256, canonical, digest
from domain.errors import InvalidRecord
from domain.ids import RecordId

Json = None | bool | int | float | str | dict[str, "Json"] | list["Json"]
Content = NewType("Content", dict[str, Json])
"""By kind: `{"text": str}`, `{"row": {column: scalar}}`, `{"pixels": [[number, …], …]}`, or of a
pair `{"left": …, "right": …}`, both sides the content of a text or both that of a row."""

MAX_RECORD_ID = 128
MAX_CONTENT_BYTES = 256 * 1024


class ContentKind(StrEnum):
    TEXT = "text"
    TABLE = "table"
    IMAGE = "image"
    PAIR = "pair"


class KnownRole(StrEnum):
    """What an imported label may be used for."""

    TRAIN = "train"
    TEST = "test"
    GOLD = "gold"
    """Neither: it is shown to reviewers now and then, to see whether they answer it right."""


@dataclass(frozen=True, kw_only=True)
class Record:
    record_id: RecordId
    content: Content
    metadata: dict[str, Json] = field(default_factory=dict)
    label: str | None = None
    role: KnownRole | None = None

    @property
    def content_digest(self) -> Sha256:
        """Digest of the content alone: records that look the same to a reviewer share it."""
        return digest(self.content)

    @property
    def record_digest(self) -> Sha256:
        """Digest of all that an import may change; equal to the stored one means unchanged."""
        return digest([self.content, self.metadata, self.label, self.role])


def check_content(kind: ContentKind, content: Mapping[str, Json]) -> Content:
    """The content if it is of its kind. Raises InvalidRecord with the reason otherwise."""
    match kind:
        case ContentKind.TEXT:
            _check_text(content.get("text"))
        case ContentKind.TABLE:
            _check_row(content.get("row"))
        case ContentKind.IMAGE:
            _check_pixels(content.get("pixels"))
        case ContentKind.PAIR:
            _check_sides(content)
    try:
        size = len(canonical(dict(content)))
    except ValueError:
        raise InvalidRecord("a number is NaN or infinite") from None
    if size > MAX_CONTENT_BYTES:
        raise InvalidRecord(f"the content is {size:,} bytes; the limit is {MAX_CONTENT_BYTES:,}")
    return Content(dict(content))


def check_record_id(value: object) -> RecordId:
    """`value` as a record id. Raises InvalidRecord when it is missing, too long or unprintable."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip():
        raise InvalidRecord("the record id is missing")
    if len(text) > MAX_RECORD_ID:
        raise InvalidRecord(f"the record id is longer than {MAX_RECORD_ID} characters")
    if not text.isprintable():
        raise InvalidRecord("the record id holds characters that cannot be printed")
    return RecordId(text)


def _check_text(text: Json) -> None:
    if not isinstance(text, str) or not text.strip():
        raise InvalidRecord("the text is empty or not a text")
    if "\x00" in text:
        raise InvalidRecord("the text holds a NUL character")


def _check_row(row: Json) -> None:
    if not isinstance(row, dict) or not row:
        raise InvalidRecord("the row has no columns")
    if any(isinstance(value, list | dict) for value in row.values()):
        raise InvalidRecord("a table row holds numbers, texts and truth values only")


def _check_sides(content: Mapping[str, Json]) -> None:
    left, right = content.get("left"), content.get("right")
    for name, side in (("left", left), ("right", right)):
        if not isinstance(side, dict) or set(side) not in ({"text"}, {"row"}):
            raise InvalidRecord(f"the {name} side of the pair is neither a text nor a row")
        try:
            if "text" in side:
                _check_text(side["text"])
            else:
                _check_row(side["row"])
        except InvalidRecord as error:
            raise InvalidRecord(f"the {name} side of the pair: {error.message}") from None
    if isinstance(left, dict) and isinstance(right, dict) and set(left) != set(right):
        raise InvalidRecord("one side of the pair is a text and the other a row")


def _check_pixels(pixels: Json) -> None:
    if not isinstance(pixels, list) or not pixels or not isinstance(pixels[0], list):
        raise InvalidRecord("an image is a list of rows of grey values")
    width = len(pixels[0])
    if not width or any(not isinstance(row, list) or len(row) != width for row in pixels):
        raise InvalidRecord("the rows of the image differ in length")
    if any(
        not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 255
        for row in pixels
        if isinstance(row, list)
        for value in row
    ):
        raise InvalidRecord("a grey value is not a number from 0 to 255")
