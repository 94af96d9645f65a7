"""Whether what somebody decides about a task, besides answering it, is taken."""

from __future__ import annotations

from datetime import datetime

from domain.accounts import check_adjudicator
from domain.admission import Refused, tasks_of
from domain.directing import Direction, TaskDirected
from domain.errors import LabelwrightError
from domain.ids import AccountId, Timestamp
from domain.progress import RecordProgress, ShardRules
from domain.tasks import TaskKind

MAX_LANE = 1_000_000
"""More than any round has; what is beyond fits in no column."""


def check_direction(
    progress: RecordProgress, message: TaskDirected, rules: ShardRules, at: Timestamp
) -> None:
    """Raises Refused where the task stays as it is.

    Who may direct it, and whether whoever is given it qualifies, is known outside of a shard alone.
    """
    if not message.reason.strip():
        raise Refused("a task is not directed without a reason")
    if not any(message.task_id in tasks_of(progress, kind, rules) for kind in TaskKind):
        raise Refused("the task is none of this record")
    if progress.outcome is not None:
        raise Refused("late: the record is settled")
    if at >= progress.deadline:
        raise Refused("late: the deadline of the record has passed")
    if message.task_id not in progress.open_tasks:
        raise Refused("the task is not open")
    _check_whole(message)
    if message.to_account is not None:
        _check_delegate(progress, message, message.to_account, rules)
    if message.to_lane is not None and not 0 <= message.to_lane <= MAX_LANE:
        raise Refused("there is no such lane")
    if message.until is not None:
        _check_until(progress, message.until, at)


def _check_whole(message: TaskDirected) -> None:
    """Raises Refused unless it says what its direction needs, and nothing else."""
    said = (message.to_account is not None, message.to_lane is not None, message.until is not None)
    wanted = (
        message.direction is Direction.DELEGATE,
        message.direction is Direction.FORWARD,
        message.direction is Direction.SUSPEND,
    )
    if said != wanted or said[1] != (message.to_queue is not None):
        raise Refused(
            "delegate names an account, forward a lane and its queue, suspend a time, "
            "and nothing else does"
        )


def _check_delegate(
    progress: RecordProgress, message: TaskDirected, delegate: AccountId, rules: ShardRules
) -> None:
    """Raises Refused where the delegate has a part in the record that stands against it."""
    reviewers = [given.account_id for given in progress.reviews]
    if message.task_id in tasks_of(progress, TaskKind.ADJUDICATION, rules):
        try:
            check_adjudicator(delegate, reviewers=[*reviewers, *progress.former_reviewers])
        except LabelwrightError:
            raise Refused("who has reviewed the record does not adjudicate it") from None
    elif delegate in progress.former_adjudicators:
        raise Refused("who has adjudicated the record does not review it")
    elif delegate in reviewers:
        raise Refused("this reviewer has already reviewed the record")


def _check_until(progress: RecordProgress, until: Timestamp, at: Timestamp) -> None:
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        raise Refused("until is no time") from None
    if moment.tzinfo is None:
        raise Refused("until has no time zone")
    first, last = datetime.fromisoformat(at), datetime.fromisoformat(progress.deadline)
    if not first < moment < last:
        raise Refused("a task is suspended until a time between now and the record's deadline")
