"""How a row of a file becomes a record: which column is what, and what a value must be."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from domain.canonical import canonical
from domain.errors import InvalidRecord, MissingColumn
from domain.ids import RecordId
from domain.labels import NO_LABELS, SEPARATOR, Choice, powerset_label
from domain.records import (
    MAX_RECORD_ID,
    Content,
    ContentKind,
    Json,
    KnownRole,
    Record,
    check_content,
    check_record_id,
)
from storage.sides import Sides

METADATA_NAMES = (
    "source",
    "collection_context",
    "timestamp",
    "segment",
    "language",
    "market",
    "risk",
    "business_value",
    "sensitivity",
    "usage_restriction",
    "quality_status",
)
MAX_METADATA_BYTES = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Which columns of a file a record is made of."""

    kind: ContentKind
    id_column: str = "id"
    text_column: str = "text"
    pixels_column: str = "pixels"
    row_columns: tuple[str, ...] | None = None
    """Of a table row; none for every column that nothing else claims."""
    sides: Sides = field(default_factory=Sides)
    """Of a pair."""
    label_column: str | None = None
    choice: Choice = Choice.SINGLE
    """Of the schema that the labels are of: one, or a set of them."""
    label_separator: str = SEPARATOR
    """Between the labels of a set where they are in one text."""
    role_column: str | None = None
    metadata_columns: tuple[str, ...] | None = None
    """None for those of METADATA_NAMES that the file has."""

    def check_columns(self, found: Collection[str]) -> None:
        """Raises MissingColumn unless a file with these columns has every one that is named."""
        wanted: list[str | None] = [self.id_column, self.label_column, self.role_column]
        match self.kind:
            case ContentKind.TEXT:
                wanted.append(self.text_column)
            case ContentKind.IMAGE:
                wanted.append(self.pixels_column)
            case ContentKind.TABLE:
                wanted.extend(self.row_columns or ())
            case ContentKind.PAIR:
                self.sides.check_columns(found)
        wanted.extend(self.metadata_columns or ())
        missing = [name for name in wanted if name is not None and name not in found]
        if missing:
            raise MissingColumn(
                f"the file has no column “{missing[0]}”; its columns are: "
                + ", ".join(list(found)[:50]),
                hint="name the columns to use, for instance --id-column",
                missing=missing,
                found=list(found)[:500],
            )

    def columns(self, found: Collection[str]) -> list[str]:
        """Those of the columns found that records are made of."""
        if self.kind is ContentKind.TABLE and self.row_columns is None:
            return list(found)
        content = {
            ContentKind.TEXT: (self.text_column,),
            ContentKind.IMAGE: (self.pixels_column,),
            ContentKind.TABLE: self.row_columns or (),
            ContentKind.PAIR: tuple(filter(self.sides.holds, found)),
        }[self.kind]
        return [name for name in found if name in content or name in self._claimed]

    def typed(self, found: Collection[str]) -> bool:
        """Whether a cell of a text file that reads as a number is one: in rows, not in texts."""
        match self.kind:
            case ContentKind.TABLE:
                return True
            case ContentKind.PAIR:
                return not self.sides.whole(found)
            case _:
                return False

    @property
    def _claimed(self) -> set[str]:
        metadata = METADATA_NAMES if self.metadata_columns is None else self.metadata_columns
        named = (self.id_column, self.label_column, self.role_column)
        return {name for name in named if name is not None} | set(metadata)

    def record(self, values: dict[str, object]) -> Record:
        """The record that a row says. Raises InvalidRecord with the reason otherwise."""
        try:
            record_id = check_record_id(values.get(self.id_column))
            content = self._content(values)
            metadata = self._metadata(values)
            _check_text([content, metadata])
            label = self._label(values)
            role = None if self.role_column is None else _role(values.get(self.role_column))
            return Record(
                record_id=record_id,
                content=check_content(self.kind, content),
                metadata=metadata,
                label=label,
                role=_role_of_label(label, role),
            )
        except RecursionError:
            raise InvalidRecord("the row is nested too deeply") from None

    def _content(self, values: dict[str, object]) -> Content:
        match self.kind:
            case ContentKind.TEXT:
                return Content({"text": plain(values.get(self.text_column), self.text_column)})
            case ContentKind.IMAGE:
                return Content({"pixels": _pixels(values.get(self.pixels_column))})
            case ContentKind.TABLE:
                names = self.row_columns
                if names is None:
                    names = tuple(name for name in values if name not in self._claimed)
                return Content({"row": {name: plain(values.get(name), name) for name in names}})

            case ContentKind.PAIR:
                return self.sides.content(values, plain, self._claimed)

    def _label(self, values: dict[str, object]) -> str | None:
        value = None if self.label_column is None else values.get(self.label_column)
        if self.choice is Choice.SINGLE:
            return _label(value)
        return _label_set(value, self.label_separator)

    def _metadata(self, values: dict[str, object]) -> dict[str, Json]:
        names = METADATA_NAMES if self.metadata_columns is None else self.metadata_columns
        metadata = {name: plain(values.get(name), name) for name in names}
        present: dict[str, Json] = {
            name: value for name, value in metadata.items() if value not in (None, "")
        }
        size = len(json.dumps(present))
        if size > MAX_METADATA_BYTES:
            raise InvalidRecord(
                f"the metadata are {size:,} bytes; the limit is {MAX_METADATA_BYTES:,}"
            )
        return present


