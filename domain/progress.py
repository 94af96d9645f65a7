"""Where the records of a shard stand, and what one run of it hands to the next."""

from __future__ import annotations

from dataclasses import dataclass

from domain.canonical import Sha256
from domain.ids import AccountId, RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.labels import LabelSchema
from domain.ledger import GENESIS
from domain.outcomes import Outcome
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


@dataclass(frozen=True, kw_only=True)
class Given:
    """An accepted review, as much of it as the rules need."""

    review_id: ReviewId
    account_id: AccountId
    slot_task: TaskId
    verdict: Verdict
    sequence: int


@dataclass(frozen=True, kw_only=True)
class RecordProgress:
    """Where one record stands."""

    record: ShardRecord
    open_tasks: tuple[TaskId, ...] = ()
    reviews: tuple[Given, ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class ShardState:
    """All that a run hands to the next one when its history has grown too long."""

    progress: tuple[RecordProgress, ...]
    deadline: Timestamp
    seen: tuple[str, ...] = ()
    """Ids of every message handled so far, so that a repeated one is known as such."""
    refused: int = 0
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
