"""Honest rounds by seed: small ones, in which people do all that the rules let them do.

A seed chooses how the round goes and what people do meanwhile: they differ, answer twice, take
answers back, correct them, send what is refused; tasks are handed on; batches are held, accepted or
replaced; datasets are rejected and looked at again; rounds end early, are cancelled, stay open.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import uuid4

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.clock import now
from domain.accounts import Actor
from domain.directing import Direction, TaskDirected
from domain.ids import (
    RecordId,
    ReviewId,
    RoundId,
    TaskId,
    round_workflow_id,
    shard_workflow_id,
)
from domain.policy import Gate, Measure
from domain.reviewing import ReviewRules
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    ExclusionReason,
    Submission,
    UndoRequested,
    Verdict,
    VerdictKind,
)
from domain.rounds import ENDED, Phase, RoundPlan, RoundResult
from storage import reviews, tasks
from storage.reviews import Review
from tests.audit.conftest import signed_plan
from tests.workflows.round_world import POLICY, World, candidate_of, held_batch_of, truth
from workflows.rounds import RoundWorkflow

LABELS = ("sport", "money")
PATIENCE = 1_200
IDLE = 20


@dataclass(frozen=True, kw_only=True)
class Played:
    round_id: RoundId
    story: str
    open: bool
    """Whether somebody still has to end it."""


@dataclass
class Team:
    """People of one world in one round, who act at random."""

    world: World
    plan: RoundPlan
    rng: random.Random

    @property
    def round_id(self) -> RoundId:
        return self.plan.round_id

    @property
    def handle(self) -> WorkflowHandle[RoundWorkflow, RoundResult]:
        return self.world.client.get_workflow_handle_for(
            RoundWorkflow.run, round_workflow_id(self.round_id)
        )

    def answer(self, record_id: RecordId, _reviewer: str) -> str | Verdict:
        chance = self.rng.random()
        if chance < 0.7:
            return truth(record_id)
        if chance < 0.85:
            return self.rng.choice(LABELS)
        if chance < 0.9:
            return Verdict(kind=VerdictKind.USEFUL_AMBIGUITY, between=LABELS[::-1])
        if chance < 0.95:
            return Verdict(kind=VerdictKind.EXCLUDE, exclusion=ExclusionReason.LOW_QUALITY)
        return Verdict(kind=VerdictKind.UNUSABLE_AMBIGUITY)

    async def review(self, most: int | None = None) -> None:
        """Everybody answers in turn, until nobody finds anything for a moment."""
        given = idle = 0
        while idle < IDLE and (most is None or given < most):
            people = [*self.world.reviewers, self.world.adjudicator]
            self.rng.shuffle(people)
            answered = 0
            for who in people:
                if most is None or given + answered < most:
                    answered += await self._answer_one(who)
            given, idle = given + answered, 0 if answered else idle + 1
            if not answered:
                await asyncio.sleep(0.05)

    async def _answer_one(self, who: Actor) -> bool:
        answer = truth if who is self.world.adjudicator else self.answer
        try:
            return await self.world.answer_one(self.round_id, who, answer)
        except RPCError as error:
            return _has_ended(error)

    async def disturb(self) -> None:
        """Something that the rules foresee, accepted or refused."""
        given = self._given()
        if not given:
            return
        act = self.rng.choice([self._undo, self._correct, self._repeat, self._invent, self._direct])
        try:
            await act(self.rng.choice(given))
        except RPCError as error:
            _has_ended(error)

    async def extend(self) -> None:
        message = DeadlineExtended(
            request_id=uuid4().hex,
            round_id=self.round_id,
            seconds=3_600.0,
            reason="a holiday",
            actor=self.world.requester,
            submitted_at=now(),
        )
        for shard in self._shards():
            await self._signal(shard, "extend_deadline", message)

    async def close_early(self) -> None:
        for shard in self._shards():
            message = ClosingRequested(
                request_id=uuid4().hex,
                round_id=self.round_id,
                reason="enough",
                actor=self.world.requester,
                submitted_at=now(),
            )
            await self._signal(shard, "close_shard", message)

    async def approved(self) -> None:
        waiting = await self.world.until(self.round_id, Phase.APPROVAL)
        decision = self.world.decision(self.round_id, candidate_of(waiting))
        await self.handle.signal("decide_approval", decision)
        await self.handle.result()

    async def rejected(self, again: int) -> None:
        waiting = await self.world.until(self.round_id, Phase.APPROVAL)
        with self.world.engine.connect() as connection:
            found = reviews.outcomes_of(connection, self.round_id)
        records = sorted(each.outcome.record_id for each in found)
        decision = self.world.decision(
            self.round_id,
            candidate_of(waiting),
            approved=False,
            records=tuple(self.rng.sample(records, min(again, len(records)))),
        )
        await self.handle.signal("decide_approval", decision)
        await self.world.until(self.round_id, Phase.REVIEWING, *ENDED)

    async def cancelled(self) -> None:
        await self.handle.signal("cancel_round", self.world.cancellation(self.round_id))
        await self.handle.result()

    async def _undo(self, given: Review) -> None:
        message = UndoRequested(
            request_id=uuid4().hex,
            round_id=self.round_id,
            record_id=given.record_id,
            review_id=given.review_id,
            actor=self._who(given),
            submitted_at=now(),
        )
        await self._shard(given.shard).signal("undo", message)

    async def _correct(self, given: Review) -> None:
        message = self._message(given, self.rng.choice(LABELS))
        corrected = replace(message, corrects=given.review_id)
        await self._shard(given.shard).signal("review", corrected)

    async def _repeat(self, given: Review) -> None:
        """The same task once more: whoever has answered it has answered it."""
        await self._shard(given.shard).signal("review", self._message(given, "money"))

    async def _invent(self, given: Review) -> None:
        """A label that no schema knows."""
        await self._shard(given.shard).signal("review", self._message(given, "weather"))

    async def _direct(self, given: Review) -> None:
        message = TaskDirected(
            request_id=uuid4().hex,
            round_id=self.round_id,
            task_id=given.task_id,
            record_id=given.record_id,
            direction=self.rng.choice([Direction.RESUME, Direction.WITHDRAW, Direction.SKIP]),
            reason="it is better so",
            actor=self.world.requester,
            submitted_at=now(),
        )
        await self._shard(given.shard).signal("direct", message)

    def _message(self, given: Review, label: str) -> Submission:
        return Submission(
            review_id=ReviewId(uuid4().hex),
            task_id=TaskId(given.task_id),
            record_id=given.record_id,
            verdict=Verdict(kind=VerdictKind.LABEL, label=label),
            confidence=0.5,
            rationale="on second thought",
            seconds=1.0,
            guideline="news@1",
            actor=self._who(given),
            submitted_at=now(),
        )

    def _who(self, given: Review) -> Actor:
        everybody = [*self.world.reviewers, self.world.adjudicator]
        return next(each for each in everybody if each.account_id == given.account_id)

    def _given(self) -> list[Review]:
        with self.world.engine.connect() as connection:
            return reviews.reviews_of(connection, self.round_id)

    def _shards(self) -> list[int]:
        with self.world.engine.connect() as connection:
            return sorted(tasks.live_shards(connection, self.round_id))

    async def _signal(self, shard: int, name: str, message: object) -> None:
        try:
            await self._shard(shard).signal(name, message)
        except RPCError as error:
            _has_ended(error)

    def _shard(self, number: int) -> WorkflowHandle[object, object]:
        return self.world.client.get_workflow_handle(shard_workflow_id(self.round_id, number))


def _has_ended(error: RPCError) -> bool:
    """Whoever writes to a shard that has just ended is told so, and nothing has happened."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        raise error
    return False


