"""The two sides of a pair in a row of a file: whole, or column by column under two prefixes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from domain.errors import InvalidRecord, MissingColumn
from domain.records import Content, Json

Plain = Callable[[object, str], Json]
"""A value of any reader as JSON, given its column."""


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Where the sides are. Both columns hold them whole, texts or objects of columns; in a file or
    line that lacks these, columns that begin with a prefix are the columns of that side's row."""

    left_column: str = "left"
    right_column: str = "right"
    left_prefix: str = "left_"
    right_prefix: str = "right_"

    def whole(self, found: Collection[str]) -> bool:
        """Whether a file with these columns has each side in one of them."""
        return self.left_column in found and self.right_column in found

    def holds(self, column: str) -> bool:
        """Whether the column is of either side."""
        return column in {self.left_column, self.right_column} or column.startswith(
            (self.left_prefix, self.right_prefix)
        )

    def check_columns(self, found: Collection[str]) -> None:
        """Raises MissingColumn unless a file with these columns has two sides."""
        prefixes = (self.left_prefix, self.right_prefix)
        for prefix in () if self.whole(found) else prefixes:
            if not any(name.startswith(prefix) for name in found):
                raise MissingColumn(
                    f"the file has neither the columns “{self.left_column}” and "
                    f"“{self.right_column}” nor one that begins with “{prefix}”; its columns are: "
                    + ", ".join(list(found)[:50]),
                    hint="say how they are called: --left-prefix and --right-prefix, "
                    "or --left-column and --right-column",
                    found=list(found)[:500],
                )

    def content(
        self, values: Mapping[str, object], plain: Plain, besides: Collection[str]
    ) -> Content:
        """Both sides of a row; `besides` are columns that are something else.

        Raises InvalidRecord.
        """
        if self.whole(values):
            columns = (self.left_column, self.right_column)
            return Content(
                {
                    name: _whole(plain(values[column], column), name)
                    for name, column in zip(("left", "right"), columns, strict=True)
                }
            )
        rows: dict[str, Json] = {}
        for name, prefix in (("left", self.left_prefix), ("right", self.right_prefix)):
            rows[name] = {
                "row": {
                    column.removeprefix(prefix): plain(value, column)
                    for column, value in values.items()
                    if column.startswith(prefix) and column != prefix and column not in besides
                }
            }
        return Content(rows)


def _whole(value: Json, name: str) -> Json:
    match value:
        case str():
            return {"text": value}
        case dict():
            return {"row": value}
        case _:
            raise InvalidRecord(f"the {name} side is neither a text nor an object of columns")
