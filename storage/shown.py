"""What a task shows to whoever works on it, as facts of the database."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.ids import AccountId
from domain.shown import Shown
from storage.plans import plan_of
from storage.tables import batch_records, rounds, suggestions_seen
from storage.tasks import Task

# Made once: building a statement takes longer than running it, and every answer runs this.
_PINNED = (
    select(
        batch_records.c.content_digest,
        rounds.c.summary["policy"].label("policy"),
        select(batch_records.c.predicted)
        .where(
            suggestions_seen.c.task_id == bindparam("task_id"),
            suggestions_seen.c.account_id == bindparam("account_id"),
        )
        .scalar_subquery()
        .label("suggestion"),
    )
    .join(rounds, rounds.c.round_id == batch_records.c.round_id)
    .where(
        batch_records.c.round_id == bindparam("round_id"),
        batch_records.c.record_id == bindparam("record_id"),
    )
)


def shown_by(connection: Connection, task: Task, account_id: AccountId) -> Shown:
    """Everything of it is pinned by the round, so that it changes only when the person asks what
    the model says."""
    plan = plan_of(connection, task.round_id)
    row = connection.execute(
        _PINNED,
        {
            "round_id": task.round_id,
            "record_id": task.record_id,
            "task_id": task.task_id,
            "account_id": account_id,
        },
    ).one()
    # What the round shows is the policy that selected the batch, amended or not.
    policy = row.policy or {
        "name": plan.policy.name,
        "version": plan.policy.version,
        "digest": plan.policy.digest,
    }
    return Shown(
        content_digest=Sha256(row.content_digest),
        guideline=plan.guideline,
        guideline_digest=plan.guideline_digest,
        schema_digest=plan.schema.digest,
        policy=f"{policy['name']}@{policy['version']}",
        policy_digest=policy["digest"],
        look=task.look,
        suggestion=row.suggestion,
    )


def reveal(connection: Connection, task: Task, account_id: AccountId) -> str | None:
    """What the model says of the task's record, noted as seen; none where it says nothing."""
    row = connection.execute(
        select(batch_records.c.predicted).where(
            batch_records.c.round_id == task.round_id, batch_records.c.record_id == task.record_id
        )
    ).one()
    if row.predicted is not None:
        connection.execute(
            insert(suggestions_seen)
            .values(task_id=task.task_id, account_id=account_id)
            .on_conflict_do_nothing()
        )
    return None if row.predicted is None else str(row.predicted)
