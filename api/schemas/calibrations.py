"""Calibration as a new reviewer sees it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.schemas.body import Body, Document
from api.schemas.tasks import LabelChoice, VerdictBody
from domain.ids import RecordId, RoundId
from domain.labels import Choice
from domain.profiles import Standing
from domain.records import ContentKind


@dataclass(frozen=True, kw_only=True)
class CalibrationTask:
    record_id: RecordId
    content_kind: ContentKind
    content: Document
    labels: list[LabelChoice]
    choice: Choice
    min_labels: int
    max_labels: int


@dataclass(frozen=True, kw_only=True)
class CalibrationView:
    round_id: RoundId
    schema: str
    """`name@version`; an answer names it again."""
    guideline: str
    answered: int
    right: int
    wanted: int
    """Answers after which it is decided."""
    standing: Standing
    task: CalibrationTask | None
    """None once it is decided, or when the pool has no further gold record."""


@dataclass(frozen=True, kw_only=True)
class CalibrationResult:
    correct: bool
    expected: list[str]
    """The labels that the record has."""
    calibration: CalibrationView


class CalibrationAnswer(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "record_id": "t-17",
                    "verdict": {"kind": "label", "label": "card_arrival"},
                    "schema": "banking@1",
                }
            ]
        }
    )

    record_id: str = Field(max_length=128)
    verdict: VerdictBody
    label_schema: str = Field(alias="schema", max_length=100)
