"""Label schemas and guidelines, both versioned, both pinned by a round.

In a schema of multiple choice an answer is a set of labels. To models, selection and statistics a
set is one label among others, the **powerset label**: its members in one string, in alphabetical
order, so that it stays the same when a later version of the schema lists its labels otherwise.
Probabilities of sets then add up to 1 and every signal keeps its meaning.

Source: M. Boutell, J. Luo, X. Shen, C. Brown (2004), "Learning multi-label scene classification";
G. Tsoumakas, I. Katakis (2007), "Multi-Label Classification: An Overview".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.canonical import Sha256, added, canonical, digest
from domain.errors import (
    InvalidSchema,
    LabelOfAnotherSchema,
    UnknownLabel,
    WrongNumberOfLabels,
)

MAX_LABELS = 500
MAX_SCHEMA_BYTES = 64 * 1024
"""A schema travels with its round through every history."""
MAX_TOGETHER = 20
"""Labels of one set; how many of them may be long, MAX_SET says."""
MAX_SET = 1_000
"""Characters of a powerset label: a shard carries the answers of all its records in one message."""
SEPARATOR = "|"
"""Between the members of a powerset label; no label of such a schema holds it."""
NO_LABELS = "(none)"
"""The powerset label of the empty set; no label of such a schema is called so."""


class Choice(StrEnum):
    """How many labels a record has."""

    SINGLE = "single"
    MULTIPLE = "multiple"


@dataclass(frozen=True, kw_only=True)
class LabelClass:
    label: str
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelSchema:
    name: str
    version: int
    classes: tuple[LabelClass, ...]
    choice: Choice = Choice.SINGLE
    min_labels: int = 1
    """Of an answer; 0 where a record may have none of them."""
    max_labels: int | None = None
    """Of an answer; none for as many as there may be, see `most`."""

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(each.label for each in self.classes)

    @property
    def multiple(self) -> bool:
        return self.choice is Choice.MULTIPLE

    @property
    def most(self) -> int:
        """How many labels an answer may have."""
        if not self.multiple:
            return 1
        return min(self.max_labels or MAX_TOGETHER, MAX_TOGETHER, len(self.classes))

    @property
    def digest(self) -> Sha256:
        return digest(self)

    def check_label(self, label: str, *, schema: str | None = None) -> str:
        """`label` if this schema has it; `schema` is the `name@version` that was meant.

        Raises LabelOfAnotherSchema or UnknownLabel.
        """
        self._check_meant(schema)
        if label not in self.labels:
            raise UnknownLabel(
                f"“{label[:80]}” is not a label of {self.name}@{self.version}",
                hint="the labels are: " + ", ".join(self.labels[:20]),
                label=label,
            )
        return label

    def check_set(self, labels: Collection[str], *, schema: str | None = None) -> tuple[str, ...]:
        """The labels of one answer, each once, in alphabetical order.

        Raises as `check_label` does, and WrongNumberOfLabels.
        """
        self._check_meant(schema)
        members = tuple(sorted(set(labels)))
        for label in members:
            self.check_label(label)
        if not self.min_labels <= len(members) <= self.most:
            raise WrongNumberOfLabels(
                f"{self.name}@{self.version} gives a record {self.how_many}, not {len(members)}",
                hint="choose as many as it asks for",
                min_labels=self.min_labels,
                max_labels=self.most,
            )
        return members

    @property
    def how_many(self) -> str:
        """In words: how many labels an answer has."""
        if self.min_labels == self.most:
            return f"{self.most} label" + ("" if self.most == 1 else "s")
        return f"{self.min_labels} to {self.most} labels"

    def check_known(self, label: str) -> None:
        """Raises as `check_set` does unless `label`, as pools and datasets have it, fits."""
        if self.multiple:
            self.check_set(members_of(label))
        else:
            self.check_label(label)

    def knows(self, label: str) -> bool:
        """Whether `label`, as pools and datasets have it, is made of labels of this schema."""
        return set(self.as_list(label)) <= set(self.labels)

    def as_list(self, label: str) -> tuple[str, ...]:
        """The labels that a record has whose `label` in pools and datasets is this."""
        return members_of(label) if self.multiple else (label,)

    def _check_meant(self, schema: str | None) -> None:
        if schema is not None and schema != f"{self.name}@{self.version}":
            raise LabelOfAnotherSchema(
                f"the label is of schema {schema}; this round uses {self.name}@{self.version}",
                hint="reload the task and answer with its labels",
            )


def powerset_label(labels: Iterable[str]) -> str:
    """A set of labels as one."""
    return SEPARATOR.join(sorted(set(labels))) or NO_LABELS


def members_of(label: str) -> tuple[str, ...]:
    """The set that `powerset_label` wrote down."""
    return () if label == NO_LABELS else tuple(label.split(SEPARATOR))


@dataclass(frozen=True, kw_only=True)
class Counterexample:
    """A content that a label is easily mistaken for, and why it is not that."""

    content: str
    label: str
    """The label that it does not have."""
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """Instructions in Markdown, with contents that show what a label is and what not."""

    name: str
    version: int
    text: str
    examples: tuple[tuple[str, str], ...] = ()
    """Contents, each with its label."""
    counterexamples: tuple[Counterexample, ...] = added(default=())

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
    if schema.multiple:
        _check_multiple(schema)
    elif (schema.min_labels, schema.max_labels) != (1, None):
        raise InvalidSchema(
            "a least and a greatest number of labels belong to a schema of multiple choice",
            hint="let records have several labels (--multiple), or leave the numbers out",
        )
    if len(canonical(schema)) > MAX_SCHEMA_BYTES:
        raise InvalidSchema(
            f"the labels and their meanings take more than {MAX_SCHEMA_BYTES // 1024} KiB",
            hint="say what a label means in a sentence or two; the guideline has room for the rest",
        )
    return schema


def _check_multiple(schema: LabelSchema) -> None:
    labels = schema.labels
    for label in labels:
        if SEPARATOR in label or label == NO_LABELS or label != label.strip():
            raise InvalidSchema(
                f"{label!r} cannot be one of several labels of a record",
                hint=f"leave out “{SEPARATOR}” and spaces at its ends; “{NO_LABELS}” means none",
            )
    greatest = len(labels) if schema.max_labels is None else schema.max_labels
    if not 0 <= schema.min_labels <= schema.most or not 1 <= greatest <= len(labels):
        raise InvalidSchema(
            f"no answer has {schema.min_labels} to {greatest} of {len(labels)} labels",
            hint=f"the least is 0 or more, the greatest at most {min(len(labels), MAX_TOGETHER)}",
        )
    if schema.max_labels is not None and schema.max_labels > MAX_TOGETHER:
        raise InvalidSchema(f"a record has at most {MAX_TOGETHER} labels")
    longest = sorted(map(len, labels), reverse=True)[: schema.most]
    if sum(longest) + len(longest) - 1 > MAX_SET:
        raise InvalidSchema(
            f"the {schema.most} longest labels together take more than {MAX_SET:,} characters",
            hint="shorten the labels, or let a record have fewer of them (--max)",
        )
