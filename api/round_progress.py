"""How a round gets on, in figures: the same for its page and for programs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sqrt

from sqlalchemy import Connection

from domain.accounts import Permission
from domain.ids import Timestamp
from domain.rounds import Phase
from storage import progress
from storage.progress import ArmYield, HourOfAnswers, QueueBacklog
from storage.rounds import Round

RECENT = timedelta(hours=6)
"""What counts as the pace of now."""
SHOWN = timedelta(days=3)
ENOUGH = 10
"""Answers without which nothing is said of the pace."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast answers come, and when what waits would be done at that pace."""

    answers: int
    """In the last hours, or since the first answer."""
    hours: float
    per_hour: float
    earliest: Timestamp | None
    latest: Timestamp | None
    """Within what chance makes of so few answers: 95 %, if people go on as they did; none where
    nothing waits, or the pace may as well be nothing."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    queues: list[QueueBacklog]
    hours: list[HourOfAnswers]
    pace: Pace | None
    """None before there are enough answers to tell."""
    median_seconds: float | None
    label_confidence: list[int]
    """Labelled records in ten bins from 0 to 1."""
    labels: dict[str, int]
    """Concluded so far."""
    labels_before: dict[str, int]
    """Of records to train on, and of the dataset's earlier rounds."""
    answer_pairs: list[tuple[str, str, int]]
    """How often two reviewers of one record said this and that, in both orders."""
    arms: list[ArmYield]


def progress_of(connection: Connection, round_: Round, at: datetime) -> Progress:
    round_id = round_.round_id
    queues = progress.backlog_by_queue(connection, round_id, at=at)
    return Progress(
        queues=queues,
        hours=progress.answers_by_hour(connection, round_id, since=at - SHOWN),
        pace=_pace(connection, round_, sum(each.waiting for each in queues), at),
        median_seconds=progress.median_seconds(connection, round_id),
        label_confidence=progress.label_confidence(connection, round_id),
        labels=progress.labels_of_round(connection, round_id),
        labels_before=progress.labels_before(
            connection,
            round_.plan.pool_id,
            round_.plan.dataset,
            before=datetime.fromisoformat(round_.plan.requested_at),
        ),
        answer_pairs=[
            (first, second, n)
            for (first, second), n in progress.pairs_of_answers(connection, round_id).items()
        ],
        arms=progress.yields(connection, round_id),
    )


def _pace(connection: Connection, round_: Round, waiting: int, at: datetime) -> Pace | None:
    if round_.phase is not Phase.REVIEWING:
        return None
    begun = progress.first_opened(connection, round_.round_id)
    if begun is None:
        return None
    since = max(at - RECENT, datetime.fromisoformat(begun))
    answers = progress.answers_since(connection, round_.round_id, since)
    hours = (at - since).total_seconds() / 3_600
    if answers < ENOUGH or hours <= 0:
        return None
    # Answers come as they come: the square root of their number is its spread (Poisson).
    spread = 1.96 * sqrt(answers)

    def done(pace: float) -> Timestamp | None:
        if not waiting or pace <= 0:
            return None
        return Timestamp((at + timedelta(hours=waiting / pace)).isoformat(timespec="minutes"))

    return Pace(
        answers=answers,
        hours=hours,
        per_hour=answers / hours,
        earliest=done((answers + spread) / hours),
        latest=done((answers - spread) / hours),
    )


def is_blind(permissions: Collection[Permission], round_: Round) -> bool:
    """Whether somebody with these permissions may still be asked to judge in the round."""
    judges = {Permission.REVIEW, Permission.ADJUDICATE} & set(permissions)
    return round_.phase is Phase.REVIEWING and bool(judges)


def unsaid(found: Progress) -> Progress:
    """The figures without what others have said, which would sway whoever judges as well."""
    return replace(
        found,
        label_confidence=[0] * len(found.label_confidence),
        labels={},
        answer_pairs=[],
        arms=[],
    )
