"""Whatever people, crashes and the network do, in whatever order: nothing is lost, and nobody is
asked twice.

Hypothesis makes up the story and shortens the one that fails. `LABELWRIGHT_TEST_EXAMPLES` is how
many stories it makes up.
"""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from domain.errors import Conflict, IdempotencyConflict, LabelwrightError
from domain.ids import AccountId, ReviewId, TaskId
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    Verdict,
    VerdictKind,
)
from storage import claims
from storage.submissions import Receipt
from storage.tables import tasks
from tests.storage.reviewing_at_random import RECORDS, Reviewing
from tests.storage.samples import LEASE, NOON, actor, make_round, person, record

EXAMPLES = int(os.environ.get("LABELWRIGHT_TEST_EXAMPLES", "40"))
STEPS = 50
PEOPLE = 5

anybody = st.integers(0, PEOPLE - 1)
anything = st.integers(0, 2**16)
"""Which of those there are, whatever their number."""
verdicts = st.sampled_from(
    [
        Verdict(kind=VerdictKind.LABEL, label="billing"),
        Verdict(kind=VerdictKind.LABEL, label="billing"),
        Verdict(kind=VerdictKind.LABEL, label="other"),
        Verdict(kind=VerdictKind.LABEL, label="other"),
        Verdict(kind=VerdictKind.ESCALATE),
    ]
)
sureness = st.sampled_from([None, 0.2, 0.9, 0.9])
dies = st.sampled_from(["", "", "", "before the signal", "before the acknowledgement"])


