"""One round with a public and a restricted record, and a person of each role and clearance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from httpx import AsyncClient
from sqlalchemy import Connection

from domain.accounts import Actor, Role
from domain.arms import Arm, ArmKind
from domain.canonical import Sha256
from domain.gold import GoldRules
from domain.ids import (
    AccountId,
    PoolId,
    RecordId,
    ReviewId,
    RoundId,
    TaskId,
    Timestamp,
    adjudication_task_id,
    review_task_id,
)
from domain.labels import LabelClass, LabelSchema
from domain.notices import Audience, Notice, NoticeKind
from domain.outcomes import How, Outcome
from domain.policy import SamplingPolicy
from domain.profiles import Profile
from domain.records import Content, ContentKind, KnownRole, Record
from domain.reviews import Submission, Verdict, VerdictKind
from domain.rounds import Phase, RoundPlan
from domain.routing import Clearance, Lane, Requirement
from domain.selections import Selection
from domain.tasks import ProjectedReview, ReviewStatus, TaskKind, TaskOpening
from storage import (
    database,
    datasets,
    definitions,
    lanes,
    notices,
    pools,
    profiles,
    reviews,
    rounds,
    tasks,
)
from storage.accounts import Account
from storage.dataset_rows import write_rows
from storage.datasets import DatasetVersion
from storage.importing import import_records
from storage.readers import Row
from storage.rounds import BatchRow
from storage.tables import review_receipts
from tests.api.team import LONG_AGO, Team

CLEARANCES = (Clearance.PUBLIC, Clearance.CONFIDENTIAL, Clearance.RESTRICTED)
LEVELS = (Clearance.PUBLIC, Clearance.RESTRICTED)
POOL = PoolId("vault")
TEXTS = {level: f"the {level} text" for level in LEVELS}
LATER = Timestamp("2099-01-01T00:00:00.000000+00:00")


@dataclass(frozen=True, kw_only=True)
class Person:
    """One role, one clearance, and what is theirs of the record of each level."""

    role: Role
    clearance: Clearance
    account: Account
    client: AsyncClient
    tasks: dict[Clearance, TaskId]
    review_ids: dict[Clearance, ReviewId]
    notice_ids: dict[Clearance, str]


@dataclass(frozen=True, kw_only=True)
class World:
    people: list[Person]
    datasets: dict[Clearance, str]
    round_id: RoundId

    def names(self, person: Person, level: Clearance) -> dict[str, str]:
        """What stands for each placeholder of an address, for things of that level."""
        return {
            "pool": POOL,
            "record_id:path": record(level),
            "task_id": person.tasks[level],
            "review_id": person.review_ids[level],
            "notice_id": person.notice_ids[level],
            "round_id": self.round_id,
            "dataset": self.datasets[level],
            "version": "1",
            "schema": "banking",
            "account_id": person.account.account_id,
        }


def record(level: Clearance) -> RecordId:
    return RecordId(f"paper-{level}")


async def make_world(team: Team, folder: Path) -> World:
    owner = database.engine(team.state.settings.database_url, connections=2)
    round_ids = {level: RoundId(f"vault-{level}-{uuid4().hex[:6]}") for level in LEVELS}
    round_id = round_ids[Clearance.RESTRICTED]
    schema = LabelSchema(
        name="banking", version=1, classes=tuple(map(_class, ("lost_card", "top_up")))
    )
    lead = team.accounts["requester"].account_id
    with owner.begin() as connection:
        schema = definitions.put_schema(connection, schema, lead)
        pinned = (schema.name, schema.version)
        pools.create_pool(connection, POOL, kind=ContentKind.TEXT, schema=pinned, created_by=lead)
    rows = [Row(line=level.level, record=_record(level)) for level in LEVELS]
    gold = [Row(line=10 + level.level, record=_gold(level)) for level in LEVELS]
    import_records(
        owner, POOL, [*rows, *gold], schema=schema, created_by=lead, file_name="vault.jsonl"
    )
    people = []
    with owner.begin() as connection:
        for level, each in round_ids.items():
            rounds.create_round(connection, _plan(team, each, schema))
            lanes.put_lanes(connection, each, map(_lane, LEVELS), schema=schema.name)
            held = LEVELS if level is Clearance.RESTRICTED else LEVELS[:1]
            rounds.put_batch(connection, each, [_batch_row(one) for one in held])
        rounds.project_phase(
            connection, round_id, Phase.REVIEWING, summary={}, awaiting=None, at=LONG_AGO
        )
        for level in LEVELS:
            datasets.insert_version(connection, _version(team, round_ids[level], level, folder))
    number = 0
    for role in Role:
        for clearance in CLEARANCES:
            name = f"{role}-{clearance}"
            client = team.join(name, role)
            with owner.begin() as connection:
                person = _settle(
                    connection,
                    team.accounts[name],
                    role,
                    clearance,
                    round_id=round_id,
                    number=number,
                )
            people.append(Person(client=client, **person))
            number += 1
    with owner.begin() as connection:
        reviews.project_outcomes(
            connection,
            round_id=round_id,
            shard=0,
            outcomes_=[_outcome(level) for level in LEVELS],
            at=LONG_AGO,
        )
    owner.dispose()
    return World(
        people=people,
        round_id=round_id,
        datasets={level: f"vault-{level}" for level in LEVELS},
    )


def _settle(
    connection: Connection,
    account: Account,
    role: Role,
    clearance: Clearance,
    *,
    round_id: RoundId,
    number: int,
) -> dict[str, Any]:
    """A profile, and of each record a task, an answer and a notice."""
    name = account.name
    profile = Profile(account_id=account.account_id, clearance=clearance)
    profiles.put_profile(connection, profile, changed_by=AccountId("acc-lead"), reason="as it is")
    kind = TaskKind.ADJUDICATION if role is Role.ADJUDICATOR else TaskKind.REVIEW
    task_ids, review_ids, notice_ids = {}, {}, {}
    for level in LEVELS:
        task_id = review_task_id(round_id, 0, level.level, number)
        if kind is TaskKind.ADJUDICATION:
            task_id = adjudication_task_id(round_id, number, level.level)
        answered = review_task_id(round_id, 0, level.level, 100 + number)
        tasks.open_tasks(
            connection,
            round_id=round_id,
            shard=0,
            openings=[
                _opening(task_id, level, kind, number),
                _opening(answered, level, TaskKind.REVIEW, 100 + number),
            ],
            deadline=LATER,
        )
        review_id = ReviewId(f"rev-{name}-{level}")
        connection.execute(
            review_receipts.insert().values(
                review_id=review_id,
                task_id=answered,
                account_id=account.account_id,
                body_digest="",
            )
        )
        reviews.project_reviews(
            connection,
            round_id=round_id,
            shard=0,
            # Undone, so that its author may still take the task of the record.
            decided=[_review(review_id, answered, level, account, 2 * number + level.level)],
        )
        said = _notice(name, level, account, answered)
        notices.tell(connection, [said], round_id=round_id, at=LONG_AGO)
        task_ids[level], review_ids[level] = task_id, review_id
        inbox = notices.inbox(connection, account.account_id, limit=1)
        notice_ids[level] = inbox[0].notice_id
    return {
        "role": role,
        "clearance": clearance,
        "account": account,
        "tasks": task_ids,
        "review_ids": review_ids,
        "notice_ids": notice_ids,
    }


def _class(label: str) -> LabelClass:
    return LabelClass(label=label, meaning=f"about {label}")


def _record(level: Clearance) -> Record:
    return Record(
        record_id=record(level),
        content=Content({"text": TEXTS[level]}),
        metadata={"sensitivity": level.value},
    )


def _gold(level: Clearance) -> Record:
    return Record(
        record_id=RecordId(f"gold-{record(level)}"),
        content=Content({"text": f"known: {TEXTS[level]}"}),
        metadata={"usage_restriction": level.value},
        label="lost_card",
        role=KnownRole.GOLD,
    )


def _lane(level: Clearance) -> Lane:
    return Lane(number=level.level, requirement=Requirement(clearance=level))


def _plan(team: Team, round_id: RoundId, schema: LabelSchema) -> RoundPlan:
    return RoundPlan(
        round_id=round_id,
        pool_id=POOL,
        kind=ContentKind.TEXT,
        dataset=round_id,
        policy=SamplingPolicy(
            name="vault",
            version=1,
            batch_size=2,
            arms=(Arm(name="random", kind=ArmKind.RANDOM, share=1.0),),
        ),
        schema=schema,
        guideline="none@1",
        guideline_digest=Sha256("0" * 64),
        requested_by=team.actor("requester"),
        requested_at=LONG_AGO,
        gold=GoldRules(calibrate=5),
    )


def _batch_row(level: Clearance) -> BatchRow:
    return BatchRow(
        selection=Selection(
            ordinal=level.level,
            record_id=record(level),
            arm="random",
            rank=level.level,
            score=None,
            propensity=0.2,
            reason="random",
        ),
        content_digest=_record(level).content_digest,
        shard=0,
        lane=level.level,
    )


def _opening(task_id: TaskId, level: Clearance, kind: TaskKind, slot: int) -> TaskOpening:
    return TaskOpening(
        task_id=task_id,
        record_id=record(level),
        ordinal=level.level,
        kind=kind,
        slot=slot,
        lane=level.level,
    )


def _review(
    review_id: ReviewId, task_id: TaskId, level: Clearance, author: Account, sequence: int
) -> ProjectedReview:
    return ProjectedReview(
        message=Submission(
            review_id=review_id,
            task_id=task_id,
            record_id=record(level),
            verdict=Verdict(kind=VerdictKind.LABEL, label="lost_card"),
            confidence=0.9,
            rationale=f"because of {TEXTS[level]}",
            seconds=3.0,
            guideline="none@1",
            actor=_actor(author),
            submitted_at=LONG_AGO,
        ),
        kind=TaskKind.REVIEW,
        status=ReviewStatus.REFUSED,
        refusal="late: the record is settled",
        sequence=sequence,
        decided_at=LONG_AGO,
        look=1,
    )


def _actor(account: Account) -> Actor:
    return Actor(account_id=account.account_id, name=account.name, authenticated_by="token")


def _outcome(level: Clearance) -> Outcome:
    return Outcome(
        record_id=record(level),
        verdict=Verdict(kind=VerdictKind.LABEL, label="lost_card"),
        how=How.AGREEMENT,
        label_confidence=1.0,
        reviews=1,
        look=1,
    )


def _notice(name: str, level: Clearance, account: Account, task_id: TaskId) -> Notice:
    return Notice(
        notice_id=f"given/{name}/{level}",
        kind=NoticeKind.TASK_ASSIGNED,
        audience=Audience(accounts=(account.account_id,)),
        subject=task_id,
        text=f"Lea gave you a task of record {record(level)}: “{TEXTS[level]}”.",
        detail={"task_id": task_id, "record_id": record(level)},
    )


def _version(team: Team, round_id: RoundId, level: Clearance, folder: Path) -> DatasetVersion:
    path = folder / f"vault-{level}"
    path.mkdir()
    (path / "train.parquet").write_text(TEXTS[level])
    (path / "manifest.json").write_text("{}")
    return DatasetVersion(
        dataset=f"vault-{level}",
        version=1,
        digest=Sha256("a" * 64),
        parent_version=None,
        round_id=round_id,
        manifest={
            "files": {"train": {"name": "train.parquet"}},
            "rows": write_rows(team.state.store, []),
        },
        manifest_sha256=Sha256("b" * 64),
        path=str(path),
        rows=1,
        roles={},
        ledger_head=Sha256("c" * 64),
        approved_by=team.accounts["approver"].account_id,
        published_at=LONG_AGO,
    )
