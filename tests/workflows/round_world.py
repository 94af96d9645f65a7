"""A small world to run rounds in: real database, real artifacts, real workers in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, select
from temporalio.client import Client, WorkflowHandle

from activities.clock import now
from activities.delivery import DeliveryActivities
from activities.outbound import Outbound
from domain.accounts import Actor, Role
from domain.arms import Arm, ArmKind
from domain.canonical import Sha256
from domain.ids import (
    ORCHESTRATION_QUEUE,
    PoolId,
    RecordId,
    ReviewId,
    RoundId,
    round_workflow_id,
    shard_workflow_id,
)
from domain.labels import Guideline, LabelClass, LabelSchema
from domain.policy import NearDuplicates, SamplingPolicy
from domain.policy_rules import check_policy
from domain.records import ContentKind
from domain.retention import Retention
from domain.reviewing import ReviewRules
from domain.reviews import Submission, Verdict, VerdictKind
from domain.rounds import (
    ApprovalDecided,
    BatchAction,
    BatchDecided,
    CancelRequested,
    Phase,
    RoundPlan,
    RoundResult,
)
from domain.tasks import TaskKind
from storage import accounts, claims, definitions, pools, reviews, rounds, signing_keys, tasks
from storage.artifacts import ArtifactStore
from storage.formats import Format
from storage.importing import import_records
from storage.readers import read_rows
from storage.rows import Mapping
from storage.shown import shown_by
from storage.tables import tasks as task_rows
from tests.signing import SIGNER, signing_client
from tests.webhook_receiver import SEALER, TO_LOOPBACK
from workers.compute import compute_worker
from workers.orchestration import orchestration_worker
from workflows.rounds import RoundWorkflow

LEASE = timedelta(minutes=5)
WORDS = {
    "sport": ("goal", "match", "team", "coach", "season", "score"),
    "money": ("bank", "stock", "price", "market", "profit", "share"),
}
POLICY = SamplingPolicy(
    name="small",
    version=1,
    batch_size=8,
    arms=(
        Arm(name="uncertain", kind=ArmKind.UNCERTAIN, share=3 / 8),
        Arm(name="diverse", kind=ArmKind.DIVERSE, share=2 / 8),
        Arm(name="random", kind=ArmKind.RANDOM, share=3 / 8),
    ),
    near_duplicates=NearDuplicates(text=None, embedding=None),
    seed=5,
)
"""The texts of these worlds are of a handful of words: nearly all are like another."""
ALL_AT_RANDOM = (Arm(name="random", kind=ArmKind.RANDOM, share=1.0),)
Answer = Callable[[RecordId, str], str | Verdict]
"""Record and reviewer's name → label, or a whole verdict."""


def truth(record_id: RecordId, _reviewer: str = "") -> str:
    return "sport" if int(record_id[1:]) % 2 else "money"


def text_of(number: int) -> str:
    words = WORDS["sport" if number % 2 else "money"]
    return " ".join(words[(number * step) % len(words)] for step in (1, 2, 5)) + f" {number}"


