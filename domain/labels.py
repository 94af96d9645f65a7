"""Label schemas and guidelines, both versioned, both pinned by a round."""

from __future__ import annotations

from dataclasses import dataclass

from domain.canonical import Sha256, canonical, digest
from domain.errors import InvalidSchema, LabelOfAnotherSchema, UnknownLabel

MAX_LABELS = 500
MAX_SCHEMA_BYTES = 64 * 1024
"""A schema travels with its round through every history."""


@dataclass(frozen=True, kw_only=True)
class LabelClass:
    label: str
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelSchema:
    name: str
    version: int
    classes: tuple[LabelClass, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(each.label for each in self.classes)

    @property
    def digest(self) -> Sha256:
        return digest(self)

    def check_label(self, label: str, *, schema: str | None = None) -> str:
        """`label` if this schema has it; `schema` is the `name@version` that was meant.

        Raises LabelOfAnotherSchema or UnknownLabel.
        """
        if schema is not None and schema != f"{self.name}@{self.version}":
            raise LabelOfAnotherSchema(
                f"the label is of schema {schema}; this round uses {self.name}@{self.version}",
                hint="reload the task and answer with its labels",
            )
        if label not in self.labels:
            raise UnknownLabel(
                f"“{label}” is not a label of {self.name}@{self.version}",
                hint="the labels are: " + ", ".join(self.labels[:20]),
                label=label,
            )
        return label


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """Instructions for reviewers, in Markdown, with one passage a label where there is one."""

    name: str
    version: int
    text: str
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> Sha256:
        return digest(self)


def check_schema(schema: LabelSchema) -> LabelSchema:
    """The schema if people can label with it. Raises InvalidSchema with the reason otherwise."""
    labels = schema.labels
    if len(labels) < 2:
        raise InvalidSchema("a label schema needs at least two labels")
    if len(labels) > MAX_LABELS:
        raise InvalidSchema(f"a label schema has at most {MAX_LABELS} labels")
    for label in labels:
        if not label.strip() or len(label) > 200 or not label.isprintable():
            raise InvalidSchema(f"{label!r} cannot be a label: 1 to 200 printable characters")
    if len(set(labels)) != len(labels):
        raise InvalidSchema("a label is named twice")
    if len(canonical(schema)) > MAX_SCHEMA_BYTES:
        raise InvalidSchema(
            f"the labels and their meanings take more than {MAX_SCHEMA_BYTES // 1024} KiB",
            hint="say what a label means in a sentence or two; the guideline has room for the rest",
        )
    return schema
