"""Gold: records with known answers, mixed in to measure reviewers, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from domain.canonical import Sha256, digest
from domain.errors import InvalidInput
from domain.ids import AccountId, RecordId, ReviewId, RoundId, Timestamp

GOLD_ARM = "gold"
"""What stands in a batch for the arm of such a record: no arm of a policy selected it."""

MAX_SHARE = 0.5
MAX_WINDOW = 1_000
MAX_CALIBRATION = 100


@dataclass(frozen=True, kw_only=True)
class GoldRules:
    """How a round measures its reviewers. By default it does not."""

    share: float = 0.0
    """Of the records that reviewers are given: those with a known answer."""
    floor: float = 0.7
    """The share of right answers below which a reviewer is paused."""
    least: int = 5
    """Answers to gold records before anybody is judged by them."""
    window: int = 20
    """The latest such answers that count."""
    calibrate: int = 0
    """Gold records that somebody new to the label schema answers before they review; 0: none."""


@dataclass(frozen=True, kw_only=True)
class GoldRecord:
    record_id: RecordId
    content_digest: Sha256
    label: str


@dataclass(frozen=True, kw_only=True)
class GoldJudged:
    """An accepted review of a gold record, held against what is known."""

    review_id: ReviewId
    account_id: AccountId
    record_id: RecordId
    correct: bool
    at: Timestamp


@dataclass(frozen=True, kw_only=True)
class Paused:
    """Somebody whose answers are not relied on from now on."""

    account_id: AccountId
    answered: int
    """Known answers that were counted."""
    right: int


def check_gold_rules(rules: GoldRules) -> GoldRules:
    """The rules if they can be followed. Raises InvalidInput."""
    if not 0.0 <= rules.share <= MAX_SHARE:
        raise InvalidInput(f"the share of gold records is a number from 0 to {MAX_SHARE}")
    if not 0.0 <= rules.floor <= 1.0:
        raise InvalidInput("the floor is a share of right answers, from 0 to 1")
    if not 1 <= rules.least <= rules.window <= MAX_WINDOW:
        raise InvalidInput(
            f"at least one answer counts, in a window of at most {MAX_WINDOW:,} that holds as many"
        )
    if not 0 <= rules.calibrate <= MAX_CALIBRATION:
        raise InvalidInput(f"a calibration set has at most {MAX_CALIBRATION} records")
    return rules


def below_floor(answers: Sequence[bool], rules: GoldRules) -> bool:
    """Whether somebody with these answers to gold records, the latest last, is to be paused."""
    counted = answers[-rules.window :]
    return len(counted) >= rules.least and sum(counted) < rules.floor * len(counted)


def passes(answers: Sequence[bool], rules: GoldRules) -> bool | None:
    """Whether a calibration with these answers is passed; none while it goes on."""
    if len(answers) < rules.calibrate:
        return None
    return sum(answers) >= rules.floor * len(answers)


def mixed_in(
    known: Sequence[GoldRecord], *, records: int, share: float, round_id: RoundId
) -> list[tuple[float, GoldRecord]]:
    """Gold records for a batch of `records`, each with its place among 0 … `records`.

    So many that they are `share` of all that reviewers see, or as many as there are: other ones in
    every round, spread evenly, so that nobody can tell by the place.
    """
    wanted = math.ceil(records * share / (1.0 - share)) if share else 0
    shuffled = sorted(known, key=lambda each: digest([round_id, each.record_id]))[:wanted]
    width = records / max(1, len(shuffled))
    return [
        ((place + _fraction(round_id, each.record_id)) * width, each)
        for place, each in enumerate(shuffled)
    ]


def _fraction(round_id: RoundId, record_id: RecordId) -> float:
    return int(digest([round_id, record_id, "place"])[:12], 16) / 16**12