@dataclass
class World:
    client: Client
    engine: Engine
    store: ArtifactStore
    datasets: Path
    requester: Actor
    approver: Actor
    adjudicator: Actor
    reviewers: list[Actor]
    schema: LabelSchema
    guideline: Guideline
    _numbers: count[int] = field(default_factory=count)

    def pool(self, records: int = 40, *, seeds: int = 6, tests: int = 10) -> PoolId:
        """A pool of short texts: the first ones labelled for training, the next for testing."""
        pool = PoolId(f"texts-{next(self._numbers)}")
        with self.engine.begin() as connection:
            pools.create_pool(
                connection,
                pool,
                kind=ContentKind.TEXT,
                schema=(self.schema.name, self.schema.version),
                created_by=self.requester.account_id,
            )
        rows = []
        for number in range(records):
            row: dict[str, object] = {"id": f"t{number}", "text": text_of(number)}
            if number < seeds + tests:
                role = "train" if number < seeds else "test"
                row |= {"label": truth(RecordId(f"t{number}")), "role": role}
            rows.append(row)
        self.add(pool, rows)
        return pool

    def add(self, pool: PoolId, rows: Sequence[dict[str, object]]) -> None:
        """Imports rows with `id`, `text` and perhaps `label` and `role`."""
        file = self.datasets.parent / f"{pool}.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)))
        mapping = Mapping(kind=ContentKind.TEXT, label_column="label", role_column="role")
        import_records(
            self.engine,
            pool,
            read_rows(file, Format.JSON_LINES, mapping),
            schema=self.schema,
            created_by=self.requester.account_id,
            file_name=file.name,
        )

    def plan(self, pool: PoolId, **changes: object) -> RoundPlan:
        fields: dict[str, object] = {
            "round_id": RoundId(f"round-{next(self._numbers)}"),
            "pool_id": pool,
            "kind": ContentKind.TEXT,
            "dataset": str(pool),
            "policy": check_policy(POLICY),
            "schema": self.schema,
            "guideline": "news@1",
            "guideline_digest": self.guideline.digest,
            "requested_by": self.requester,
            "requested_at": now(),
            "partition_rows": 15,
            "shard_size": 5,
            # Else every shard would stay for a minute after its last answer.
            "reviewing": ReviewRules(undo_seconds=0.0),
        }
        return RoundPlan(**(fields | changes))  # type: ignore[arg-type]

    async def start(self, plan: RoundPlan) -> WorkflowHandle[RoundWorkflow, RoundResult]:
        plan = SIGNER.sign_plan(plan)
        with self.engine.begin() as connection:
            rounds.create_round(connection, plan)
        return await self.client.start_workflow(
            RoundWorkflow.run,
            plan,
            id=round_workflow_id(plan.round_id),
            task_queue=ORCHESTRATION_QUEUE,
        )

    def round(self, round_id: RoundId) -> rounds.Round:
        with self.engine.connect() as connection:
            return rounds.get_round(connection, round_id)

    async def until(self, round_id: RoundId, *phases: Phase) -> rounds.Round:
        """The round once it is in one of the phases."""
        for _ in range(1_200):
            found = self.round(round_id)
            if found.phase in phases:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{round_id} is still {found.phase}, {found.failure}")

    async def until_open(self, round_id: RoundId, shard: int = 0) -> None:
        """Once people can claim the shard's tasks, so that it can be sent messages."""
        for _ in range(1_200):
            with self.engine.connect() as connection:
                if shard in tasks.live_shards(connection, round_id):
                    return
            await asyncio.sleep(0.05)
        raise AssertionError(f"shard {shard} of {round_id} has opened no task")

    def open_tasks(self, round_id: RoundId) -> list[tasks.Task]:
        """The round's tasks that nobody has taken yet, one of each record, by record."""
        with self.engine.connect() as connection:
            found = connection.execute(
                select(task_rows)
                .where(task_rows.c.round_id == round_id, task_rows.c.status == "open")
                .order_by(task_rows.c.ordinal, task_rows.c.slot)
            ).all()
        by_record = {row.record_id: tasks.task(row) for row in reversed(found)}
        return sorted(by_record.values(), key=lambda each: each.ordinal)

    async def until_heard(self, round_id: RoundId, answers: int) -> list[reviews.Review]:
        """The answers that are shown, once there are so many."""
        for _ in range(1_200):
            with self.engine.connect() as connection:
                found = reviews.reviews_of(connection, round_id)
            if len(found) >= answers:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{round_id} has not heard {answers} answers")

    async def answer_all(
        self,
        round_id: RoundId,
        answer: Answer = truth,
        *,
        most: int | None = None,
        settle: Answer = truth,
    ) -> int:
        """Everybody claims and answers until the round wants nothing of them; returns how many."""
        given = 0
        idle = 0
        while idle < 400 and (most is None or given < most):
            if self.round(round_id).phase not in {
                Phase.SNAPSHOT, Phase.SCORING, Phase.SELECTING, Phase.ROUTING, Phase.REVIEWING,
            }:  # fmt: skip
                break
            answered = [await self.answer_one(round_id, who, answer) for who in self.reviewers]
            answered.append(await self.answer_one(round_id, self.adjudicator, settle))
            given += sum(answered)
            idle = 0 if any(answered) else idle + 1
            if not any(answered):
                await asyncio.sleep(0.05)
        return given

    async def answer_one(self, round_id: RoundId, who: Actor, answer: Answer) -> bool:
        kind = TaskKind.ADJUDICATION if who is self.adjudicator else TaskKind.REVIEW
        with self.engine.begin() as connection:
            task = claims.claim_task(
                connection,
                who.account_id,
                kinds={kind},
                lease=LEASE,
                round_id=round_id,
            )
        if task is None:
            return False
        given = answer(task.record_id, who.name)
        submission = Submission(
            review_id=ReviewId(f"{task.task_id}/{who.name}"),
            task_id=task.task_id,
            record_id=task.record_id,
            verdict=given
            if isinstance(given, Verdict)
            else Verdict(kind=VerdictKind.LABEL, label=given),
            confidence=0.9,
            rationale="the words" if kind is TaskKind.ADJUDICATION else "",
            seconds=1.5,
            guideline="news@1",
            actor=who,
            submitted_at=now(),
            shown=self.shown(task, who),
        )
        shard = self.client.get_workflow_handle(shard_workflow_id(round_id, task.shard))
        await shard.signal("adjudicate" if kind is TaskKind.ADJUDICATION else "review", submission)
        return True

    def shown(self, task: tasks.Task, who: Actor) -> Sha256:
        """As the API says it of what a task shows."""
        with self.engine.connect() as connection:
            return shown_by(connection, task, who.account_id).digest

    def decision(
        self,
        round_id: RoundId,
        digest: str,
        *,
        approved: bool = True,
        who: Actor | None = None,
        records: tuple[RecordId, ...] = (),
    ) -> ApprovalDecided:
        return ApprovalDecided(
            decision_id=f"decision-{next(self._numbers)}",
            round_id=round_id,
            approved=approved,
            dataset_digest=Sha256(digest),
            reason="looked at it",
            actor=who or self.approver,
            submitted_at=now(),
            records=records,
        )

    def batch_decision(
        self,
        round_id: RoundId,
        digest: str,
        *,
        policy: SamplingPolicy | None = None,
        who: Actor | None = None,
    ) -> BatchDecided:
        """Accepts the held batch, or wants another by `policy`."""
        return BatchDecided(
            decision_id=f"batch-decision-{next(self._numbers)}",
            round_id=round_id,
            action=BatchAction.ACCEPT if policy is None else BatchAction.AMEND,
            batch_digest=Sha256(digest),
            reason="looked at it",
            actor=who or self.approver,
            submitted_at=now(),
            policy=policy,
        )

    def cancellation(self, round_id: RoundId) -> CancelRequested:
        return CancelRequested(
            request_id=f"cancel-{next(self._numbers)}",
            round_id=round_id,
            reason="no budget left",
            actor=self.requester,
            submitted_at=now(),
        )

    async def complete(
        self, plan: RoundPlan, answer: Answer = truth, *, settle: Answer = truth
    ) -> RoundResult:
        """A whole round, approved as it comes."""
        handle = await self.start(plan)
        await self.answer_all(plan.round_id, answer, settle=settle)
        waiting = await self.until(plan.round_id, Phase.APPROVAL)
        await handle.signal(
            RoundWorkflow.decide_approval, self.decision(plan.round_id, candidate_of(waiting))
        )
        return await handle.result()


