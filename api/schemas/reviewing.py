"""The rules of reviewing, as a request for a round gives them."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.schemas.body import Body
from domain.errors import InvalidReviewRules
from domain.ids import AccountId
from domain.reviewing import Escalation, ReviewRules, check_review_rules
from domain.reviews import VerdictKind

MAX_NAMED = 100


class EscalationBody(Body):
    after_hours: float
    """From the opening of the record's first tasks."""
    roles: list[str] = Field(default_factory=list, max_length=MAX_NAMED)
    accounts: list[str] = Field(default_factory=list, max_length=MAX_NAMED)
    """Account ids."""
    every_hours: float | None = None
    times: int = 1
    raises: int = 1
    """What each time adds to the priority of the record's tasks."""


class ReviewingBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "min_confidence": 0.7,
                    "extra_reviews": 1,
                    "rationale_for": ["exclude", "escalate"],
                    "undo_seconds": 60,
                    "remind_at": [0.5, 0.9],
                    "escalations": [
                        {"after_hours": 48, "roles": ["requester"], "every_hours": 24, "times": 3}
                    ],
                }
            ]
        }
    )

    min_confidence: float = ReviewRules.min_confidence
    """People who agree, but are less sure than this on average, are adjudicated."""
    extra_reviews: int = ReviewRules.extra_reviews
    """How many more people are asked before differing reviewers are adjudicated."""
    rationale_for: list[VerdictKind] = Field(default_factory=list, max_length=len(VerdictKind))
    """Verdicts that need a reason; an adjudication always does."""
    undo_seconds: float = ReviewRules.undo_seconds
    """How long an answer may be taken back; 0: never."""
    remind_at: list[float] = Field(default_factory=list, max_length=MAX_NAMED)
    """Shares of the time to the deadline at which reviewers are reminded."""
    escalations: list[EscalationBody] = Field(default_factory=list, max_length=MAX_NAMED)
    suggestions: bool = ReviewRules.suggestions
    """Whether a reviewer may ask what the model says; their answer notes that they have."""

    @property
    def rules(self) -> ReviewRules:
        """Raises InvalidReviewRules."""
        given = dict.fromkeys(self.rationale_for)
        if len(given) < len(self.rationale_for):
            raise InvalidReviewRules("rationale_for names each kind of verdict once")
        return check_review_rules(
            ReviewRules(
                min_confidence=self.min_confidence,
                extra_reviews=self.extra_reviews,
                rationale_for=tuple(given),
                undo_seconds=self.undo_seconds,
                remind_at=tuple(self.remind_at),
                suggestions=self.suggestions,
                escalations=tuple(
                    Escalation(
                        after_hours=each.after_hours,
                        roles=tuple(each.roles),
                        accounts=tuple(AccountId(account) for account in each.accounts),
                        every_hours=each.every_hours,
                        times=each.times,
                        raises=each.raises,
                    )
                    for each in self.escalations
                ),
            )
        )
