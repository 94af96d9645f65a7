"""The steps of a round: each asks for its activities, and writes down what came of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TypedDict

from temporalio import workflow

from workflows.batch_steps import SHOWN, BatchSteps
from workflows.ledger import RoundLedger
from workflows.options import BULK, HEAVY
from workflows.shards import ReviewShardWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.evaluation import EvaluateRound, EvaluationActivities
    from activities.publication import PublicationActivities, Publish
    from activities.quality import AssessQuality, QualityActivities
    from activities.roles import AssignRoles, RoleActivities
    from activities.routing import RouteAgain, RouteBatch, RoutingActivities
    from domain.canonical import Sha256
    from domain.ids import shard_workflow_id
    from domain.records import Json
    from domain.rounds import (
        ApprovalDecided,
        Batch,
        Candidate,
        Phase,
        Published,
        RoundPlan,
        Routed,
        ShardPlan,
        ShardResult,
        Snapshot,
        TrainedModel,
        Unserved,
    )
    from domain.signing import SigningKey


class _Checked(TypedDict, total=False):
    keys: tuple[SigningKey, ...]
    policy: str
    guideline_digest: str


class RoundSteps(BatchSteps):
    """What a round does once it has a batch."""

    def __init__(self, plan: RoundPlan, ledger: RoundLedger) -> None:
        super().__init__(plan, ledger)
        self._shards = 0

    async def route(self, snapshot: Snapshot, batch: Batch) -> Routed:
        await self._enter(Phase.ROUTING, self._known_of(batch))
        routed = await workflow.execute_activity_method(
            RoutingActivities.route_batch,
            RouteBatch(plan=self.plan, batch=batch, partitions=snapshot.partitions),
            **BULK,
        )
        self.ledger.routed(routed, by=self.plan.routing)
        return routed

    async def review(self, routed: Routed) -> list[ShardResult]:
        return await self._run_shards(
            routed.artifact, routed.records, look=1, unserved=routed.unserved
        )

    async def _run_shards(
        self,
        artifact: Sha256,
        records: int,
        *,
        look: int,
        unserved: tuple[Unserved, ...] = (),
    ) -> list[ShardResult]:
        """Starts the shards together and waits for all of them, for as long as people need."""
        awaiting: dict[str, Json] = {"who": "reviewers", "records": records}
        if unserved:
            awaiting["unserved"] = [asdict(each) for each in unserved[:SHOWN]]
        await self._enter(Phase.REVIEWING, awaiting=awaiting)
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
                    **({"answered_by": list(result.answered_by)} if self.reception else {}),
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
            reviewing=self.plan.reviewing,
            **self._checked,
        )

    @property
    def _checked(self) -> _Checked:
        """What shards are told besides where the round checks who has signed what."""
        if self.reception is None:
            return _Checked()
        policy = self.plan.policy
        return _Checked(
            keys=self.reception.keys,
            policy=f"{policy.name}@{policy.version}",
            guideline_digest=self.plan.guideline_digest,
        )

    async def assess(
        self, snapshot: Snapshot, batch: Batch, results: list[ShardResult]
    ) -> Candidate:
        await self._enter(Phase.ASSESSING)
        outcomes = tuple(result.outcomes for result in results)
        quality = await workflow.execute_activity_method(
            QualityActivities.assess_quality,
            AssessQuality(outcomes=outcomes, choice=self.plan.schema.choice),
            **HEAVY,
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
        self, routed: Routed, decision: ApprovalDecided, results: list[ShardResult]
    ) -> list[ShardResult]:
        again = await workflow.execute_activity_method(
            RoutingActivities.route_again,
            RouteAgain(
                plan=self.plan,
                routed=routed.artifact,
                records=decision.records,
                first_shard=self._shards,
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
                overridden=tuple(self.overridden),
            ),
            **HEAVY,
        )
        if published is None:
            self.ledger.decide("dataset_superseded", subject=candidate.digest)
            return None
        detail = asdict(published)
        if self.reception is not None:
            detail |= {"approved_by": approval.actor.account_id, "approval": approval.decision_id}
        self.ledger.decide("dataset_published", subject=published.digest, detail=detail)
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