def held_batch_of(found: rounds.Round) -> str:
    """The digest of the batch that waits for a decision."""
    assert found.awaiting is not None, found.phase
    return str(found.awaiting["batch_digest"])


def candidate_of(found: rounds.Round) -> str:
    """The digest of the dataset that waits for approval."""
    return str(found.summary["candidate"]["digest"])


def make_world(client: Client, engine: Engine, folder: Path) -> World:
    """People, a label schema and a guideline, and nothing else yet."""
    with engine.begin() as connection:
        signing_keys.make_known(connection, SIGNER.public_key)
        people = {
            name: _person(accounts.create_account(connection, name=name, roles=[role]))
            for name, role in (
                ("ria", Role.REQUESTER),
                ("ann", Role.REVIEWER),
                ("bob", Role.REVIEWER),
                ("cid", Role.REVIEWER),
                ("eve", Role.ADJUDICATOR),
                ("pat", Role.APPROVER),
            )
        }
        owner = people["ria"].account_id
        classes = tuple(LabelClass(label=label) for label in WORDS)
        schema = LabelSchema(name="news", version=1, classes=classes)
        guideline = Guideline(name="news", version=1, text="Sport or money?")
        schema = definitions.put_schema(connection, schema, owner)
        guideline = definitions.put_guideline(connection, guideline, owner)
    datasets = folder / "datasets"
    datasets.mkdir(exist_ok=True)
    return World(
        client=signing_client(client),
        engine=engine,
        store=ArtifactStore(folder / "artifacts"),
        datasets=datasets,
        requester=people["ria"],
        approver=people["pat"],
        adjudicator=people["eve"],
        reviewers=[people["ann"], people["bob"], people["cid"]],
        schema=schema,
        guideline=guideline,
    )


@asynccontextmanager
async def working(world: World) -> AsyncIterator[None]:
    """Both workers, set up as their processes do it; webhooks may lead to the loopback address."""
    delivery = DeliveryActivities(world.engine, Outbound(TO_LOOPBACK), SEALER.open)
    async with (
        orchestration_worker(
            world.client, world.engine, world.store, delivery, Retention(rules=())
        ),
        compute_worker(world.client, world.engine, world.store, world.datasets),
    ):
        yield


def _person(account: accounts.Account) -> Actor:
    return Actor(account_id=account.account_id, name=account.name, authenticated_by="token")
