"""DeliveryWorkflow: started by a schedule, one after another, sends events to webhooks."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.options import RETRY

with workflow.unsafe.imports_passed_through():
    from activities.delivery import Delivered, DeliveryActivities
    from domain.ids import ORCHESTRATION_QUEUE

STRETCH_SECONDS = 120.0
"""How long one of them works: few enough workflows, and none that is old."""


@workflow.defn
class DeliveryWorkflow:
    @workflow.run
    async def run(self) -> Delivered:
        return await workflow.execute_activity_method(
            DeliveryActivities.deliver_due,
            STRETCH_SECONDS,
            task_queue=ORCHESTRATION_QUEUE,
            start_to_close_timeout=timedelta(seconds=2 * STRETCH_SECONDS),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RETRY,
        )
