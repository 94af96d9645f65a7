"""RoundWorkflow: one turn of the loop, from an unlabelled pool to a dataset worth training on."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.endings import Ending, RoundRejected, ending_of
from workflows.ledger import RoundLedger
from workflows.options import BULK, HEAVY, LIGHT
from workflows.shards import ReviewShardWorkflow
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.evaluation import EvaluateRound, EvaluationActivities
    from activities.publication import PublicationActivities, Publish
    from activities.quality import AssessQuality, QualityActivities
    from activities.roles import AssignRoles, RoleActivities
    from activities.rounds import CloseRound, RoundActivities, RoundProjection
    from activities.routing import Route, RouteAgain, RoutingActivities
    from activities.scoring import ScorePartition, ScoringActivities
    from activities.selection import SelectBatch, SelectionActivities
    from activities.snapshot import SnapshotActivities
    from activities.training import TrainingActivities, TrainModel
    from domain.canonical import Sha256, tame
    from domain.decisions import approval_refusal, cancellation_refusal
    from domain.ids import shard_workflow_id
    from domain.records import Json
    from domain.rounds import (
        ApprovalDecided,
        Batch,
        CancelRequested,
        Candidate,
        Partition,
        Phase,
        Published,
        RoundPlan,
        RoundResult,
        ShardPlan,
        ShardResult,
        Snapshot,
        TrainedModel,
    )

PAST_CANCELLING = frozenset({Phase.PUBLISHING, Phase.RETRAINING, Phase.EVALUATING})
"""From publishing on the dataset may already be in somebody's hands."""


@workflow.defn
class RoundWorkflow:
    """Signals `decide_approval` and `cancel_round` only append; the phases do the rest."""

    @workflow.init
    def __init__(self, plan: RoundPlan) -> None:
        self.plan = plan
        self.ledger = RoundLedger()
        self.phase = Phase.SNAPSHOT
        self._approvals: list[ApprovalDecided] = []
        self._cancels: list[CancelRequested] = []
        self._handled: set[str] = set()
        self._published: Published | None = None
        self._shards = 0

    @workflow.signal
    def decide_approval(self, decision: ApprovalDecided) -> None:
        self._approvals.append(tame(decision))

    @workflow.signal
    def cancel_round(self, request: CancelRequested) -> None:
        self._cancels.append(tame(request))

    @workflow.run
    async def run(self, plan: RoundPlan) -> RoundResult:
        self.ledger.requested(plan)
        steps = asyncio.create_task(self._steps())
        try:
            await workflow.wait_condition(lambda: steps.done() or self._may_cancel())
            if not steps.done() and self._cancellation is not None:
                reason = self._cancellation.reason
                return await self._cancel(steps, code="cancelled", message=reason)
            await steps
        except RoundRejected as rejection:
            return await self._end(self._ending("rejected", str(rejection)))
        except FailureError as error:
            return await self._end(ending_of(error, during=self.phase))
        except asyncio.CancelledError:
            return await asyncio.shield(
                self._cancel(steps, code="terminated", message="cancelled in Temporal itself")
            )
        return await self._end(None)

    async def _steps(self) -> None:
        """The round, as a paragraph."""
        snapshot = await self._snapshot()
        before = await self._train(snapshot, snapshot.settled, None)
        scores = await self._score(snapshot, before)
        batch = await self._select(snapshot, before, scores)
        results = await self._review(batch)
        published = None
        while published is None:
            candidate, approval, results = await self._approve(snapshot, batch, results)
            published = await self._publish(snapshot, candidate, approval, before)
        after = await self._train(snapshot, candidate.rows, published)
        await self._evaluate(snapshot, candidate, before, after)

    # -- phases -------------------------------------------------------------------------------

    async def _snapshot(self) -> Snapshot:
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

    async def _train(
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

    async def _score(self, snapshot: Snapshot, model: TrainedModel) -> list[Partition]:
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

    async def _select(
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

    async def _review(self, batch: Batch) -> list[ShardResult]:
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

    async def _approve(
        self, snapshot: Snapshot, batch: Batch, results: list[ShardResult]
    ) -> tuple[Candidate, ApprovalDecided, list[ShardResult]]:
        """Shows the dataset until somebody approves it; looks again at records where asked to."""
        while True:
            candidate = await self._assess(snapshot, batch, results)
            decision = await self._await_decision(candidate)
            if decision.approved:
                return candidate, decision, results
            if not decision.records:
                raise RoundRejected(decision.reason)
            results = results + await self._look_again(batch, decision, results)

    async def _assess(
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

    async def _await_decision(self, candidate: Candidate) -> ApprovalDecided:
        """The first decision that counts; those that do not are in the ledger with the reason."""
        while True:
            await workflow.wait_condition(lambda: bool(self._approvals))
            decision = self._approvals.pop(0)
            if self._settle(decision, waiting=candidate.digest):
                return decision

    def _settle(self, decision: ApprovalDecided, *, waiting: Sha256 | None) -> bool:
        why_not = approval_refusal(
            decision,
            round_id=self.plan.round_id,
            waiting=waiting,
            requested_by=self.plan.requested_by.account_id,
            handled=self._handled,
        )
        self._handled.add(decision.decision_id)
        self.ledger.approval(decision, refusal=why_not)
        return why_not is None

    async def _look_again(
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

    async def _publish(
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
        self._published = published
        self.ledger.decide("dataset_published", subject=published.digest, detail=asdict(published))
        return published

    async def _evaluate(
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

    # -- ending -------------------------------------------------------------------------------

    @property
    def _cancellation(self) -> CancelRequested | None:
        """The first request that counts."""
        round_id = self.plan.round_id
        ours = (
            each for each in self._cancels if cancellation_refusal(each, round_id=round_id) is None
        )
        return next(ours, None)

    def _may_cancel(self) -> bool:
        return self._cancellation is not None and self.phase not in PAST_CANCELLING

    async def _cancel(self, steps: asyncio.Task[None], *, code: str, message: str) -> RoundResult:
        """Stops the steps; the shards close their tasks before the round ends."""
        steps.cancel()
        await workflow.wait_condition(steps.done)
        if not steps.cancelled():
            steps.exception()  # looked at, or Python reports that nobody did
        return await self._end(self._ending(code, message))

    def _ending(self, code: str, message: str) -> Ending:
        return Ending(phase=Phase.CANCELLED, code=code, message=message, during=self.phase)

    async def _end(self, ending: Ending | None) -> RoundResult:
        """Writes the last decisions down; what came too late is recorded as refused."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        cancelled = ending is not None and ending.code == "cancelled"
        counted = self._cancellation if cancelled else None
        for request in self._cancels:
            refused = cancellation_refusal(request, round_id=self.plan.round_id)
            if refused is None and request is not counted:
                refused = "the round was cancelled already" if cancelled else "too late"
            self.ledger.cancellation(request, refusal=refused)
        for decision in self._approvals:
            self._settle(decision, waiting=None)
        self.phase = Phase.CLOSED if ending is None else ending.phase
        failure = None if ending is None else ending.plain()
        self.ledger.decide(
            f"round_{self.phase}", subject=self.plan.round_id, detail={"failure": failure}
        )
        await workflow.execute_activity_method(
            RoundActivities.close_round,
            CloseRound(
                round_id=self.plan.round_id,
                phase=self.phase,
                at=now(),
                ledger_head=self.ledger.head,
                ledger_length=self.ledger.length,
                failure=failure,
            ),
            **LIGHT,
        )
        return RoundResult(
            phase=self.phase,
            ledger_head=self.ledger.head,
            ledger_length=self.ledger.length,
            published=self._published,
            failure=failure,
        )

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
