"""Records that a guideline does not decide, as those who judged them say."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from domain.ids import AccountId, PoolId, RecordId, RoundId, Timestamp
from storage.tables import guideline_gaps, tasks
from storage.tasks import Task
from storage.visibility import visible


@dataclass(frozen=True, kw_only=True)
class GuidelineGap:
    round_id: RoundId
    pool_id: PoolId
    record_id: RecordId
    version: int
    """Of the guideline that did not decide."""
    note: str
    reported_at: Timestamp


def report_gap(
    connection: Connection, task: Task, account_id: AccountId, *, guideline: str, note: str
) -> None:
    """Notes that `name@version` does not decide the task's record; again replaces the note."""
    name, _, version = guideline.rpartition("@")
    statement = insert(guideline_gaps).values(
        task_id=task.task_id,
        account_id=account_id,
        guideline=name,
        version=int(version),
        note=note,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["task_id", "account_id"], set_={"note": statement.excluded.note}
        )
    )


def gaps_of(connection: Connection, guideline: str, *, limit: int) -> list[GuidelineGap]:
    """What was reported about the guideline, in any version, the newest first."""
    rows = connection.execute(
        select(guideline_gaps, tasks.c.round_id, tasks.c.pool_id, tasks.c.record_id)
        .join(tasks, tasks.c.task_id == guideline_gaps.c.task_id)
        .where(guideline_gaps.c.guideline == guideline, visible(connection, tasks))
        .order_by(guideline_gaps.c.reported_at.desc())
        .limit(limit)
    )
    return [
        GuidelineGap(
            round_id=RoundId(row.round_id),
            pool_id=PoolId(row.pool_id),
            record_id=RecordId(row.record_id),
            version=row.version,
            note=row.note,
            reported_at=row.reported_at,
        )
        for row in rows
    ]
