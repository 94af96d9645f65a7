"""Label schemas and guidelines."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.schemas.body import Body, Name
from domain.canonical import Sha256
from domain.labels import (
    MAX_LABELS,
    MAX_TOGETHER,
    Choice,
    Counterexample,
    Guideline,
    LabelClass,
    LabelSchema,
)

MAX_GUIDELINE = 200_000


@dataclass(frozen=True, kw_only=True)
class ClassView:
    label: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class SchemaView:
    name: str
    version: int
    digest: Sha256
    classes: list[ClassView]
    choice: Choice
    """`single`: a record has one label; `multiple`: a set of them."""
    min_labels: int
    max_labels: int

    @classmethod
    def of(cls, schema: LabelSchema) -> SchemaView:
        return cls(
            name=schema.name,
            version=schema.version,
            digest=schema.digest,
            classes=[ClassView(label=each.label, meaning=each.meaning) for each in schema.classes],
            choice=schema.choice,
            min_labels=schema.min_labels,
            max_labels=schema.most,
        )


@dataclass(frozen=True, kw_only=True)
class ExampleView:
    content: str
    label: str


@dataclass(frozen=True, kw_only=True)
class CounterexampleView:
    content: str
    label: str
    """The label that it does not have."""
    because: str


@dataclass(frozen=True, kw_only=True)
class GuidelineView:
    name: str
    version: int
    digest: Sha256
    text: str
    """Markdown."""
    examples: list[ExampleView]
    counterexamples: list[CounterexampleView]

    @classmethod
    def of(cls, guideline: Guideline) -> GuidelineView:
        return cls(
            name=guideline.name,
            version=guideline.version,
            digest=guideline.digest,
            text=guideline.text,
            examples=[
                ExampleView(content=content, label=label) for content, label in guideline.examples
            ],
            counterexamples=[
                CounterexampleView(content=each.content, label=each.label, because=each.because)
                for each in guideline.counterexamples
            ],
        )


class ClassBody(Body):
    label: str = Field(min_length=1, max_length=200)
    meaning: str = Field(default="", max_length=2_000)


class SchemaBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "banking",
                    "classes": [
                        {"label": "card_arrival", "meaning": "Where is my new card?"},
                        {"label": "lost_card", "meaning": "My card is lost or stolen."},
                    ],
                }
            ]
        }
    )

    name: Name
    classes: list[ClassBody] = Field(max_length=MAX_LABELS)
    choice: Choice = Choice.SINGLE
    """`multiple` lets a record have several labels."""
    min_labels: int = Field(default=1, ge=0, le=MAX_TOGETHER)
    """With `multiple`: the fewest of an answer; 0 where a record may have none of them."""
    max_labels: int | None = Field(default=None, ge=1, le=MAX_TOGETHER)
    """With `multiple`: the most of an answer; left out: all, 20 at the most."""

    @property
    def schema_wanted(self) -> LabelSchema:
        classes = tuple(LabelClass(label=each.label, meaning=each.meaning) for each in self.classes)
        return LabelSchema(
            name=self.name,
            version=1,
            classes=classes,
            choice=self.choice,
            min_labels=self.min_labels,
            max_labels=self.max_labels,
        )


class ExampleBody(Body):
    content: str = Field(min_length=1, max_length=10_000)
    label: str = Field(min_length=1, max_length=200)


class CounterexampleBody(ExampleBody):
    """A content that does not have the label, though it may look so."""

    because: str = Field(default="", max_length=2_000)


class GuidelineBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "banking",
                    "text": "Choose the label that the customer would choose.",
                    "examples": [{"content": "I cannot find my card", "label": "lost_card"}],
                    "counterexamples": [
                        {
                            "content": "My card has not arrived",
                            "label": "lost_card",
                            "because": "It was never there to be lost.",
                        }
                    ],
                }
            ]
        }
    )

    name: Name
    text: str = Field(max_length=MAX_GUIDELINE)
    examples: list[ExampleBody] = Field(default_factory=list, max_length=500)
    counterexamples: list[CounterexampleBody] = Field(default_factory=list, max_length=500)

    @property
    def guideline(self) -> Guideline:
        return Guideline(
            name=self.name,
            version=1,
            text=self.text,
            examples=tuple((each.content, each.label) for each in self.examples),
            counterexamples=tuple(
                Counterexample(content=each.content, label=each.label, because=each.because)
                for each in self.counterexamples
            ),
        )
