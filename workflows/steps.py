"""The steps of a round: each asks for its activities, and writes down what came of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Literal

from temporalio import workflow

from workflows.ledger import RoundLedger
from workflows.options import BULK, HEAVY, LIGHT
from workflows.shards import ReviewShardWorkflow
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.evaluation import EvaluateRound, EvaluationActivities
    from activities.publication import PublicationActivities, Publish
    from activities.quality import AssessQuality, QualityActivities
    from activities.roles import AssignRoles, RoleActivities
    from activities.rounds import RoundActivities, RoundProjection
    from activities.routing import Route, RouteAgain, RoutingActivities
    from activities.scoring import ScorePartition, ScoringActivities
    from activities.selection import SelectBatch, SelectionActivities
    from activities.snapshot import SnapshotActivities
    from activities.training import TrainingActivities, TrainModel
    from domain.canonical import Sha256
    from domain.ids import shard_workflow_id
    from domain.records import Json
    from domain.rounds import (
        ApprovalDecided,
        Batch,
        Candidate,
        Partition,
        Phase,
        Published,
        RoundPlan,
        ShardPlan,
        ShardResult,
        Snapshot,
        TrainedModel,
    )


class RoundSteps:
    """What a round does, step by step; `phase` is where it is."""

    def __init__(self, plan: RoundPlan, ledger: RoundLedger) -> None:
        self.plan = plan
        self.ledger = ledger
        self.phase = Phase.SNAPSHOT
        self._shards = 0

    async def snapshot(self) -> Snapshot:
        await self._enter(Phase.SNAPSHOT)
        snapshot = await workflow.execute_activity_method(
            SnapshotActivities.snapshot_pool, self.plan, **HEAVY
        )
        self.ledger.decide(
            "snapshot_pinned",
            subject=self.plan.pool_id,
            detail={
                "digest": snapshot.digest,
                "records": snapshot.records,
                "eligible": snapshot.eligible,
                "ineligible": dict(snapshot.ineligible),
                "parent_version": snapshot.parent_version,
            },
        )
        return snapshot

    async def train(
        self, snapshot: Snapshot, rows: Sha256, published: Published | None
    ) -> TrainedModel:
        """A model from the labels that there are: before the round's own, or once published."""
        part: Literal["before", "after"] = "before" if published is None else "after"
        if published is None:
            await self._enter(Phase.SCORING)
        else:
            await self._enter(Phase.RETRAINING, {"published": asdict(published)})
        model = await workflow.execute_activity_method(
            TrainingActivities.train_model,
            TrainModel(
                plan=self.plan,
                snapshot=snapshot,
                rows=rows,
                version=None if published is None else published.version,
                part=part,
            ),
            **HEAVY,
        )
        self.ledger.decide(
            "model_trained",
            subject=model.digest,
            detail={"part": part, "classes": len(model.classes), "labelled": model.labelled},
        )
        return model

    async def score(self, snapshot: Snapshot, model: TrainedModel) -> list[Partition]:
        """Each partition is an activity of its own, so that more workers mean more speed."""
        scores = await asyncio.gather(
            *(
                workflow.execute_activity_method(
                    ScoringActivities.score_partition,
                    ScorePartition(partition=partition, model=model.digest),
                    **HEAVY,
                )
                for partition in snapshot.partitions
            )
        )
        self.ledger.decide(
            "pool_scored",
            subject=self.plan.pool_id,
            detail={"model": model.digest, "partitions": [each.artifact for each in scores]},
        )
        return list(scores)

    async def select(
        self, snapshot: Snapshot, model: TrainedModel, scores: list[Partition]
    ) -> Batch:
        await self._enter(Phase.SELECTING)
        batch = await workflow.execute_activity_method(
            SelectionActivities.select_batch,
            SelectBatch(
                plan=self.plan,
                snapshot=snapshot,
                scores=tuple(scores),
                classes=model.classes,
            ),
            **HEAVY,
        )
        self.ledger.decide(
            "batch_selected",
            subject=batch.digest,
            detail={
                "artifact": batch.artifact,
                "policy_digest": self.plan.policy.digest,
                "seed": self.plan.policy.seed,
                "model": model.digest,
                "arms": dict(batch.arms),
                "notes": list(batch.notes),
            },
        )
        return batch

    async def review(self, batch: Batch) -> list[ShardResult]:
        await self._enter(Phase.ROUTING, {"batch": asdict(batch)})
        await workflow.execute_activity_method(
            RoutingActivities.route_batch,
            Route(round_id=self.plan.round_id, batch=batch, shard_size=self.plan.shard_size),
            **BULK,
        )
        return await self._run_shards(batch.artifact, batch.records, look=1)

    async def _run_shards(self, artifact: Sha256, records: int, *, look: int) -> list[ShardResult]:
        """Starts the shards together and waits for all of them, for as long as people need."""
        await self._enter(Phase.REVIEWING, awaiting={"who": "reviewers", "records": records})
        size = self.plan.shard_size
        starts = range(0, records, size)
        first_shard, self._shards = self._shards, self._shards + len(starts)
        results = await asyncio.gather(
            *(
                workflow.execute_child_workflow(
                    ReviewShardWorkflow.run,
                    self._shard_plan(artifact, shard, look, start, min(start + size, records)),
                    id=shard_workflow_id(self.plan.round_id, shard),
                )
                for shard, start in enumerate(starts, first_shard)
            )
        )
        for result in results:
            self.ledger.decide(
                "shard_closed",
                subject=shard_workflow_id(self.plan.round_id, result.shard),
                detail={
                    "look": result.look,
                    "records": result.records,
                    "outcomes": result.outcomes,
                    "ledger_head": result.ledger_head,
                    "ledger_length": result.ledger_length,
                },
            )
        return list(results)

    def _shard_plan(
        self, artifact: Sha256, shard: int, look: int, first: int, last: int
    ) -> ShardPlan:
        return ShardPlan(
            round_id=self.plan.round_id,
            shard=shard,
            look=look,
            batch=artifact,
            first=first,
            last=last,
            pool_id=self.plan.pool_id,
            schema=self.plan.schema,
            guideline=self.plan.guideline,
            reviews_per_record=self.plan.reviews_per_record,
            review_seconds=self.plan.review_seconds,
        )

    async def assess(
        self, snapshot: Snapshot, batch: Batch, results: list[ShardResult]
    ) -> Candidate:
        await self._enter(Phase.ASSESSING)
        outcomes = tuple(result.outcomes for result in results)
        quality = await workflow.execute_activity_method(
            QualityActivities.assess_quality, AssessQuality(outcomes=outcomes), **HEAVY
        )
        self.ledger.decide("quality_assessed", subject=self.plan.round_id, detail=asdict(quality))
        candidate = await workflow.execute_activity_method(
            RoleActivities.assign_roles,
            AssignRoles(plan=self.plan, snapshot=snapshot, batch=batch, outcomes=outcomes),
            **HEAVY,
        )
        self.ledger.decide("roles_assigned", subject=candidate.digest, detail=asdict(candidate))
        await self._enter(
            Phase.APPROVAL,
            {"quality": asdict(quality), "candidate": asdict(candidate)},
            awaiting={"who": "approver", "dataset_digest": candidate.digest},
        )
        return candidate

    async def look_again(
        self, batch: Batch, decision: ApprovalDecided, results: list[ShardResult]
    ) -> list[ShardResult]:
        again = await workflow.execute_activity_method(
            RoutingActivities.route_again,
            RouteAgain(
                round_id=self.plan.round_id,
                batch=batch,
                records=decision.records,
                first_shard=self._shards,
                shard_size=self.plan.shard_size,
            ),
            **BULK,
        )
        look = max(result.look for result in results) + 1
        return await self._run_shards(again.artifact, again.records, look=look)

    async def publish(
        self,
        snapshot: Snapshot,
        candidate: Candidate,
        approval: ApprovalDecided,
        model: TrainedModel,
    ) -> Published | None:
        """The step that shows: after every check, and past it nobody cancels.

        None when another round has published meanwhile; the dataset that builds on that one is
        another dataset, and needs an approval of its own.
        """
        await self._enter(Phase.PUBLISHING)
        published = await workflow.execute_activity_method(
            PublicationActivities.publish,
            Publish(
                plan=self.plan,
                snapshot=snapshot,
                candidate=candidate,
                approval=approval,
                model=model,
                ledger_head=self.ledger.head,
                ledger_length=self.ledger.length,
            ),
            **HEAVY,
        )
        if published is None:
            self.ledger.decide("dataset_superseded", subject=candidate.digest)
            return None
        self.ledger.decide("dataset_published", subject=published.digest, detail=asdict(published))
        return published

    async def evaluate(
        self, snapshot: Snapshot, candidate: Candidate, before: TrainedModel, after: TrainedModel
    ) -> None:
        await self._enter(Phase.EVALUATING)
        evaluation = await workflow.execute_activity_method(
            EvaluationActivities.evaluate_round,
            EvaluateRound(
                plan=self.plan, snapshot=snapshot, candidate=candidate, before=before, after=after
            ),
            **HEAVY,
        )
        self.ledger.decide("round_evaluated", subject=after.digest, detail=asdict(evaluation))
        await self._enter(Phase.EVALUATING, {"evaluation": asdict(evaluation)})

    async def _enter(
        self,
        phase: Phase,
        summary: dict[str, Json] | None = None,
        *,
        awaiting: dict[str, Json] | None = None,
    ) -> None:
        """Shows the phase, and what is known by now, in the read model."""
        self.phase = phase
        await workflow.execute_activity_method(
            RoundActivities.project_round,
            RoundProjection(
                round_id=self.plan.round_id,
                phase=phase,
                at=now(),
                summary=summary or {},
                awaiting=awaiting,
            ),
            **LIGHT,
        )
