"""Notices: what the people of a round, and the programs beside it, are told as it happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from domain.ids import AccountId, Document


class NoticeKind(StrEnum):
    TASK_ASSIGNED = "task.assigned"
    """Somebody was given a task by name."""
    TASK_SKIPPED = "task.skipped"
    """Everybody who may do a task has passed it by."""
    DEADLINE_NEAR = "deadline.near"
    """A reminder: tasks wait and their deadline is coming."""
    ESCALATED = "task.escalated"
    """Tasks waited too long, and others than those who had them are asked."""
    UNROUTABLE = "task.unroutable"
    """Tasks wait for people who qualify, and there are none."""
    REVIEWER_PAUSED = "reviewer.paused"
    """A reviewer's answers to records with known answers fell below the floor."""
    SHARD_CLOSED = "shard.closed"
    OUTCOMES_REACHED = "record.outcomes"
    """Records that a shard has settled, together in one notice."""
    OUTCOMES_WITHDRAWN = "record.outcomes_withdrawn"
    """Answers were taken back, and what followed from them does not hold any more."""
    ROUND_STARTED = "round.started"
    PHASE_ENTERED = "round.phase"
    BATCH_HELD = "round.batch_held"
    APPROVAL_WANTED = "round.approval_wanted"
    DUTIES_OVERRIDDEN = "round.duties_overridden"
    """Somebody broke the glass: decided against the separation of duties, in an emergency."""
    DATASET_PUBLISHED = "dataset.published"
    MODEL_EVALUATED = "model.evaluated"
    ROUND_ENDED = "round.ended"
    WEBHOOK_PAUSED = "webhook.paused"
    """A webhook's own server said that nobody listens there any more, or its secret is lost."""
    WEBHOOK_DEAD_LETTER = "webhook.dead_letter"
    """An event was tried as often as is reasonable, and reached nobody."""
    WEBHOOK_TEST = "webhook.test"


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who is told: everybody whom one of these names."""

    accounts: tuple[AccountId, ...] = ()
    roles: tuple[str, ...] = ()
    lanes: tuple[int, ...] = ()
    """Lanes of the round: those who may do their tasks."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that happened in a round, as a workflow or an activity says it."""

    notice_id: str
    """The same for the same occurrence, so that saying it twice tells it once."""
    kind: NoticeKind
    audience: Audience
    subject: str
    """A record, a task, a shard or the round."""
    text: str
    """One sentence for a person."""
    detail: Document = field(default_factory=dict)
