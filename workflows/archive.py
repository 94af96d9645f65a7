"""ArchiveWorkflow: started by a schedule, keeps the histories of the rounds that have ended."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.options import RETRY

with workflow.unsafe.imports_passed_through():
    from activities.archive import ArchiveActivities, Swept
    from domain.ids import ORCHESTRATION_QUEUE


@workflow.defn
class ArchiveWorkflow:
    @workflow.run
    async def run(self) -> Swept:
        return await workflow.execute_activity_method(
            ArchiveActivities.archive_ended_rounds,
            task_queue=ORCHESTRATION_QUEUE,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RETRY,
        )
