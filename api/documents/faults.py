"""What is wrong with a document, in words that say where."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from api.documents.reading import Mark, Path, Tree


@dataclass(frozen=True, kw_only=True)
class DocumentFault:
    """Something that is wrong with a document, and where in its text."""

    mark: Mark | None
    """None where it is the text as a whole."""
    path: Path
    message: str
    hint: str = ""

    @property
    def where(self) -> str:
        """`arms[2].share`."""
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return "".join(parts).removeprefix(".")

    def __str__(self) -> str:
        line = f"line {self.mark.line}" if self.mark else ""
        return ": ".join(part for part in (line, self.where, self.message) if part)

    @property
    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.mark.line if self.mark else None,
            "column": self.mark.column if self.mark else None,
            "where": self.where,
            "message": self.message,
            "hint": self.hint,
        }


def of_types(tree: Tree, error: Any, parts: Mapping[str, type]) -> DocumentFault:
    """A fault that pydantic found, in our words."""
    path: Path = tuple(part for part in error["loc"][1:] if part != "[key]")
    message, hint = _in_words(error, path, parts)
    return DocumentFault(mark=tree.mark(path), path=path, message=message, hint=hint)


_WORDS = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be a text: put it in quotes",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "dataclass_type": "must be a mapping",
}


def _in_words(error: Any, path: Path, parts: Mapping[str, type]) -> tuple[str, str]:
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            known = _known_keys(path[:-1], parts)
            return f"nobody knows “{path[-1]}” here", _meant(
                str(path[-1]), known, "known here: " + ", ".join(known)
            )
        case "enum":
            allowed = _listed(error["ctx"]["expected"])
            given = str(path[-1]) if "[key]" in error["loc"] else str(error["input"])
            return f"“{given}” is none of: {', '.join(allowed)}", _meant(given, allowed, "")
        case known if known in _WORDS:
            return _WORDS[known], ""
        case _:
            return str(error["msg"]), ""


def _known_keys(path: Path, parts: Mapping[str, type]) -> list[str]:
    part = parts[str(path[0]) if path else ""]
    return [each.name for each in dataclasses.fields(part) if (path or each.name != "version")]


def _listed(expected: str) -> list[str]:
    """`'a', 'b' or 'c'` as a list."""
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]


def _meant(given: str, allowed: Iterable[str], otherwise: str) -> str:
    near = get_close_matches(given, list(allowed), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def by_line(found: list[DocumentFault]) -> list[DocumentFault]:
    return sorted(
        found, key=lambda each: (each.mark.line, each.mark.column) if each.mark else (0, 0)
    )
