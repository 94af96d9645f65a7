"""Where the records of a shard stand, and what one run of it hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from domain.canonical import Sha256
from domain.ids import AccountId, RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.labels import LabelSchema
from domain.ledger import GENESIS
from domain.moments import later
from domain.outcomes import Outcome
from domain.reviewing import ReviewRules
from domain.reviews import Verdict


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    ordinal: int
    record_id: RecordId
    lane: int = 0
    """Which of the round's routes it follows: queue and requirements are looked up there."""
    reviews: int | None = None
    """How many people judge it before anybody adjudicates; none: as many as the round says."""
    seconds: float | None = None
    """From the opening of its tasks to its deadline; none: as the round says."""
    expected: str | None = None
    """The right label, where the record is gold: it measures reviewers and settles nothing."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """An accepted answer, as much of it as the rules need."""

    review_id: ReviewId
    account_id: AccountId
    slot_task: TaskId
    verdict: Verdict
    sequence: int
    at: Timestamp
    """When it was accepted, by workflow time."""
    confidence: float | None = None
    corrects: ReviewId | None = None
    """The review of the same person that it took the place of."""


@dataclass(frozen=True, kw_only=True)
class RecordProgress:
    """Where one record stands."""

    record: ShardRecord
    deadline: Timestamp
    open_tasks: tuple[TaskId, ...] = ()
    reviews: tuple[Given, ...] = ()
    """Those that stand: neither taken back nor corrected."""
    adjudication: Given | None = None
    former_reviewers: tuple[AccountId, ...] = ()
    """Who took a review back: they have judged the record, so they do not adjudicate it."""
    former_adjudicators: tuple[AccountId, ...] = ()
    outcome: Outcome | None = None
    reminded: int = 0
    """Reminders that are due no more."""
    escalated: int = 0
    """Steps of the escalation chains that were taken."""

    def reviewed(self, given: Given) -> RecordProgress:
        """With one more review, in a task that was open."""
        return replace(
            self,
            open_tasks=tuple(task for task in self.open_tasks if task != given.slot_task),
            reviews=(*self.reviews, given),
        )

    def corrected(self, before: Given, given: Given) -> RecordProgress:
        """With a review in the place of another."""
        reviews = tuple(given if each is before else each for each in self.reviews)
        return replace(self, reviews=reviews)

    def adjudicated(self, given: Given) -> RecordProgress:
        open_tasks = tuple(task for task in self.open_tasks if task != given.slot_task)
        return replace(self, open_tasks=open_tasks, adjudication=given)

    def taken_back(self, given: Given) -> RecordProgress:
        """Without the answer; its task is open again."""
        progress = replace(self, open_tasks=(*self.open_tasks, given.slot_task))
        if given is self.adjudication:
            former = (*self.former_adjudicators, given.account_id)
            return replace(progress, adjudication=None, former_adjudicators=former)
        return replace(
            progress,
            reviews=tuple(each for each in self.reviews if each is not given),
            former_reviewers=(*self.former_reviewers, given.account_id),
        )


@dataclass(frozen=True, kw_only=True)
class ShardState:
    """All that a run hands to the next one when its history has grown too long."""

    progress: tuple[RecordProgress, ...]
    opened_at: Timestamp
    closed_early: bool = False
    seen: tuple[str, ...] = ()
    """Ids of every message handled so far, so that a repeated one is known as such."""
    refused: int = 0
    answered_by: tuple[AccountId, ...] = ()
    """Everybody whose review or adjudication was ever accepted, sorted."""
    ledger_head: Sha256 = GENESIS
    ledger_length: int = 0


@dataclass(frozen=True, kw_only=True)
class ShardRules:
    """What a round decided beforehand for all its shards."""

    round_id: RoundId
    shard: int
    look: int
    schema: LabelSchema
    reviews_per_record: int
    review_seconds: float
    """From the opening of a record's tasks to its deadline, where its route says nothing else."""
    reviewing: ReviewRules = field(default_factory=ReviewRules)
    policy: str = ""
    """`name@version` that selected the records; empty in rounds of before it was written down."""

    def wanted(self, record: ShardRecord) -> int:
        """How many people judge the record, unless they differ."""
        return self.reviews_per_record if record.reviews is None else record.reviews

    def deadline(self, record: ShardRecord, opened_at: Timestamp) -> Timestamp:
        """When the record is held, unless it is settled or the deadline is moved."""
        seconds = self.review_seconds if record.seconds is None else record.seconds
        return later(opened_at, seconds)
