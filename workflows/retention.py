"""RetentionWorkflow: started by a schedule, forgets what nobody needs any more."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.options import RETRY

with workflow.unsafe.imports_passed_through():
    from activities.retention import Forgotten, RetentionActivities
    from domain.ids import ORCHESTRATION_QUEUE


@workflow.defn
class RetentionWorkflow:
    @workflow.run
    async def run(self) -> Forgotten:
        return await workflow.execute_activity_method(
            RetentionActivities.apply_retention,
            task_queue=ORCHESTRATION_QUEUE,
            start_to_close_timeout=timedelta(hours=2),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RETRY,
        )
