"""A task as whoever works on it sees it: its record, its labels, and what an adjudicator weighs."""

from __future__ import annotations

import string
from collections.abc import Sequence

from sqlalchemy import Connection

from api.authentication import Caller
from api.schemas.tasks import LabelChoice, MaskedReview, Progress, TaskView
from domain.canonical import digest
from domain.errors import NotFound
from domain.ids import TaskId
from domain.labels import LabelSchema
from domain.reviewing import ReviewRules
from domain.reviews import VerdictKind
from domain.tasks import ReviewStatus, TaskKind
from storage import reviews, tasks
from storage.shown import shown_by

KEYS = "1234567890"


def held_view(connection: Connection, task_id: TaskId, caller: Caller) -> TaskView:
    """The task as its holder sees it; for everybody else there is none. Raises NotFound."""
    return view_of(connection, detail_for_holder(connection, task_id, caller), caller)


def detail_for_holder(connection: Connection, task_id: TaskId, caller: Caller) -> tasks.TaskDetail:
    """The task with its record, for its holder. Raises NotFound."""
    detail = tasks.get_task(connection, task_id)
    if detail.task.holder != caller.account_id:
        raise NotFound("no such task", task_id=task_id)
    return detail


def view_of(connection: Connection, detail: tasks.TaskDetail, caller: Caller) -> TaskView:
    """The task as whoever works on it sees it."""
    task, plan = detail.task, detail.plan
    return TaskView(
        task_id=task.task_id,
        kind=task.kind,
        round_id=task.round_id,
        pool=task.pool_id,
        record_id=task.record_id,
        content_kind=plan.kind,
        content=detail.content,
        metadata=detail.metadata,
        schema=f"{plan.schema.name}@{plan.schema.version}",
        labels=choices(plan.schema),
        choice=plan.schema.choice,
        min_labels=plan.schema.min_labels,
        max_labels=plan.schema.most,
        guideline=plan.guideline,
        lease_until=task.lease_until,
        deadline=task.deadline,
        progress=Progress(
            done=reviews.count_accepted(connection, caller.account_id, round_id=task.round_id),
        ),
        shown=shown_by(connection, task, caller.account_id).digest,
        rationale_for=_explained(task.kind, plan.reviewing),
        undo_seconds=plan.reviewing.undo_seconds,
        may_reveal=plan.reviewing.suggestions and task.kind is TaskKind.REVIEW,
        reviews=_masked(connection, task) if task.kind is TaskKind.ADJUDICATION else [],
    )


def choices(schema: LabelSchema) -> list[LabelChoice]:
    """The labels with the keys that give them."""
    # Where the labels are digits, any other digit as their key would be a trap.
    keys = schema.labels if set(schema.labels) <= set(KEYS) else KEYS
    return [
        LabelChoice(
            label=each.label, meaning=each.meaning, key=keys[place] if place < len(keys) else None
        )
        for place, each in enumerate(schema.classes)
    ]


def _explained(kind: TaskKind, rules: ReviewRules) -> list[VerdictKind]:
    return list(VerdictKind if kind is TaskKind.ADJUDICATION else rules.rationale_for)


def _masked(connection: Connection, task: tasks.Task) -> list[MaskedReview]:
    """The accepted reviews that this adjudication weighs, without their authors."""
    weighed = [
        review
        for review in reviews.reviews_of(connection, task.round_id, task.record_id)
        if review.shard == task.shard
        and review.kind is TaskKind.REVIEW
        and review.status is ReviewStatus.ACCEPTED
    ]
    return masked(weighed)


def masked(weighed: Sequence[reviews.Review]) -> list[MaskedReview]:
    """The reviews of one record without their authors, in the same order at each look at them."""
    return [
        MaskedReview(
            reviewer=f"Reviewer {letter}",
            verdict=review.verdict,
            answer=review.answer,
            confidence=review.confidence,
            rationale=review.rationale,
            seconds=review.seconds,
        )
        # Slots are claimed in the order of their numbers: by task alone, whoever comes first to
        # every record would be the same letter throughout.
        for letter, review in zip(
            string.ascii_uppercase,
            sorted(weighed, key=lambda each: digest(["masked", each.task_id])),
            strict=False,
        )
    ]