async def plain(team: Team) -> None:
    await team.review()
    await _finished(team)
    await team.approved()


async def disturbed(team: Team) -> None:
    """People change their minds, and send what is refused."""
    for _ in range(team.rng.randrange(1, 6)):
        await team.review(most=team.rng.randrange(1, 4))
        await team.disturb()
    if team.world.round(team.round_id).phase is Phase.REVIEWING:
        await team.extend()
    await team.review()
    await _finished(team)
    await team.approved()


async def looked_at_again(team: Team) -> None:
    await team.review()
    await _finished(team)
    await team.rejected(again=2)
    await team.review(most=1)
    await team.disturb()
    await team.review()
    await _finished(team)
    await team.approved()


async def closed_early(team: Team) -> None:
    await team.world.until(team.round_id, Phase.REVIEWING)
    await team.world.until_open(team.round_id)
    await team.review(most=team.rng.randrange(1, 6))
    await team.close_early()
    await _finished(team)
    await team.approved()


async def cancelled(team: Team) -> None:
    await team.world.until(team.round_id, Phase.REVIEWING)
    await team.review(most=team.rng.randrange(1, 8))
    await team.cancelled()


async def still_open(team: Team) -> None:
    await team.world.until(team.round_id, Phase.REVIEWING)
    for _ in range(team.rng.randrange(1, 3)):
        await team.review(most=team.rng.randrange(1, 5))
        await team.disturb()


