"""PreviewWorkflow: chooses as a round would, and does nothing with it."""

from __future__ import annotations

import asyncio

from temporalio import workflow

from workflows.options import HEAVY

with workflow.unsafe.imports_passed_through():
    from activities.scoring import ScorePartition, ScoringActivities
    from activities.selection import SelectBatch, SelectionActivities
    from activities.snapshot import SnapshotActivities
    from activities.training import TrainingActivities, TrainModel
    from domain.previews import Preview
    from domain.rounds import RoundPlan


@workflow.defn
class PreviewWorkflow:
    """The steps of a round up to its batch, with the same activities, and without a round: no
    row, no task and no ledger tells of it. Its history is no audit log, and is not archived."""

    @workflow.run
    async def run(self, plan: RoundPlan) -> Preview:
        snapshot = await workflow.execute_activity_method(
            SnapshotActivities.snapshot_pool, plan, **HEAVY
        )
        model = await workflow.execute_activity_method(
            TrainingActivities.train_model,
            TrainModel(
                plan=plan,
                snapshot=snapshot,
                rows=snapshot.settled,
                version=None,
                part="preview",
            ),
            **HEAVY,
        )
        scores = await asyncio.gather(
            *(
                workflow.execute_activity_method(
                    ScoringActivities.score_partition,
                    ScorePartition(partition=partition, model=model.digest, earlier=model.earlier),
                    **HEAVY,
                )
                for partition in snapshot.partitions
            )
        )
        batch = await workflow.execute_activity_method(
            SelectionActivities.select_batch,
            SelectBatch(plan=plan, snapshot=snapshot, scores=tuple(scores), classes=model.classes),
            **HEAVY,
        )
        return Preview(
            batch=batch, model=model, records=snapshot.records, eligible=snapshot.eligible
        )
