"""Tasks as reviewers see them, and the answers that they send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import UUID4, ConfigDict, Field

from api.schemas.body import Body, Document
from domain.canonical import Sha256, digest
from domain.ids import PoolId, RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.labels import MAX_LABELS, MAX_SET, Choice
from domain.records import ContentKind
from domain.reviews import MAX_RATIONALE, MAX_SECONDS, ExclusionReason, Verdict, VerdictKind
from domain.tasks import TaskKind

MAX_SKIPPED = 100


@dataclass(frozen=True, kw_only=True)
class LabelChoice:
    label: str
    meaning: str
    key: str | None
    """The key that gives this label: 1 to 9, then 0, none for those after the tenth. Labels that
    are digits have themselves as keys."""


@dataclass(frozen=True, kw_only=True)
class MaskedReview:
    """A review as its adjudicator sees it: what was said, not who said it."""

    reviewer: str
    """`Reviewer A`, `Reviewer B`, … in no order that names anybody."""
    verdict: Verdict
    answer: str
    confidence: float | None
    rationale: str
    seconds: float
    """That they looked at the record."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    done: int
    """Answers of yours in this round that were accepted."""


@dataclass(frozen=True, kw_only=True)
class TaskView:
    task_id: TaskId
    kind: TaskKind
    round_id: RoundId
    pool: PoolId
    record_id: RecordId
    content_kind: ContentKind
    content: Document
    metadata: Document
    schema: str
    """`name@version`; an answer names it again."""
    labels: list[LabelChoice]
    choice: Choice
    """`multiple`: an answer lists from `min_labels` to `max_labels` labels."""
    min_labels: int
    max_labels: int
    guideline: str
    """`name@version`: GET /api/v1/guidelines/{name}/{version}."""
    lease_until: Timestamp | None
    deadline: Timestamp | None
    progress: Progress
    shown: Sha256
    """Digest of what this task shows: sent back with an answer, it is checked and signed."""
    rationale_for: list[VerdictKind]
    """Verdicts that are not taken without a reason."""
    undo_seconds: float
    """How long an answer may be taken back after it was counted."""
    may_reveal: bool = False
    """Whether the round lets you ask what the model says: POST …/suggestion."""
    reviews: list[MaskedReview] = field(default_factory=list)
    """Of an adjudication only: reviewers do not see each other's answers."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What the model says of the record; an answer from now on notes that it was seen."""

    suggestion: str | None
    shown: Sha256
    """What the task shows with it: sent back with the answer."""


@dataclass(frozen=True, kw_only=True)
class SimilarRecord:
    """A record with a label, which resembles the task's."""

    record_id: RecordId
    content: Document
    label: str
    similarity: float
    """From 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class SimilarRecords:
    records: list[SimilarRecord]
    """The most alike first."""
    why: Literal["nothing_labelled", "nothing_alike"] | None = None
    """Why there are none."""


Why = Literal[
    "nothing_open",
    "all_leased",
    "not_qualified",
    "all_skipped",
    "calibration_wanted",
    "paused",
    "away",
    "capacity_reached",
]


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A task, or why there is none."""

    task: TaskView | None
    why: Why | None = None
    detail: str = ""
    next_at: Timestamp | None = None
    """When a task that somebody holds may come back, if they stay away."""
    calibrate: RoundId | None = None
    """The round whose calibration set comes first: GET /api/v1/calibrations/{round}."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    task_id: TaskId
    lease_until: Timestamp


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Counts end at 100, which stands for 100 or more."""

    claimable: int
    """Records with a task that you could take now, in all rounds."""
    barred: int
    """Open, but you already have a part in the record."""
    claimed_by_others: int
    next_at: Timestamp | None
    unqualified: list[str]
    """What tasks that you are not offered need and your profile does not say you bring."""
    mine: list[TaskId]
    """What you hold now."""
    done: int
    """Answers of yours that were accepted, in all rounds."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Temporal has the answer: it is in the round's history and cannot be lost."""

    review_id: ReviewId
    task_id: TaskId
    received_at: Timestamp


class ClaimBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"kinds": ["review"], "skip": []}]})

    kinds: list[TaskKind] | None = None
    """Left out: every kind that your roles allow."""
    round: str | None = None
    queue: str | None = Field(default=None, max_length=63)
    """Only from this queue."""
    skip: list[str] = Field(default_factory=list, max_length=MAX_SKIPPED)
    """Tasks not to be given: the one on the screen while the next is fetched, those put off."""


class GapBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "It says nothing of closed accounts."}]}
    )

    note: str = Field(default="", max_length=MAX_RATIONALE)
    """What the guideline leaves open."""


class VerdictBody(Body):
    kind: VerdictKind
    label: str | None = Field(default=None, max_length=MAX_SET)
    """Where a record has one label."""
    labels: list[str] = Field(default_factory=list, max_length=MAX_LABELS)
    """Where it may have several: all that it has."""
    between: list[str] = Field(default_factory=list, max_length=500)
    exclusion: ExclusionReason | None = None

    @property
    def verdict(self) -> Verdict:
        return Verdict(
            kind=self.kind,
            label=self.label,
            labels=tuple(self.labels),
            between=tuple(self.between),
            exclusion=self.exclusion,
        )


class AnswerBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "review_id": "0b9f8a1e-3c55-4f0b-9d1c-6a0c5f4e2d10",
                    "verdict": {"kind": "label", "label": "card_arrival"},
                    "schema": "banking@1",
                    "guideline": "banking@1",
                    "confidence": 0.9,
                    "rationale": "",
                    "seconds": 4.2,
                }
            ]
        }
    )

    review_id: UUID4
    """Made by the client. Sent again with the same body, it gets the same receipt."""
    verdict: VerdictBody
    label_schema: str = Field(alias="schema", max_length=100)
    guideline: str = Field(max_length=100)
    confidence: float | None = Field(default=None, ge=0.0, le=1.0)
    rationale: str = Field(default="", max_length=MAX_RATIONALE)
    seconds: float = Field(default=0.0, ge=0.0, le=MAX_SECONDS)
    shown: Sha256 | None = Field(default=None, max_length=64)
    """`shown` of the task that was judged. Left out, it is taken for what the task shows now."""

    @property
    def digest(self) -> Sha256:
        """Of all that was said: the same review id must not come with anything else."""
        said = self.model_dump(mode="json", by_alias=True)
        if self.shown is None:
            del said["shown"]  # an answer that was sent before there was this is still the same
        return digest(said)