async def waiting_for_approval(team: Team) -> None:
    await team.review()
    await _finished(team)


async def held_and_accepted(team: Team) -> None:
    digest = held_batch_of(await team.world.until(team.round_id, Phase.CHECKING))
    stale = team.world.batch_decision(team.round_id, "0" * 64)
    await team.handle.signal("decide_batch", stale)
    await team.handle.signal("decide_batch", team.world.batch_decision(team.round_id, digest))
    await plain(team)


async def held_and_amended(team: Team) -> None:
    digest = held_batch_of(await team.world.until(team.round_id, Phase.CHECKING))
    policy = replace(team.plan.policy, name="other", gates=(), seed=team.rng.randrange(1_000))
    decision = team.world.batch_decision(team.round_id, digest, policy=policy)
    await team.handle.signal("decide_batch", decision)
    await team.world.until(team.round_id, Phase.REVIEWING)
    await plain(team)


async def held_and_cancelled(team: Team) -> None:
    await team.world.until(team.round_id, Phase.CHECKING)
    await team.cancelled()


STORIES: dict[str, Callable[[Team], Awaitable[None]]] = {
    "plain": plain,
    "disturbed": disturbed,
    "looked at again": looked_at_again,
    "closed early": closed_early,
    "cancelled": cancelled,
    "still open": still_open,
    "waiting for approval": waiting_for_approval,
    "held and accepted": held_and_accepted,
    "held and amended": held_and_amended,
    "held and cancelled": held_and_cancelled,
}
OPEN = {"still open", "waiting for approval"}


async def play(world: World, seed: int, *, story: str | None = None) -> Played:
    """Plays the round of that seed; `story` is one of STORIES."""
    rng = random.Random(seed)
    name = story or rng.choice(list(STORIES))
    gates = (Gate(measure=Measure.RANDOM_SHARE, at_least=0.99),) if "held" in name else ()
    policy = replace(POLICY, batch_size=4, seed=seed, gates=gates)
    reviewing = ReviewRules(
        extra_reviews=rng.randrange(2), undo_seconds=rng.choice([0.0, 1.0]), min_confidence=0.0
    )
    plan = signed_plan(
        world,
        round_id=RoundId(f"honest-{seed}-{uuid4().hex[:6]}"),
        policy=policy,
        shard_size=rng.choice([2, 3, 4]),
        reviewing=reviewing,
    )
    await world.start(plan)
    await STORIES[name](Team(world=world, plan=plan, rng=rng))
    return Played(round_id=plan.round_id, story=name, open=name in OPEN)


async def _finished(team: Team) -> None:
    """Until the dataset waits for approval: what was taken back may have opened tasks again."""
    for _ in range(PATIENCE):
        if team.world.round(team.round_id).phase is Phase.APPROVAL:
            return
        await team.review(most=1)
        await asyncio.sleep(0.05)
    raise AssertionError(f"{team.round_id} is still {team.world.round(team.round_id).phase}")
