"""RoundWorkflow: one turn of the loop, from an unlabelled pool to a dataset worth training on."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.endings import Ending, RoundForged, RoundRejected, ending_of
from workflows.inbox import Inbox
from workflows.ledger import RoundLedger
from workflows.options import LIGHT
from workflows.reception import Reception
from workflows.steps import RoundSteps
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.rounds import CloseRound, RoundActivities
    from domain.canonical import Sha256, tame
    from domain.decisions import approval_refusal, batch_refusal, cancellation_refusal
    from domain.ids import AccountId, Document, round_workflow_id
    from domain.rounds import (
        PAST_CANCELLING,
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
    from domain.signing import START

CHECKS_SIGNATURES = "2026-11-26-rounds-check-who-signed"
"""Rounds that began before it let in whatever they are told; an audit names what nobody signed."""

Told = BatchDecided | ApprovalDecided | CancelRequested


@workflow.defn
class RoundWorkflow:
    """The signals `decide_batch`, `decide_approval` and `cancel_round` only append what the API has
    signed; the phases do the rest."""

    @workflow.init
    def __init__(self, plan: RoundPlan) -> None:
        self.plan = plan
        self.ledger = RoundLedger()
        self.steps = RoundSteps(plan, self.ledger)
        self._batch_decisions = Inbox(self._settle_batch_decision)
        self._approvals = Inbox(self._settle_approval)
        self._cancels: list[CancelRequested] = []
        self._handled: set[str] = set()
        self._answered_by: set[AccountId] = set()
        self._published: Published | None = None
        self._reception: Reception[Told] | None = None
        self._introductions: asyncio.Task[None] | None = None
        if workflow.patched(CHECKS_SIGNATURES):
            self._reception = self.steps.reception = Reception(self.ledger.forged)
            self.ledger.checked = True

    @workflow.signal
    def decide_batch(self, decision: BatchDecided) -> None:
        self._receive("decide_batch", tame(decision))

    @workflow.signal
    def decide_approval(self, decision: ApprovalDecided) -> None:
        self._receive("decide_approval", tame(decision))

    @workflow.signal
    def cancel_round(self, request: CancelRequested) -> None:
        self._receive("cancel_round", tame(request))

    @workflow.run
    async def run(self, plan: RoundPlan) -> RoundResult:
        if self._reception is None:
            self.ledger.requested(plan)
        round_ = asyncio.create_task(self._round(plan))
        try:
            await workflow.wait_condition(lambda: round_.done() or self._may_cancel())
            if not round_.done() and self._cancellation is not None:
                return await self._cancel(round_, "cancelled", self._cancellation.reason)
            await round_
        except RoundForged as forgery:
            return await self._end(self._failing("forged", str(forgery)))
        except RoundRejected as rejection:
            return await self._end(self._ending("rejected", str(rejection)))
        except FailureError as error:
            return await self._end(ending_of(error, during=self.steps.phase))
        except asyncio.CancelledError:
            ending = self._cancel(round_, "terminated", "cancelled in Temporal itself")
            return await asyncio.shield(ending)
        return await self._end(None)

    async def _round(self, plan: RoundPlan) -> None:
        """The round, as a paragraph."""
        steps = self.steps
        await self._admit(plan)
        snapshot = await steps.snapshot()
        before, batch = await self._select(snapshot)
        routed = await steps.route(snapshot, batch)
        results = await steps.review(routed)
        while self._published is None:
            candidate, approval, results = await self._approve(snapshot, batch, routed, results)
            self._published = await steps.publish(snapshot, candidate, approval, before)
        after = await steps.train(snapshot, candidate.rows, self._published)
        await steps.evaluate(snapshot, candidate, before, after)

    # -- who speaks ---------------------------------------------------------------------------

    async def _admit(self, plan: RoundPlan) -> None:
        """Goes on with a plan that the API has signed for this round. Raises RoundForged."""
        if self._reception is None:
            return
        self._let_in_all(await self._reception.ask())
        why_not = self._reception.plan_refusal(plan)
        if not self._is_own:
            why_not = "the plan is another round's"
        if why_not is not None:
            self.ledger.forged(START, plan, why_not)
            raise RoundForged(f"this round was not asked for through the API: {why_not}")
        self.ledger.requested(plan)
        self._introductions = asyncio.create_task(self._introduce())

    @property
    def _is_own(self) -> bool:
        """Whether the plan is the one of this workflow; else what is shown belongs to another."""
        return self._reception is None or workflow.info().workflow_id == round_workflow_id(
            self.plan.round_id
        )

    def _receive(self, signal: str, message: Told) -> None:
        if self._reception is None or self._reception.admits(signal, message):
            self._let_in(message)

    def _let_in(self, message: Told) -> None:
        match message:
            case BatchDecided():
                self._batch_decisions.add(message)
            case ApprovalDecided():
                self._approvals.add(message)
            case CancelRequested():
                self._cancels.append(message)

    def _let_in_all(self, known: list[tuple[str, Told]]) -> None:
        for signal, message in known:
            self._receive(signal, message)

    async def _introduce(self) -> None:
        """As long as the round is open: asks for the keys again where somebody's is not known."""
        while self._reception is not None:
            await self._reception.wait_for_strangers()
            self._let_in_all(await self._reception.ask())

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
            policy_author=self.steps.plan.policy_author,
        )
        self._handled.add(decision.decision_id)
        if why_not is None and decision.break_glass:
            self.steps.override(decision, what=f"{decision.action} batch")
        self.ledger.batch_decision(decision, refusal=why_not)
        return why_not is None

    # -- approval -----------------------------------------------------------------------------

    async def _approve(
        self, snapshot: Snapshot, batch: Batch, routed: Routed, results: list[ShardResult]
    ) -> tuple[Candidate, ApprovalDecided, list[ShardResult]]:
        """Shows the dataset until somebody approves it; looks again at records where asked to."""
        while True:
            self._answered_by = {each for result in results for each in result.answered_by}
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
            answered_by=self._answered_by,
        )
        self._handled.add(decision.decision_id)
        if why_not is None and decision.break_glass:
            what = "approve" if decision.approved else "reject"
            self.steps.override(decision, what=f"{what} dataset")
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

    def _failing(self, code: str, message: str) -> Ending:
        return Ending(
            phase=Phase.FAILED,
            code=code,
            message=message,
            hint="nothing was scored; start the round through the API",
            during=self.steps.phase,
        )

    async def _end(self, ending: Ending | None) -> RoundResult:
        """Writes the last decisions down; what came too late is recorded as refused."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._introductions is not None:
            self._introductions.cancel()
        await self._hear_strangers()
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
            if self._is_own:
                await self._show_end(phase, failure)
            await self._hear_strangers()
            self._refuse_the_rest(None)
        return RoundResult(
            phase=phase,
            ledger_head=self.ledger.head,
            ledger_length=self.ledger.length,
            published=self._published,
            failure=failure,
        )

    async def _hear_strangers(self) -> None:
        """Asks for the keys a last time where somebody waits for that."""
        if self._reception is not None and self._reception.strangers:
            self._let_in_all(await self._reception.ask())

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
                overridden=tuple(self.steps.overridden),
            ),
            **LIGHT,
        )
