"""YAML or JSON as plain values, with the place in the text that each of them comes from.

Only what JSON can say is read, by the rules of YAML 1.2: `no` is a text and not false, a date is a
text, keys are texts and come once. Anchors, aliases and tags are refused: a document that people
approve is written out, and one that unfolds to more than is there cannot be.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.reader import ReaderError

from domain.records import Json

MAX_BYTES = 64 * 1024
"""A round carries its policy through Temporal's history."""

MAX_DEPTH = 12
MAX_DIGITS = 30

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place in a text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What a text says, and where."""

    value: Json
    marks: dict[Path, Mark]
    """Path → the key, or the item of a list."""

    def mark(self, path: Path) -> Mark:
        """Of the path, or of the nearest thing around it that is written down."""
        while path not in self.marks:
            path = path[:-1]
        return self.marks[path]


class Unreadable(Exception):
    """The text is not a document at all, or holds what none may hold."""

    def __init__(self, message: str, mark: Mark | None = None, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.path = path


def read(text: str | bytes) -> Tree:
    """The values in `text`. Raises Unreadable."""
    if len(text) > MAX_BYTES:
        raise Unreadable(f"the document is larger than {MAX_BYTES // 1024} KiB")
    decoded = _decoded(text)
    try:
        root = _Loader(_without_tabs(decoded)).get_single_node()
    except ReaderError as error:
        raise Unreadable(
            f"character {error.position + 1} of the text is one that nobody can see"
        ) from None
    except yaml.MarkedYAMLError as error:
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise Unreadable(
            f"this is neither YAML nor JSON: {said}", _mark(error.problem_mark)
        ) from None
    if root is None:
        raise Unreadable("the document is empty")
    marks: dict[Path, Mark] = {(): _place(root)}
    return Tree(value=_value(root, (), marks), marks=marks)


class _Loader(yaml.SafeLoader):
    """Composes nodes and constructs nothing."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - what the library looks at
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call] # as the library has it
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(
                "anchors and aliases are not read: write it out", _mark(event.start_mark)
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("this is nested too deeply", _mark(event.start_mark))
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


# The core schema of YAML 1.2 without octal, hexadecimal and infinite numbers.
_KINDS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
}
_PATTERNS = {kind: re.compile(rf"(?:{pattern})\Z") for kind, pattern in _KINDS.items()}
for _kind, _pattern in _PATTERNS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", _pattern, None)


def is_text(plain: str) -> bool:
    """Whether `plain`, written without quotes, is read as a text."""
    return not any(pattern.match(plain) for pattern in _PATTERNS.values())


def _value(node: yaml.Node, path: Path, marks: dict[Path, Mark]) -> Json:
    match node:
        case yaml.MappingNode():
            return _mapping(node, path, marks)
        case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
            items: list[Json] = []
            for place, item in enumerate(node.value):
                marks[*path, place] = _place(item)
                items.append(_value(item, (*path, place), marks))
            return items
        case yaml.ScalarNode():
            return _scalar(node, path)
        case _:
            raise Unreadable(f"the tag {node.tag} is not read", _place(node), path)


def _mapping(node: yaml.MappingNode, path: Path, marks: dict[Path, Mark]) -> Json:
    if node.tag != "tag:yaml.org,2002:map":
        raise Unreadable(f"the tag {node.tag} is not read", _place(node), path)
    found: dict[str, Json] = {}
    for key_node, item in node.value:
        if key_node.tag != "tag:yaml.org,2002:str":
            raise Unreadable("a key is a text", _place(key_node), path)
        key = _text(key_node, path)
        if key in found:
            raise Unreadable(f"“{key}” is written twice", _place(key_node), (*path, key))
        marks[*path, key] = _place(key_node)
        found[key] = _value(item, (*path, key), marks)
    return found


def _scalar(node: yaml.ScalarNode, path: Path) -> Json:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    try:
        match kind:
            case "str":
                return _text(node, path)
            case "null":
                return None
            case "bool":
                return bool(node.value.lower() == "true")
            case "int" if len(node.value) <= MAX_DIGITS:
                return int(node.value)
            case "int" | "float":
                number = float(node.value)
                if math.isfinite(number):
                    return number
    except ValueError:
        pass
    else:
        if kind not in {"int", "float"}:
            raise Unreadable(f"the tag {node.tag} is not read", _place(node), path)
    raise Unreadable(f"{node.value[:40]} is no number that can be read", _place(node), path)


def _text(node: yaml.ScalarNode, path: Path) -> str:
    """JSON escapes what is beyond 16 bits as two halves, which YAML reads as two characters."""
    try:
        text: str = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise Unreadable("a text holds half a character", _place(node), path) from None
    if "\x00" in text:
        raise Unreadable("a text holds a NUL character, which cannot be stored", _place(node), path)
    return text


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start + 1} is not UTF-8") from None


def _without_tabs(text: str) -> str:
    """JSON may be indented by tabs, which YAML may not; inside JSON's texts there are none."""
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _place(node: yaml.Node) -> Mark:
    return Mark(line=node.start_mark.line + 1, column=node.start_mark.column + 1)


def _mark(mark: yaml.Mark | None) -> Mark | None:
    return None if mark is None else Mark(line=mark.line + 1, column=mark.column + 1)
