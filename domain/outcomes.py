"""What a round concludes for a record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.ids import RecordId
from domain.reviews import Verdict


class How(StrEnum):
    AGREEMENT = "agreement"
    """All who judged it gave the same answer."""
    CONSENSUS = "consensus"
    """Reviewers differed, and of those who were asked besides enough agreed."""
    ADJUDICATION = "adjudication"
    DEADLINE = "deadline"
    """Nobody settled it in time; the record is held."""
    CLOSED_EARLY = "closed_early"
    """Reviewing was ended before anybody had settled it; the record is held."""
    WITHDRAWN = "withdrawn"
    """A lead wanted no answer any more; the record is held."""
    GOLD = "gold"
    """Its answer was known: it has measured its reviewers, and is no part of the dataset."""


HELD = frozenset({How.DEADLINE, How.CLOSED_EARLY, How.WITHDRAWN})
"""Nobody has settled the record, and nobody will."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    record_id: RecordId
    verdict: Verdict | None
    """None for a record that is held, and for gold."""
    how: How
    label_confidence: float | None
    """Share of the people who judged the record that gave this verdict."""
    reviews: int
    look: int = 1
    """1 for the first look at the record in this round, 2 after a first rejection, and so on."""
