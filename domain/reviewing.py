"""The rules of reviewing: when people have agreed, what must be explained, and when to remind whom.

A round pins them in its plan. Left alone, they ask nothing but a reason of adjudicators, and let
people take an answer back for a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.accounts import Role
from domain.canonical import added
from domain.errors import InvalidReviewRules, RationaleRequired
from domain.ids import AccountId
from domain.reviews import Verdict, VerdictKind
from domain.tasks import TaskKind

MAX_EXTRA_REVIEWS = 5
MAX_UNDO_SECONDS = 3_600.0
"""A shard stays open for as long after its last answer."""
MAX_REMINDERS = 10
MAX_ESCALATIONS = 10
MAX_TIMES = 50
MAX_RAISE = 1_000
MAX_HOURS = 24.0 * 366


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Others are told of records that nobody has settled, and their tasks come earlier in line."""

    after_hours: float
    """From the opening of the record's first tasks."""
    roles: tuple[str, ...] = ()
    accounts: tuple[AccountId, ...] = ()
    every_hours: float | None = None
    """And then again at this interval, `times` in all; none: once."""
    times: int = 1
    raises: int = 1
    """What each time adds to the priority of the record's tasks."""


@dataclass(frozen=True, kw_only=True)
class ReviewRules:
    min_confidence: float = 0.0
    """People who agree, but are less sure than this on average, are not enough: an adjudicator
    decides. Whoever does not say how sure they are is left out of the average."""
    extra_reviews: int = 0
    """How many more people are asked, one after another, before differing reviewers are
    adjudicated."""
    rationale_for: tuple[VerdictKind, ...] = ()
    """Verdicts that need a reason in words; an adjudication always does."""
    undo_seconds: float = 60.0
    """How long an answer may be taken back; 0: never."""
    remind_at: tuple[float, ...] = ()
    """Shares of the time to the deadline, ascending: those who may do the open tasks are told."""
    escalations: tuple[Escalation, ...] = ()
    suggestions: bool = added(default=False)
    """Whether a reviewer may ask what the model says before they answer; it is noted that they
    have."""


def check_review_rules(rules: ReviewRules) -> ReviewRules:
    """The rules if they can be kept. Raises InvalidReviewRules with what is wrong."""
    if not 0.0 <= rules.min_confidence <= 1.0:
        raise InvalidReviewRules("min_confidence is a number from 0 to 1")
    if not 0 <= rules.extra_reviews <= MAX_EXTRA_REVIEWS:
        raise InvalidReviewRules(f"extra_reviews is a number from 0 to {MAX_EXTRA_REVIEWS}")
    if not 0.0 <= rules.undo_seconds <= MAX_UNDO_SECONDS:
        raise InvalidReviewRules(f"undo_seconds is a number from 0 to {MAX_UNDO_SECONDS:,.0f}")
    if len(rules.remind_at) > MAX_REMINDERS:
        raise InvalidReviewRules(f"remind_at names {MAX_REMINDERS} moments at the most")
    if not all(0.0 < share < 1.0 for share in rules.remind_at):
        raise InvalidReviewRules(
            "remind_at holds shares of the time to the deadline: more than 0, less than 1",
            hint="0.5 is half-way, 0.9 shortly before the end",
        )
    if list(rules.remind_at) != sorted(set(rules.remind_at)):
        raise InvalidReviewRules("remind_at goes from early to late, each moment once")
    if len(rules.escalations) > MAX_ESCALATIONS:
        raise InvalidReviewRules(f"there are {MAX_ESCALATIONS} escalations at the most")
    for place, escalation in enumerate(rules.escalations, 1):
        _check_escalation(escalation, f"escalation {place}")
    return rules


def check_rationale(
    kind: TaskKind, verdict: Verdict, rationale: str, *, rules: ReviewRules
) -> None:
    """Raises RationaleRequired where a reason has to be given and is not."""
    if rationale.strip():
        return
    if kind is TaskKind.ADJUDICATION:
        raise RationaleRequired(
            "an adjudication needs a reason", hint="say in `rationale` why you decide so"
        )
    if verdict.kind in rules.rationale_for:
        raise RationaleRequired(
            f"this round wants a reason with each verdict of kind {verdict.kind}",
            hint="say why in `rationale`",
        )


def _check_escalation(escalation: Escalation, named: str) -> None:
    if not 0.0 < escalation.after_hours <= MAX_HOURS:
        raise InvalidReviewRules(f"{named}: after_hours is more than 0, and a year at the most")
    if not (escalation.roles or escalation.accounts):
        raise InvalidReviewRules(
            f"{named} is to nobody", hint="name `roles` or `accounts` that are told"
        )
    unknown = sorted(set(escalation.roles) - {role.value for role in Role})
    if unknown:
        raise InvalidReviewRules(
            f"{named}: there is no role {', '.join(unknown)}",
            hint="the roles are " + ", ".join(Role),
        )
    if not 1 <= escalation.times <= MAX_TIMES:
        raise InvalidReviewRules(f"{named}: times is a number from 1 to {MAX_TIMES}")
    if (escalation.every_hours is not None) != (escalation.times > 1):
        raise InvalidReviewRules(
            f"{named}: every_hours and times say together how often it is repeated",
            hint="give both, with times above 1, or neither",
        )
    if escalation.every_hours is not None and not 0.0 < escalation.every_hours <= MAX_HOURS:
        raise InvalidReviewRules(f"{named}: every_hours is more than 0, and a year at the most")
    if not 0 <= escalation.raises <= MAX_RAISE:
        raise InvalidReviewRules(f"{named}: raises is a number from 0 to {MAX_RAISE:,}")
