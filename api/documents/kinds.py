"""Documents that people write: YAML or JSON in, YAML out, and every fault with its line.

A document is a frozen dataclass of the domain, without its version, which the system gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from api.documents.faults import DocumentFault, by_line, of_types
from api.documents.reading import Tree, Unreadable, read
from domain.errors import InvalidInput


class Named(Protocol):
    @property
    def name(self) -> str: ...


Written = TypeVar("Written", bound=Named)


class Strict(BaseModel):
    """What the dataclasses cannot say of themselves: no unknown keys, no `"5"` for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Broken(Protocol):
    """Something that the domain finds wrong, at a place of the document."""

    @property
    def path(self) -> tuple[str | int, ...]: ...
    @property
    def message(self) -> str: ...
    @property
    def hint(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class DocumentKind(Generic[Written]):
    """One kind of document, and how it is read."""

    name: str
    """What it is called, and the one field of `model`."""
    model: type[Strict]
    parts: Mapping[str, type]
    """Key of the document → the dataclass of what stands under it; the empty key: of itself."""
    begins: str
    """What stands in one: `name, batch_size, arms, …`."""
    example: str
    """The command that shows one."""
    broken: Callable[[Written], Iterable[Broken]]
    """All that the domain finds wrong with one whose types are right."""
    error: type[InvalidInput]
    addresses: frozenset[str] = frozenset()
    """Names that pages and routes have taken."""

    def parse(self, text: str | bytes) -> Written:
        """What a YAML or JSON document describes, as version 1.

        Raises `error`. Its message is the first fault with its line; its context has all of them
        as `faults`, each with line, column, where, message and hint.
        """
        written, found = self.examine(text)
        if written is None or found:
            first, others = found[0], len(found) - 1
            more = f" (and {others} more fault{'s' * (others > 1)})" if others else ""
            raise self.error(
                f"{first}{more}", hint=first.hint, faults=[fault.as_json for fault in found]
            )
        return written

    def examine(self, text: str | bytes) -> tuple[Written | None, list[DocumentFault]]:
        """What the document describes, where it says so, and all that is wrong with it by line."""
        try:
            tree = read(text)
        except Unreadable as error:
            return None, [DocumentFault(mark=error.mark, path=error.path, message=error.message)]
        if not isinstance(tree.value, dict):
            fault = DocumentFault(
                mark=tree.mark(()),
                path=(),
                message=f"a {self.name} is a mapping: {self.begins}",
                hint=f"`{self.example}` shows one",
            )
            return None, [fault]
        found = list(_given_by_the_system(tree, tree.value))
        value = {key: item for key, item in tree.value.items() if key != "version"}
        try:
            document = self.model.model_validate_json(json.dumps({self.name: value}))
        except ValidationError as error:
            found += [of_types(tree, each, self.parts) for each in error.errors(include_url=False)]
            return None, by_line(found)
        written: Written = getattr(document, self.name)
        found += self._rules(tree, written)
        return written, by_line(found)

    def _rules(self, tree: Tree, written: Written) -> Iterator[DocumentFault]:
        if written.name in self.addresses:
            yield DocumentFault(
                mark=tree.mark(("name",)),
                path=("name",),
                message=f"“{written.name}” is an address of Labelwright's own",
                hint="choose another name",
            )
        for each in self.broken(written):
            yield DocumentFault(
                mark=tree.mark(each.path), path=each.path, message=each.message, hint=each.hint
            )


def _given_by_the_system(tree: Tree, value: dict[str, Any]) -> Iterator[DocumentFault]:
    if "version" in value:
        yield DocumentFault(
            mark=tree.mark(("version",)),
            path=("version",),
            message="is given by the system: each change is the next version",
            hint="leave version out",
        )
