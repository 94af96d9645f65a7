"""Sampling policies as people write them: YAML or JSON in, YAML out, and what may stand in them.

The document is the dataclass `domain.policy.SamplingPolicy` without its version, which the system
gives. Whatever is wrong with one is said at once, each fault with its line.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches, unified_diff
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from api.policies.reading import Mark, Path, Tree, Unreadable, is_text, read
from domain.arms import KINDS, Arm
from domain.errors import InvalidPolicy
from domain.policy import (
    Exclusions,
    Gate,
    Guards,
    Limit,
    NearDuplicates,
    SamplingPolicy,
    Scale,
)
from domain.policy_rules import faults

ADDRESSES = frozenset({"check", "new", "schema"})
"""Names that pages and routes about policies have taken."""

_PARTS: dict[str, type] = {
    "": SamplingPolicy,
    "arms": Arm,
    "limits": Limit,
    "near_duplicates": NearDuplicates,
    "exclusions": Exclusions,
    "guards": Guards,
    "gates": Gate,
    "scales": Scale,
}


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


class PolicyDocument(BaseModel):
    """What the dataclasses cannot say of themselves: no unknown keys, no `"5"` for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    policy: SamplingPolicy


# -- reading ----------------------------------------------------------------------------------


def parse_policy(text: str | bytes) -> SamplingPolicy:
    """The policy that a YAML or JSON document describes, as version 1.

    Raises InvalidPolicy. Its message is the first fault with its line; its context has all of
    them as `faults`, each with line, column, where, message and hint.
    """
    policy, found = examine(text)
    if policy is None or found:
        first, others = found[0], len(found) - 1
        more = f" (and {others} more fault{'s' * (others > 1)})" if others else ""
        raise InvalidPolicy(
            f"{first}{more}", hint=first.hint, faults=[_as_json(fault) for fault in found]
        )
    return policy


def examine(text: str | bytes) -> tuple[SamplingPolicy | None, list[DocumentFault]]:
    """The policy, where the document says one, and all that is wrong with it by line."""
    try:
        tree = read(text)
    except Unreadable as error:
        return None, [DocumentFault(mark=error.mark, path=error.path, message=error.message)]
    if not isinstance(tree.value, dict):
        fault = DocumentFault(
            mark=tree.mark(()),
            path=(),
            message="a policy is a mapping: name, batch_size, arms, …",
            hint="`labelwright policy show growing --yaml` shows one",
        )
        return None, [fault]
    found = list(_given_by_the_system(tree, tree.value))
    value = {key: item for key, item in tree.value.items() if key != "version"}
    try:
        document = PolicyDocument.model_validate_json(json.dumps({"policy": value}))
    except ValidationError as error:
        found += [_of_types(tree, each) for each in error.errors(include_url=False)]
        return None, _by_line(found)
    policy = document.policy
    if policy.name in ADDRESSES:
        found.append(
            DocumentFault(
                mark=tree.mark(("name",)),
                path=("name",),
                message=f"“{policy.name}” is an address of Labelwright's own",
                hint="choose another name",
            )
        )
    found += [
        DocumentFault(
            mark=tree.mark(fault.path), path=fault.path, message=fault.message, hint=fault.hint
        )
        for fault in faults(policy)
    ]
    return policy, _by_line(found)


def _given_by_the_system(tree: Tree, value: dict[str, Any]) -> Iterator[DocumentFault]:
    if "version" in value:
        yield DocumentFault(
            mark=tree.mark(("version",)),
            path=("version",),
            message="is given by the system: each change is the next version",
            hint="leave version out",
        )


def _of_types(tree: Tree, error: Any) -> DocumentFault:
    """A fault that pydantic found, in our words."""
    path: Path = tuple(part for part in error["loc"][1:] if part != "[key]")
    message, hint = _in_words(error, path)
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


def _in_words(error: Any, path: Path) -> tuple[str, str]:
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            known = _known_keys(path[:-1])
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


def _known_keys(path: Path) -> list[str]:
    part = _PARTS[str(path[0]) if path else ""]
    return [each.name for each in dataclasses.fields(part) if (path or each.name != "version")]


def _listed(expected: str) -> list[str]:
    """`'a', 'b' or 'c'` as a list."""
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]


def _meant(given: str, allowed: Iterable[str], otherwise: str) -> str:
    near = get_close_matches(given, list(allowed), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def _by_line(found: list[DocumentFault]) -> list[DocumentFault]:
    return sorted(
        found, key=lambda each: (each.mark.line, each.mark.column) if each.mark else (0, 0)
    )


def _as_json(fault: DocumentFault) -> dict[str, object]:
    return {
        "line": fault.mark.line if fault.mark else None,
        "column": fault.mark.column if fault.mark else None,
        "where": fault.where,
        "message": fault.message,
        "hint": fault.hint,
    }


# -- writing ----------------------------------------------------------------------------------


def to_document(policy: SamplingPolicy) -> dict[str, Any]:
    """The policy as JSON values, without its version and without what is as by default."""
    document: dict[str, Any] = json.loads(json.dumps(policy, default=_told))
    return {key: value for key, value in document.items() if key != "version"}


def dump_yaml(policy: SamplingPolicy) -> str:
    """The policy as YAML that reads back as the same policy."""
    return yaml.dump(
        to_document(policy), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96
    )


def differences(
    before: SamplingPolicy, after: SamplingPolicy, *, names: tuple[str, str]
) -> list[str]:
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
        raise TypeError(f"{type(value).__name__} has no place in a policy")
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


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # The writer goes by YAML 1.1, to which `1e3` is a text; our reader takes it for a number.
    style = "|" if "\n" in text else None if is_text(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


# -- describing -------------------------------------------------------------------------------


@cache
def _schema() -> str:
    made = PolicyDocument.model_json_schema()
    parts = made["$defs"]
    policy = parts.pop("SamplingPolicy")
    # The system gives it; a document that has one is refused.
    del policy["properties"]["version"]
    parts["Arm"]["description"] = "One way of picking. What is left out comes from its kind."
    parts["ArmKind"]["description"] = "; ".join(
        f"{kind}: {default.meaning}" for kind, default in KINDS.items()
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **policy,
        "title": "Labelwright sampling policy",
        "$defs": parts,
    }
    return json.dumps(schema)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a policy document."""
    schema: dict[str, Any] = json.loads(_schema())
    return schema
