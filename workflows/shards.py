"""ReviewShardWorkflow: collects what people say of up to 200 records, for as long as it takes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows.alarm import Alarm
from workflows.options import LIGHT
from workflows.reception import Reception
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.review import LoadShard, ReviewActivities, StoreOutcomes
    from domain.canonical import Sha256, tame
    from domain.directing import TaskDirected
    from domain.ids import Timestamp, round_workflow_id
    from domain.messages import weight
    from domain.outcomes import HELD, How
    from domain.progress import ShardRules
    from domain.reviews import ClosingRequested, DeadlineExtended, Submission, UndoRequested
    from domain.rounds import ShardPlan, ShardResult
    from domain.shards import Shard

MAX_PROJECTED = 100
"""Submissions in one projection."""

MAX_WEIGHT = 300_000
"""Bytes of their texts: 100 of the longest rationales in ASCII, a tenth of that in emoji."""

MAX_EVENTS = 3_000
"""In one run's history. Temporal suggests a new run at 4,096, when it may have grown beyond: people
who answer one at a time leave ten events each, and some answer while the run is handed over."""

Sent = Submission | UndoRequested | TaskDirected | DeadlineExtended | ClosingRequested
Message = tuple[str, Sent]
"""A signal's name and what came with it."""


@workflow.defn
class ReviewShardWorkflow:
    """Signals `review`, `adjudicate`, `undo`, `direct`, `extend_deadline` and `close_shard` only
    append; `run` does the rest."""

    @workflow.init
    def __init__(self, plan: ShardPlan) -> None:
        self.plan = plan
        self.shard: Shard | None = None
        self._inbox: list[Message] = []
        self._alarm = Alarm()
        self._reception: Reception[Sent] | None = (
            None if plan.keys is None else Reception(self._turn_away, plan.keys)
        )

    @workflow.signal
    def review(self, submission: Submission) -> None:
        self._inbox.append(("review", tame(submission)))

    @workflow.signal
    def adjudicate(self, submission: Submission) -> None:
        self._inbox.append(("adjudicate", tame(submission)))

    @workflow.signal
    def undo(self, request: UndoRequested) -> None:
        self._inbox.append(("undo", tame(request)))

    @workflow.signal
    def direct(self, request: TaskDirected) -> None:
        self._inbox.append(("direct", tame(request)))

    @workflow.signal
    def extend_deadline(self, extension: DeadlineExtended) -> None:
        self._inbox.append(("extend_deadline", tame(extension)))

    @workflow.signal
    def close_shard(self, request: ClosingRequested) -> None:
        self._inbox.append(("close_shard", tame(request)))

    @workflow.run
    async def run(self, plan: ShardPlan) -> ShardResult:
        try:
            shard = await self._begin()
            while self._waiting or not shard.finished(now()):
                await self._wait(shard)
                await self._hear_strangers(shard)
                await self._decide(shard)
                if _grown() and not shard.finished(now()):
                    await self._hand_over(plan, shard)
            return await self._conclude(shard)
        except (asyncio.CancelledError, ActivityError) as error:
            # A cancelled workflow hears of it from whatever it waits for, an activity included.
            if is_cancelled_exception(error) and self.shard is not None:
                await asyncio.shield(self._withdraw(self.shard))
            raise

    # -- phases -------------------------------------------------------------------------------

    async def _begin(self) -> Shard:
        """The shard as it was carried over, or a new one with every review slot open."""
        _check_parent(self.plan)
        rules = ShardRules(
            round_id=self.plan.round_id,
            shard=self.plan.shard,
            look=self.plan.look,
            schema=self.plan.schema,
            reviews_per_record=self.plan.reviews_per_record,
            review_seconds=self.plan.review_seconds,
            reviewing=self.plan.reviewing,
            policy=self.plan.policy,
        )
        if self.plan.carried is not None:
            self.shard = Shard(rules, self.plan.carried)
            return self.shard
        records = await workflow.execute_activity_method(
            ReviewActivities.load_shard,
            LoadShard(batch=self.plan.batch, first=self.plan.first, last=self.plan.last),
            **LIGHT,
        )
        if workflow.cancellation_reason() is not None:
            # The records came in together with it, and the SDK has handed on the one alone.
            raise asyncio.CancelledError
        self.shard = Shard.opened(rules, records, now())
        await self._project(self.shard)
        return self.shard

    async def _wait(self, shard: Shard) -> None:
        """Until somebody says something or time has something to bring, by a durable timer."""
        self._alarm.set(self._next_due(shard))
        await workflow.wait_condition(
            lambda: bool(self._inbox) or self._may_ask(shard) or self._alarm.rings(now())
        )

    async def _decide(self, shard: Shard) -> None:
        """Applies what has come in, in the order of history, then what time brings."""
        self._take(shard)
        if not self._inbox:
            shard.time_passed(now())
        await self._project(shard)

    def _take(self, shard: Shard) -> None:
        """Applies as many messages as fit in one projection, and at least one."""
        count = heavy = 0
        for _, message in self._inbox[:MAX_PROJECTED]:
            heavy += weight(message)
            if count and heavy > MAX_WEIGHT:
                break
            count += 1
        taken, self._inbox = self._inbox[:count], self._inbox[count:]
        for signal, message in taken:
            if self._reception is None or self._reception.admits(signal, message):
                _apply(shard, signal, message)

    # -- who speaks ---------------------------------------------------------------------------

    def _turn_away(self, signal: str, message: Sent, why: str) -> None:
        if self.shard is not None:
            self.shard.forged(signal, message, now(), why=why)

    @property
    def _waiting(self) -> bool:
        """Whether a message waits, if only for the keys to be asked for again."""
        return bool(self._inbox) or (self._reception is not None and self._reception.strangers)

    def _next_due(self, shard: Shard) -> Timestamp | None:
        question = None if self._reception is None else self._reception.next_question
        return min((each for each in (shard.next_due, question) if each), default=None)

    def _may_ask(self, shard: Shard) -> bool:
        """A shard that waits for nothing else asks at once, so that nobody can keep it open."""
        question = None if self._reception is None else self._reception.next_question
        return question is not None and (question <= now() or shard.finished(now()))

    async def _hear_strangers(self, shard: Shard, *, at_once: bool = False) -> None:
        """Asks for the keys again where a message's is not known and it is time."""
        if self._reception is None or not self._reception.strangers:
            return
        if at_once or self._may_ask(shard):
            known = await self._reception.ask()
            self._inbox[:0] = known

    async def _empty_inbox(self, shard: Shard) -> None:
        """Writes down whatever has come in, so that nothing is left when the run ends."""
        while self._waiting:
            await self._hear_strangers(shard, at_once=True)
            self._take(shard)
            await self._project(shard)

    # -- ending -------------------------------------------------------------------------------

    async def _hand_over(self, plan: ShardPlan, shard: Shard) -> NoReturn:
        """Goes on in a new run, with nothing left in the inbox of this one."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._empty_inbox(shard)
        keys = None if self._reception is None else self._reception.keys
        workflow.continue_as_new(replace(plan, carried=shard.state, keys=keys))

    async def _conclude(self, shard: Shard) -> ShardResult:
        """Stores the outcomes by reference; what arrives meanwhile is recorded as late."""
        shard.end()
        reference = await workflow.execute_activity_method(
            ReviewActivities.store_outcomes,
            StoreOutcomes(outcomes=tuple(shard.outcomes), given=tuple(shard.given)),
            **LIGHT,
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._empty_inbox(shard)
        return self._result(shard, reference)

    def _result(self, shard: Shard, reference: Sha256) -> ShardResult:
        outcomes = shard.outcomes
        return ShardResult(
            shard=self.plan.shard,
            look=self.plan.look,
            records=len(outcomes),
            outcomes=reference,
            reviews=sum(outcome.reviews for outcome in outcomes),
            adjudicated=sum(outcome.how is How.ADJUDICATION for outcome in outcomes),
            held=sum(outcome.how in HELD for outcome in outcomes),
            refused=shard.refused,
            ledger_head=shard.ledger.head,
            ledger_length=shard.ledger.length,
            answered_by=() if self._reception is None else shard.answered_by,
        )

    async def _withdraw(self, shard: Shard) -> None:
        """Takes the tasks back; what has come in by then is recorded all the same."""
        self._take(shard)
        shard.withdraw(now(), reason="cancelled")
        await self._project(shard)
        await self._empty_inbox(shard)

    async def _project(self, shard: Shard) -> None:
        """Shows what was decided. Cancelling waits for it, or the tables would never hear of it."""
        while not (projection := shard.drain(now())).empty:
            shown = workflow.start_activity_method(
                ReviewActivities.project_shard, projection, **LIGHT
            )
            try:
                paused = await asyncio.shield(shown)
            except asyncio.CancelledError:
                await shown
                raise
            shard.reviewers_paused(paused, now())


def _check_parent(plan: ShardPlan) -> None:
    """Only its round starts a shard: whoever starts another one past it projects nothing.

    Raises ApplicationError.
    """
    parent = workflow.info().parent
    if parent is None or parent.workflow_id != round_workflow_id(plan.round_id):
        raise ApplicationError(
            "this shard was not started by its round", type="forged", non_retryable=True
        )


def _apply(shard: Shard, signal: str, message: Sent) -> None:
    match message:
        case UndoRequested():
            shard.undo(message, now())
        case TaskDirected():
            shard.direct(message, now())
        case DeadlineExtended():
            shard.extend_deadline(message, now())
        case ClosingRequested():
            shard.close(message, now())
        case Submission() if signal == "review":
            shard.review(message, now())
        case Submission():
            shard.adjudicate(message, now())


def _grown() -> bool:
    """Whether the history is long enough for a new run."""
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.get_current_history_length() >= MAX_EVENTS
