"""RoundWorkflow: one turn of the loop, from an unlabelled pool to a dataset worth training on."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.endings import Ending, RoundRejected, ending_of
from workflows.inbox import Inbox
from workflows.ledger import RoundLedger
from workflows.options import LIGHT
from workflows.steps import RoundSteps
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.rounds import CloseRound, RoundActivities
    from domain.canonical import Sha256, tame
    from domain.decisions import approval_refusal, batch_refusal, cancellation_refusal
    from domain.ids import Document
    from domain.rounds import (
        ApprovalDecided,
        Batch,
        BatchAction,
        BatchDecided,
        CancelRequested,
        Candidate,
        Phase,
        Published,
        RoundPlan,
        RoundResult,
        Routed,
        ShardResult,
        Snapshot,
        TrainedModel,
    )

PAST_CANCELLING = frozenset({Phase.PUBLISHING, Phase.RETRAINING, Phase.EVALUATING})
"""From publishing on the dataset may already be in somebody's hands."""


@workflow.defn
class RoundWorkflow:
    """The signals `decide_batch`, `decide_approval` and `cancel_round` only append; the phases do
    the rest."""

    @workflow.init
    def __init__(self, plan: RoundPlan) -> None:
        self.plan = plan
        self.ledger = RoundLedger()
        self.steps = RoundSteps(plan, self.ledger)
        self._batch_decisions = Inbox(self._settle_batch_decision)
        self._approvals = Inbox(self._settle_approval)
        self._cancels: list[CancelRequested] = []
        self._handled: set[str] = set()
        self._published: Published | None = None

    @workflow.signal
    def decide_batch(self, decision: BatchDecided) -> None:
        self._batch_decisions.add(tame(decision))

    @workflow.signal
    def decide_approval(self, decision: ApprovalDecided) -> None:
        self._approvals.add(tame(decision))

    @workflow.signal
    def cancel_round(self, request: CancelRequested) -> None:
        self._cancels.append(tame(request))

    @workflow.run
    async def run(self, plan: RoundPlan) -> RoundResult:
        self.ledger.requested(plan)
        round_ = asyncio.create_task(self._round())
        try:
            await workflow.wait_condition(lambda: round_.done() or self._may_cancel())
            if not round_.done() and self._cancellation is not None:
                return await self._cancel(round_, "cancelled", self._cancellation.reason)
            await round_
        except RoundRejected as rejection:
            return await self._end(self._ending("rejected", str(rejection)))
        except FailureError as error:
            return await self._end(ending_of(error, during=self.steps.phase))
        except asyncio.CancelledError:
            ending = self._cancel(round_, "terminated", "cancelled in Temporal itself")
            return await asyncio.shield(ending)
        return await self._end(None)

    async def _round(self) -> None:
        """The round, as a paragraph."""
        steps = self.steps
        snapshot = await steps.snapshot()
        before, batch = await self._select(snapshot)
        routed = await steps.route(snapshot, batch)
        results = await steps.review(routed)
        while self._published is None:
            candidate, approval, results = await self._approve(snapshot, batch, routed, results)
            self._published = await steps.publish(snapshot, candidate, approval, before)
        after = await steps.train(snapshot, candidate.rows, self._published)
        await steps.evaluate(snapshot, candidate, before, after)

    # -- the batch ----------------------------------------------------------------------------

    async def _select(self, snapshot: Snapshot) -> tuple[TrainedModel, Batch]:
        """Selects until a batch passes the policy's gates, or somebody accepts it as it is."""
        while True:
            scored = await self.steps.score(snapshot)
            batch = await self.steps.select(snapshot, scored)
            self._batch_decisions.refuse()  # made before there was this batch to decide about
            if not batch.held:
                return scored.model, batch
            await self.steps.hold(batch)
            decision = await self._batch_decisions.first(batch)
            self.steps.follow(decision)
            if decision.action is BatchAction.ACCEPT:
                return scored.model, batch

    def _settle_batch_decision(self, decision: BatchDecided, waiting: Batch | None) -> bool:
        why_not = batch_refusal(
            decision,
            round_id=self.plan.round_id,
            waiting=waiting,
            requested_by=self.plan.requested_by.account_id,
            handled=self._handled,
        )
        self._handled.add(decision.decision_id)
        self.ledger.batch_decision(decision, refusal=why_not)
        return why_not is None

    # -- approval -----------------------------------------------------------------------------

    async def _approve(
        self, snapshot: Snapshot, batch: Batch, routed: Routed, results: list[ShardResult]
    ) -> tuple[Candidate, ApprovalDecided, list[ShardResult]]:
        """Shows the dataset until somebody approves it; looks again at records where asked to."""
        while True:
            candidate = await self.steps.assess(snapshot, batch, results)
            decision = await self._approvals.first(candidate.digest)
            if decision.approved:
                return candidate, decision, results
            if not decision.records:
                raise RoundRejected(decision.reason)
            results = results + await self.steps.look_again(routed, decision, results)
            self._approvals.refuse()  # made before the second look, whatever it found

    def _settle_approval(self, decision: ApprovalDecided, waiting: Sha256 | None) -> bool:
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
        return self._cancellation is not None and self.steps.phase not in PAST_CANCELLING

    async def _cancel(self, round_: asyncio.Task[None], code: str, message: str) -> RoundResult:
        """Stops the steps; the shards close their tasks before the round ends."""
        self.steps.stop()
        round_.cancel()
        await workflow.wait_condition(round_.done)
        if not round_.cancelled():
            round_.exception()  # looked at, or Python reports that nobody did
        return await self._end(self._ending(code, message))

    def _ending(self, code: str, message: str) -> Ending:
        return Ending(phase=Phase.CANCELLED, code=code, message=message, during=self.steps.phase)

    async def _end(self, ending: Ending | None) -> RoundResult:
        """Writes the last decisions down; what came too late is recorded as refused."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        phase = Phase.CLOSED if ending is None else ending.phase
        failure = None if ending is None else ending.plain()
        cancelled = ending is not None and ending.code == "cancelled"
        self._refuse_the_rest(self._cancellation if cancelled else None)
        self.ledger.decide(
            f"round_{phase}", subject=self.plan.round_id, detail={"failure": failure}
        )
        shown = -1
        while shown < self.ledger.length:  # somebody may speak while the end is being shown
            shown = self.ledger.length
            await self._show_end(phase, failure)
            self._refuse_the_rest(None)
        return RoundResult(
            phase=phase,
            ledger_head=self.ledger.head,
            ledger_length=self.ledger.length,
            published=self._published,
            failure=failure,
        )

    def _refuse_the_rest(self, counted: CancelRequested | None) -> None:
        """Empties the inbox into the ledger; `counted` is the cancellation that ended the round."""
        cancels, self._cancels = self._cancels, []
        for request in cancels:
            refusal = cancellation_refusal(request, round_id=self.plan.round_id)
            if refusal is None and request is not counted:
                refusal = "too late: the round has ended, or its dataset is being published"
            self.ledger.cancellation(request, refusal=refusal)
        self._batch_decisions.refuse()
        self._approvals.refuse()

    async def _show_end(self, phase: Phase, failure: Document | None) -> None:
        await workflow.execute_activity_method(
            RoundActivities.close_round,
            CloseRound(
                round_id=self.plan.round_id,
                phase=phase,
                at=now(),
                ledger_head=self.ledger.head,
                ledger_length=self.ledger.length,
                failure=failure,
            ),
            **LIGHT,
        )
