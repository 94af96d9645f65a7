"""What a shard has people told of itself: that time runs out, and that nobody settles a record."""

from __future__ import annotations

from collections.abc import Sequence

from domain.accounts import Role
from domain.directing import DirectedTask
from domain.gold import Paused
from domain.ids import RoundId
from domain.notices import Audience, Notice, NoticeKind
from domain.progress import RecordProgress, ShardRules
from domain.records import Json
from domain.schedule import Step

LEADS = (Role.REQUESTER.value, Role.ADMIN.value)
"""Those who run rounds."""

MAX_REASONS = 5
"""Of those for which people have skipped a task, as many as a person reads."""


def reminder(records: Sequence[RecordProgress], rules: ShardRules, *, sequence: int) -> Notice:
    """To those who may do the records' tasks; `sequence` is that of the decision to remind."""
    deadline = min(each.deadline for each in records)
    return Notice(
        notice_id=_notice_id(rules.round_id, rules.shard, sequence),
        kind=NoticeKind.DEADLINE_NEAR,
        audience=Audience(lanes=tuple(sorted({each.record.lane for each in records}))),
        subject=f"shard {rules.shard}",
        text=f"{_counted(len(records))} of round {rules.round_id} still to be judged, "
        f"until {_minute(deadline)}.",
        detail={"records": len(records), "deadline": deadline},
    )


def escalation(
    step: Step, records: Sequence[RecordProgress], rules: ShardRules, *, sequence: int
) -> Notice:
    """To whomever the rules name; `sequence` is that of the decision to escalate."""
    hours = step.seconds / 3600.0
    deadline = min(each.deadline for each in records)
    detail: dict[str, Json] = {"records": len(records), "hours": hours, "deadline": deadline}
    return Notice(
        notice_id=_notice_id(rules.round_id, rules.shard, sequence),
        kind=NoticeKind.ESCALATED,
        audience=Audience(accounts=step.escalation.accounts, roles=step.escalation.roles),
        subject=f"shard {rules.shard}",
        text=f"{_counted(len(records))} of round {rules.round_id} unsettled after {hours:g} hours; "
        f"the deadline is {_minute(deadline)}.",
        detail=detail,
    )


def pause(paused: Paused, rules: ShardRules, *, sequence: int) -> Notice:
    """To those who run rounds; `sequence` is that of the decision that wrote it down."""
    return Notice(
        notice_id=_notice_id(rules.round_id, rules.shard, sequence),
        kind=NoticeKind.REVIEWER_PAUSED,
        audience=Audience(roles=LEADS),
        subject=paused.account_id,
        text=f"A reviewer of round {rules.round_id} is paused: {paused.right} of their last "
        f"{paused.answered} known answers were right.",
        detail={
            "account_id": paused.account_id,
            "answered": paused.answered,
            "right": paused.right,
            "schema": rules.schema.name,
        },
    )


def assignment(directed: DirectedTask) -> Notice:
    """To the person whom a task was given to by name."""
    message = directed.message
    delegate = message.to_account
    return Notice(
        notice_id=f"assigned/{message.request_id}",
        kind=NoticeKind.TASK_ASSIGNED,
        audience=Audience(accounts=(delegate,) if delegate else ()),
        subject=message.task_id,
        text=f"{message.actor.name} gave you a task of round {message.round_id}, record "
        f"{message.record_id}: “{message.reason}”.",
        detail={
            "account_id": delegate,
            "task_id": message.task_id,
            "record_id": message.record_id,
        },
    )


def passed_by(directed: DirectedTask, reasons: Sequence[str]) -> Notice:
    """To those who run rounds: nobody is left who may do the task and has not skipped it."""
    message = directed.message
    said = ", ".join(f"“{reason}”" for reason in list(dict.fromkeys(reasons))[:MAX_REASONS])
    return Notice(
        notice_id=f"skipped/{message.task_id}",
        kind=NoticeKind.TASK_SKIPPED,
        audience=Audience(roles=LEADS),
        subject=message.task_id,
        text=f"Everybody who may do a task of round {message.round_id}, record "
        f"{message.record_id}, has skipped it: {said}.",
        detail={
            "task_id": message.task_id,
            "record_id": message.record_id,
            "skips": len(reasons),
        },
    )


def _notice_id(round_id: RoundId, shard: int, sequence: int) -> str:
    return f"{round_id}.{shard}.{sequence}"


def _counted(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records"


def _minute(moment: str) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC"