class PeopleAndCrashes(RuleBasedStateMachine):
    def __init__(self, engine: Engine, people: list[AccountId]) -> None:
        super().__init__()
        self.people = people
        self.connection = engine.connect()
        self.world = Reviewing(self.connection)
        self.numbers = 0

    def teardown(self) -> None:
        """Everybody tries until they are answered, the shard works until there is nothing left."""
        try:
            for review_id in tuple(self.world.unacknowledged):
                self.world.send_again(review_id)
            while self.world.inbox:
                self.world.work(100)
            self.world.check()
            self.world.check_nothing_lost()
            self.world.check_nothing_stuck(self.people[-1])
        finally:
            self.connection.close()

    @initialize(said=st.lists(st.tuples(anybody, verdicts, sureness), min_size=3, max_size=8))
    def the_story_begins(self, said: list[tuple[int, Verdict, float | None]]) -> None:
        """With some answers, so that there is something to change, repeat and lose."""
        self.people_work_for_a_while(said)

    # -- claiming -----------------------------------------------------------------------------

    @rule(who=anybody)
    def claims_the_best(self, who: int) -> None:
        account = self.people[who]
        allowed = self.world.claimable(account)
        surely = self.world.claimable(account, surely=True)
        taken = self.world.claim(account)
        assert taken in allowed if taken else not surely

    @rule(who=anybody, which=anything)
    def claims_a_task_by_name(self, who: int, which: int) -> None:
        account, task_id = self.people[who], self.any_task(which)
        allowed = self.world.claimable(account)
        held = {each.task_id for each in claims.held_tasks(self.connection, account)}
        taken = self.world.ask(lambda: claims.claim_named(self.connection, account, task_id, LEASE))
        assert isinstance(taken, LabelwrightError) or task_id in allowed | held

    @rule(who=anybody, which=anything)
    def gives_back(self, who: int, which: int) -> None:
        account = self.people[who]
        held = claims.held_tasks(self.connection, account)
        if held:
            task_id = held[which % len(held)].task_id
            self.world.ask(lambda: claims.release_task(self.connection, account, task_id))

    @rule(which=anything)
    def lets_a_lease_lapse(self, which: int) -> None:
        self.world.lapse(self.any_task(which))

    # -- answering ----------------------------------------------------------------------------

    @rule(who=anybody, which=anything, verdict=verdicts, confidence=sureness, api=dies)
    def answers(
        self, who: int, which: int, verdict: Verdict, confidence: float | None, api: str
    ) -> None:
        self.claims_the_best(who)
        held = claims.held_tasks(self.connection, self.people[who])
        if held:
            task = held[which % len(held)]
            answer = self.answer(who, task.task_id, task.ordinal, verdict, confidence)
            assert isinstance(self.deliver(answer, api), Receipt)

    @rule(said=st.lists(st.tuples(anybody, verdicts, sureness), min_size=2, max_size=5))
    def people_work_for_a_while(self, said: list[tuple[int, Verdict, float | None]]) -> None:
        for who, verdict, confidence in said:
            self.answers(who, 0, verdict, confidence, "")
            self.the_shard_works(4)

    @rule(who=anybody, which=anything, verdict=verdicts)
    def answers_what_somebody_else_holds_or_nobody(
        self, who: int, which: int, verdict: Verdict
    ) -> None:
        task_id = self.any_task(which)
        held = {each.task_id for each in claims.held_tasks(self.connection, self.people[who])}
        if task_id not in held:
            ordinal = int(task_id.split(".")[2])
            answer = self.answer(who, task_id, ordinal, verdict, None)
            assert isinstance(self.deliver(answer, ""), Conflict)

    @rule(which=anything)
    def sends_an_answer_again(self, which: int) -> None:
        if sent := [*self.world.sent]:
            self.world.send_again(sent[which % len(sent)])

    @rule(which=anything)
    def sends_something_else_under_the_same_id(self, which: int) -> None:
        if sent := [*self.world.sent.values()]:
            answer = sent[which % len(sent)]
            other = Submission(**(vars(answer) | {"seconds": answer.seconds + 1.0}))
            assert isinstance(self.world.begin(other), IdempotencyConflict)

    @rule(which=anything, verdict=verdicts, confidence=sureness, api=dies)
    def corrects(self, which: int, verdict: Verdict, confidence: float | None, api: str) -> None:
        if sent := [*self.world.sent.values()]:
            earlier = sent[which % len(sent)]
            better = {
                "review_id": self.number(),
                "verdict": verdict,
                "confidence": confidence,
                "corrects": earlier.review_id,
            }
            self.deliver(Submission(**(vars(earlier) | better)), api)

    @rule(which=anything, who=st.one_of(st.none(), st.none(), anybody))
    def takes_back(self, which: int, who: int | None) -> None:
        """Their own answer as a rule, now and then that of somebody else."""
        if sent := [*self.world.sent.values()]:
            answer = sent[which % len(sent)]
            account = answer.actor.account_id if who is None else self.people[who]
            own = account == answer.actor.account_id
            request = UndoRequested(
                request_id=f"undo/{answer.review_id}" if own else self.number(),
                round_id=self.world.shard.rules.round_id,
                record_id=answer.record_id,
                review_id=answer.review_id,
                actor=actor(account),
                submitted_at=self.world.at,
            )
            self.world.inbox.append(request)

    @rule(which=anything, verdict=verdicts, first=st.booleans())
    def changes_their_mind(self, which: int, verdict: Verdict, first: bool) -> None:  # noqa: FBT001
        """At once, and best where it matters: about an answer to a record that is settled."""
        model = self.world.model
        standing = [each for each, status in model.status.items() if status == "accepted"]
        settled = [each for each in standing if self.world.sent[each].record_id in model.outcomes]
        if standing:
            last = (settled or standing)[-3:]
            place = [*self.world.sent].index(last[-1 - which % len(last)])
            if first:
                self.takes_back(place, None)
            else:
                self.corrects(place, verdict, None, "")
            self.the_shard_works(4)

    # -- leading ------------------------------------------------------------------------------

    @rule(chance=st.integers(0, 29))
    def whoever_leads_extends_the_deadline_or_ends_it(self, chance: int) -> None:
        round_id, lead = self.world.shard.rules.round_id, actor("acc-team")
        self.world.inbox.append(
            ClosingRequested(
                request_id=self.number(),
                round_id=round_id,
                reason="enough",
                actor=lead,
                submitted_at=NOON,
            )
            if chance == 29
            else DeadlineExtended(
                request_id=self.number(),
                round_id=round_id,
                seconds=1_800.0,
                reason="holidays",
                actor=lead,
                submitted_at=NOON,
            )
        )

    # -- what happens to them -------------------------------------------------------------------

    @rule(most=st.integers(1, 4))
    def the_shard_works(self, most: int) -> None:
        if self.world.inbox:
            self.world.work(most)

    @rule(seconds=st.sampled_from([5.0, 5.0, 61.0, 1_200.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.seconds += seconds
        if not self.world.inbox:
            self.world.work(0)

    @rule(seed=anything)
    def signals_arrive_in_another_order(self, seed: int) -> None:
        random.Random(seed).shuffle(self.world.inbox)

    @rule(which=anything)
    def a_signal_arrives_twice(self, which: int) -> None:
        signalled = [
            *self.world.inbox,
            *(each for _, taken in self.world.handled for each in taken),
        ]
        if signalled:
            self.world.inbox.append(signalled[which % len(signalled)])

    @rule(which=anything)
    def a_projection_comes_late_a_second_time(self, which: int) -> None:
        projections = self.world.projections
        self.world.project_again(projections[which % len(projections)])

    @rule()
    def the_worker_dies(self) -> None:
        self.world.replay()

    @rule()
    def the_history_is_long(self) -> None:
        self.world.hand_over()

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        self.world.check()

    # -- words ----------------------------------------------------------------------------------

    def number(self) -> str:
        self.numbers += 1
        return f"n{self.numbers}"

    def any_task(self, which: int) -> TaskId:
        every = self.connection.scalars(select(tasks.c.task_id).order_by(tasks.c.task_id)).all()
        return TaskId(every[which % len(every)])

    def answer(
        self, who: int, task_id: TaskId, ordinal: int, verdict: Verdict, confidence: float | None
    ) -> Submission:
        adjudicating = task_id.endswith("adjudication")
        if adjudicating and verdict.kind is VerdictKind.ESCALATE:
            verdict = Verdict(kind=VerdictKind.LABEL, label="other")
        return Submission(
            review_id=ReviewId(self.number()),
            task_id=task_id,
            record_id=record(ordinal),
            verdict=verdict,
            confidence=confidence,
            rationale="because",
            seconds=1.0,
            guideline="plain@1",
            actor=actor(self.people[who]),
            submitted_at=NOON,
        )

    def deliver(self, answer: Submission, api: str) -> Receipt | LabelwrightError:
        """As the API does: receipt, signal, acknowledgement; it may die in between."""
        receipt = self.world.begin(answer)
        if isinstance(receipt, Receipt) and api != "before the signal":
            self.world.inbox.append(answer)
            if not api:
                self.world.acknowledge(answer.review_id)
        return receipt


def test_whatever_happens_nothing_is_lost_and_nobody_is_asked_twice(engine: Engine) -> None:
    make_round(engine, records=RECORDS, slots=0)
    with engine.begin() as connection:
        people = [person(connection, f"person {n}").account_id for n in range(PEOPLE + 1)]

    class Here(PeopleAndCrashes):
        def __init__(self) -> None:
            super().__init__(engine, people)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
