"""What a round concludes for a record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.ids import RecordId
from domain.reviews import Verdict


class How(StrEnum):
    AGREEMENT = "agreement"
    ADJUDICATION = "adjudication"
    DEADLINE = "deadline"
    """Nobody settled it in time; the record is held."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    record_id: RecordId
    verdict: Verdict | None
    """None when the deadline passed without one."""
    how: How
    label_confidence: float | None
    """Share of the people who judged the record that gave this verdict."""
    reviews: int
    look: int = 1
    """1 for the first look at the record in this round, 2 after a first rejection, and so on."""
