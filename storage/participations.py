"""Who has which part in a record, as SQL: the rules that keep duties separate."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.sql.selectable import NamedFromClause

from domain.ids import AccountId, RecordId, RoundId
from storage.tables import participations, review_receipts, reviews, task_skips, tasks

Person = AccountId | ColumnElement[str]
"""Who it is about: one person, or whoever a statement is told later."""

FormerHolder = tuple[RoundId, RecordId, AccountId | None]


def free() -> ColumnElement[bool]:
    """Whether nobody works on a task: it is open, or held on a lapsed lease."""
    return or_(
        tasks.c.status == "open",
        and_(tasks.c.status == "claimed", tasks.c.lease_until < func.now()),
    )


def offered(person: Person) -> ColumnElement[bool]:
    """Whether a task is for this person to take, as far as the task itself says.

    Nobody works on it, it is not put off, and they have not passed its record by.
    """
    return and_(
        free(),
        or_(tasks.c.suspended_until.is_(None), tasks.c.suspended_until <= func.now()),
        ~skipped_by(person),
    )


def skipped_by(person: Person) -> ColumnElement[bool]:
    """Whether the person has passed the task's record by, in this slot or another."""
    passed = tasks.alias("passed")
    return exists(
        select(1)
        .select_from(passed.join(task_skips, task_skips.c.task_id == passed.c.task_id))
        .where(task_skips.c.account_id == person, same_work(passed))
        .correlate_except(passed, task_skips)
    )


def same_work(other: NamedFromClause) -> ColumnElement[bool]:
    """Whether it is the same record that both tasks ask the same of: in another slot, perhaps."""
    return and_(
        other.c.round_id == tasks.c.round_id,
        other.c.record_id == tasks.c.record_id,
        other.c.shard == tasks.c.shard,
        other.c.kind == tasks.c.kind,
    )


def barred(person: Person) -> ColumnElement[bool]:
    """Whether the person has the other part in the task's record, or another slot of it.

    Whoever holds or has answered a task has a participation, so one look at those of the person
    rules out almost every task, however long the queue.
    """
    return exists().where(
        participations.c.round_id == tasks.c.round_id,
        participations.c.record_id == tasks.c.record_id,
        participations.c.account_id == person,
        case((participations.c.part != tasks.c.kind, True), else_=has_other_slot(person)),
    )


def has_other_part(person: Person) -> ColumnElement[bool]:
    """Whether the person has the other part in the task's record: reviewed it, or adjudicated."""
    return exists().where(
        participations.c.round_id == tasks.c.round_id,
        participations.c.record_id == tasks.c.record_id,
        participations.c.account_id == person,
        participations.c.part != tasks.c.kind,
    )


def has_other_slot(person: Person) -> ColumnElement[bool]:
    """Whether the person holds, or has answered, another slot of the record in this shard."""
    other = tasks.alias("other")
    same_record = and_(
        other.c.round_id == tasks.c.round_id,
        other.c.shard == tasks.c.shard,
        other.c.record_id == tasks.c.record_id,
        other.c.task_id != tasks.c.task_id,
    )
    answered = (
        standing_receipt()
        .join(other, other.c.task_id == review_receipts.c.task_id)
        .where(same_record, review_receipts.c.account_id == person)
    )
    return or_(
        exists(
            select(1)
            .select_from(other)
            .where(same_record, other.c.holder == person)
            .correlate_except(other)
        ),
        exists(answered.correlate_except(other, review_receipts)),
    )


def standing_receipt() -> Select[int]:
    """Receipts whose review is on its way or stands: their authors have answered the task."""
    return _receipt_besides("refused", "undone")


def _receipt_besides(*statuses: str) -> Select[int]:
    gone = select(1).where(
        reviews.c.review_id == review_receipts.c.review_id, reviews.c.status.in_(statuses)
    )
    return select(1).select_from(review_receipts).where(~exists(gone))


def forget_participations(connection: Connection, former: Iterable[FormerHolder]) -> None:
    """Takes back the part of former holders who neither hold nor have answered anything else.

    Who took an answer back has judged the record all the same, and keeps their part in it.
    """
    held = tasks.alias("held")
    answered = tasks.alias("answered")
    for round_id, record_id, holder in former:
        if holder is None:
            continue
        connection.execute(
            delete(participations).where(
                participations.c.round_id == round_id,
                participations.c.record_id == record_id,
                participations.c.account_id == holder,
                ~exists(
                    select(1).where(
                        held.c.round_id == round_id,
                        held.c.record_id == record_id,
                        held.c.holder == holder,
                    )
                ),
                ~exists(
                    _receipt_besides("refused")
                    .join(answered, answered.c.task_id == review_receipts.c.task_id)
                    .where(
                        answered.c.round_id == round_id,
                        answered.c.record_id == record_id,
                        review_receipts.c.account_id == holder,
                    )
                ),
            )
        )
