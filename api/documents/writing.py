"""Documents written out: as JSON values and as YAML, without what is as by default."""

from __future__ import annotations

import dataclasses
import json
from difflib import unified_diff
from typing import Any

import yaml

from api.documents.reading import is_text


def to_document(written: object) -> dict[str, Any]:
    """A document as JSON values, without its version and without what is as by default."""
    document: dict[str, Any] = json.loads(json.dumps(written, default=_told))
    return {key: value for key, value in document.items() if key != "version"}


def dump_yaml(written: object) -> str:
    """A document as YAML that reads back as the same one."""
    return yaml.dump(
        to_document(written), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96
    )


def differences(before: object, after: object, *, names: tuple[str, str]) -> list[str]:
    """How one differs from the other, as lines of a unified diff under these names; empty when
    they say the same."""
    return list(
        unified_diff(
            dump_yaml(before).splitlines(),
            dump_yaml(after).splitlines(),
            *names,
            lineterm="",
        )
    )


def _told(value: object) -> object:
    """The fields of a dataclass that are not as by default."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} has no place in a document")
    return {
        each.name: getattr(value, each.name)
        for each in dataclasses.fields(value)
        if getattr(value, each.name) != _default(each)
    }


def _default(each: dataclasses.Field[Any]) -> object:
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    return each.default


class _Dumper(yaml.SafeDumper):
    """Short lists on one line, and texts in quotes where YAML 1.1 or 1.2 would misread them."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's
        del indentless
        super().increase_indent(flow, False)  # noqa: FBT003 - the library's


_OTHER_BREAKS = set("\x85\u2028\u2029")
"""YAML 1.1 ends a line at these too: unless they are escaped, they come back as spaces."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # The writer goes by YAML 1.1, to which `1e3` is a text; our reader takes it for a number.
    plain = is_text(text) and not set(text) & _OTHER_BREAKS
    style = '"' if not plain else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
