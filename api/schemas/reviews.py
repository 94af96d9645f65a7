"""What people have answered: many answers at once, and the last ones."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.schemas.body import Body, Document
from api.schemas.tasks import AnswerBody, LabelChoice, Receipt
from domain.ids import RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.records import ContentKind
from domain.reviews import Verdict
from domain.tasks import ReviewStatus, TaskKind
from storage.reviews import Review

MAX_BULK = 100


class BulkAnswer(AnswerBody):
    """An answer, and the task that it answers."""

    task_id: str = Field(max_length=300)

    @property
    def answer(self) -> AnswerBody:
        """As it would be sent to the task's own address: under the same id it is the same."""
        said = self.model_dump(by_alias=True, exclude={"task_id"})
        return AnswerBody.model_validate(said)


class BulkBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "answers": [
                        {
                            "task_id": "support-mail-20260101-k2v7q4.0.17.review-1",
                            "review_id": "0b9f8a1e-3c55-4f0b-9d1c-6a0c5f4e2d10",
                            "verdict": {"kind": "label", "label": "card_arrival"},
                            "schema": "banking@1",
                            "guideline": "banking@1",
                        }
                    ]
                }
            ]
        }
    )

    answers: list[Document] = Field(min_length=1, max_length=MAX_BULK)
    """Each is the body of `POST /api/v1/tasks/{task_id}/review` with its `task_id`; one that is
    none of that is a problem of its own."""


@dataclass(frozen=True, kw_only=True)
class BulkResult:
    status: int
    """202, or the problem's."""
    receipt: Receipt | None = None
    problem: Document | None = None

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> BulkResult:
        return cls(status=202, receipt=receipt)

    @classmethod
    def of_problem(cls, problem: Document) -> BulkResult:
        return cls(status=problem["status"], problem=problem)


@dataclass(frozen=True, kw_only=True)
class BulkResults:
    results: list[BulkResult]
    """One for each answer, in their order."""


@dataclass(frozen=True, kw_only=True)
class Undone:
    """Temporal has the request: the shard takes the answer back, or writes down why it stands."""

    review_id: ReviewId
    task_id: TaskId
    received_at: Timestamp


@dataclass(frozen=True, kw_only=True)
class MyReview:
    review_id: ReviewId
    task_id: TaskId
    round_id: RoundId
    record_id: RecordId
    kind: TaskKind
    verdict: Verdict
    answer: str
    confidence: float | None
    rationale: str
    status: ReviewStatus
    refusal: str
    corrects: ReviewId | None
    decided_at: Timestamp
    undo_until: Timestamp | None
    """Until then it may be taken back; none when it may not."""

    @classmethod
    def of(cls, review: Review, *, undo_until: Timestamp | None) -> MyReview:
        """An answer as whoever gave it sees it."""
        return cls(
            review_id=review.review_id,
            task_id=review.task_id,
            round_id=review.round_id,
            record_id=review.record_id,
            kind=review.kind,
            verdict=review.verdict,
            answer=review.answer,
            confidence=review.confidence,
            rationale=review.rationale,
            status=review.status,
            refusal=review.refusal,
            corrects=review.corrects,
            decided_at=review.decided_at,
            undo_until=undo_until,
        )


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Why a record is in its round's batch."""

    arm: str
    reason: str
    score: float | None
    propensity: float | None
    """Probability that a uniform draw would have included the record; random arm only."""


@dataclass(frozen=True, kw_only=True)
class MyReviewInFull:
    """An answer of yours with what it was given to, and why that was chosen."""

    review_id: ReviewId
    verdict: Verdict
    content_kind: ContentKind
    content: Document
    metadata: Document
    schema: str
    guideline: str
    labels: list[LabelChoice]
    correctable: bool
    """Whether another label can take the place of this one."""
    mixed: bool
    """Whether known answers are mixed in, so that nothing is said of why."""
    chosen: Chosen | None
    """None while the record is yours to answer again, and in rounds with known answers."""