def id_as_shown(value: object) -> RecordId | None:
    """Whatever stands in the id column, as it may be shown in a report."""
    if value is None:
        return None
    text = "".join(letter for letter in str(value)[:MAX_RECORD_ID] if letter.isprintable())
    return RecordId(text) if text else None


def plain(value: object, column: str) -> Json:
    """A value of any reader as JSON. Raises InvalidRecord for what JSON cannot say."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            # Parquet writers leave NaN where a number is missing; infinity is somebody's mistake.
            return None if math.isnan(value) else value
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case list() | tuple():
            return [plain(item, column) for item in value]
        case dict():
            return {str(key): plain(item, column) for key, item in value.items()}
        case _:
            raise InvalidRecord(f"column “{column}” holds {type(value).__name__}, which is no text")


def _pixels(value: object) -> Json:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise InvalidRecord("the pixels are not a JSON list of rows") from None
    return plain(value, "pixels")


def _label_set(value: object, separator: str) -> str | None:
    """A list of labels, or a text of several, as one; an empty list is the set of none."""
    if isinstance(value, list | tuple):
        labels = [_label(item) for item in value]
    else:
        label = _label(value)
        if label is None or label == NO_LABELS:
            return label
        labels = [part.strip() or None for part in label.split(separator)]
    if None in labels:
        raise InvalidRecord("one of the labels is empty")
    return powerset_label(filter(None, labels))


def _label(value: object) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value.strip() or None
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            # A column of whole numbers with gaps is read as floats.
            if math.isnan(value):
                return None
            return str(int(value)) if value.is_integer() else str(value)
        case list() | tuple():
            raise InvalidRecord(
                "there is a list of labels, and the label schema gives a record one"
            )
        case _:
            raise InvalidRecord("the label is neither a text nor a number")


def _role(value: object) -> KnownRole | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return KnownRole(str(value).strip().lower())
    except ValueError:
        raise InvalidRecord(
            f"the role is none of train, test and gold: {str(value)[:40]!r}"
        ) from None


_NEEDS_LABEL = {KnownRole.TEST: "test", KnownRole.GOLD: "measure"}


def _role_of_label(label: str | None, role: KnownRole | None) -> KnownRole | None:
    """A label without a role is for training; without a label there is nothing to test with."""
    if label is not None:
        return role or KnownRole.TRAIN
    if role in _NEEDS_LABEL:
        raise InvalidRecord(
            f"the role is {role}, but the record has no label to {_NEEDS_LABEL[role]} with"
        )
    return None


def _check_text(value: object) -> None:
    try:
        canonical(value)
    except UnicodeEncodeError:
        raise InvalidRecord("the row is not UTF-8 text") from None
    except ValueError:
        raise InvalidRecord("a number is infinite") from None
