"""A large round that really ran, for its audit to be measured: people answer one at a time.

Each review is signed with the stack's own key and signalled to its shard, as the API does it; how
fast the API takes reviews is what `benchmarks/reviews.py` measures. A shard has decided on one
review and shown it before the next one comes to it: about ten events a review, as when people
answer in their own time.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Engine, func, select
from temporalio.client import Client

from activities.clock import now
from api.demo.client import Person
from benchmarks.review_round import PATIENCE_SECONDS, POLICY, POOL, texts
from benchmarks.reviewers import LABELS
from domain.accounts import Actor
from domain.ids import AccountId, RecordId, ReviewId, RoundId, TaskId, shard_workflow_id
from domain.reviews import Submission, Verdict, VerdictKind
from domain.signing import audience_of
from storage.database import engine as connect_database
from storage.tables import reviews, tasks
from workers.local_stack import LocalStack
from workers.signing import Signer, load_or_create

POLL_SECONDS = 0.02
AT_ONCE = 8
"""Shards that people work on at the same time: workers that have to replay many long histories at
once, on a machine that has other things to do, take longer than a workflow task may."""
UNLABELLED_BESIDES = 50
REVIEWERS = 3


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A round that was reviewed, approved and published."""

    round_id: RoundId
    reviews: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Team:
    requester: Person
    approver: Person
    reviewers: tuple[Actor, ...]


@dataclass(frozen=True, kw_only=True)
class _Task:
    task_id: TaskId
    record_id: RecordId
    shard: int
    slot: int


def reviewed_round(stack: LocalStack, *, records: int, extra: int) -> Reviewed:
    """Two reviews a record and a third for `extra` of them, on which the first two differ."""
    connected = connect_database(stack.addresses.database_url, connections=2)
    try:
        with httpx.Client(base_url=stack.addresses.api, timeout=PATIENCE_SECONDS) as http:
            team = _team(stack, http)
            round_id = _started(team, records)
            start = time.perf_counter()
            count = asyncio.run(
                _review(stack, connected, team, round_id, records=records, extra=extra)
            )
            seconds = time.perf_counter() - start
            _approve(team, round_id)
        return Reviewed(round_id=round_id, reviews=count, seconds=seconds)
    finally:
        connected.dispose()


def _team(stack: LocalStack, http: httpx.Client) -> _Team:
    admin = Person(
        http=http, name="admin", token=stack.addresses.admin_token_file.read_text().strip()
    )

    def joined(name: str, role: str) -> dict[str, Any]:
        made: dict[str, Any] = admin.post(
            "/accounts", {"name": name, "roles": [role], "token": True}
        )
        return made

    def person(name: str) -> Person:
        return Person(http=http, name=name, token=str(joined(name, name)["token"]))

    reviewers = [joined(f"reviewer {n}", "reviewer")["account"] for n in range(REVIEWERS)]
    return _Team(
        requester=person("requester"),
        approver=person("approver"),
        reviewers=tuple(
            Actor(
                account_id=AccountId(each["account_id"]),
                name=each["name"],
                authenticated_by="token",
            )
            for each in reviewers
        ),
    )


def _started(team: _Team, records: int) -> RoundId:
    requester = team.requester
    classes = [{"label": label, "meaning": f"about {label}"} for label in LABELS]
    requester.post("/schemas", {"name": POOL, "classes": classes})
    requester.post("/policies", POLICY)
    team.approver.post(f"/policies/{POOL}/1/approve", {"reason": "for measuring"})
    requester.post("/pools", {"pool": POOL, "kind": "text", "schema": POOL})
    requester.upload(
        f"/pools/{POOL}/imports", texts(records + UNLABELLED_BESIDES), file_name="texts.csv"
    )
    asked = {
        "pool": POOL,
        "policy": POOL,
        "records": records,
        "reviews_per_record": 2,
        "reviewing": {"extra_reviews": 1, "undo_seconds": 0},
    }
    return RoundId(requester.post("/rounds", asked)["round_id"])


async def _review(
    stack: LocalStack,
    connected: Engine,
    team: _Team,
    round_id: RoundId,
    *,
    records: int,
    extra: int,
) -> int:
    """Every slot in turn: the first reviewer of each record, then the second, then the third."""
    signer = load_or_create(stack.data_dir / "secrets" / "signing.pem")
    client = await Client.connect(stack.addresses.temporal)
    guideline = team.requester.get(f"/rounds/{round_id}")["guideline"]
    sent = 0
    differing: set[str] = set()
    for slot, wanted in enumerate((records, records, extra)):
        waiting = await _until_open(connected, round_id, slot, wanted)
        if slot == 0:
            differing = set(sorted(each.record_id for each in waiting)[:extra])
        messages: dict[int, list[Submission]] = {}
        for each in waiting:
            answer = _answer(
                each,
                team.reviewers[slot],
                signer,
                round_id=round_id,
                guideline=guideline,
                differing=differing,
            )
            messages.setdefault(each.shard, []).append(answer)
        await _send(client, connected, round_id, messages)
        sent += len(waiting)
    return sent


async def _send(
    client: Client, connected: Engine, round_id: RoundId, messages: Mapping[int, list[Submission]]
) -> None:
    """A few shards at a time; each is sent its next review when it has shown the last."""
    shown: Counter[int] = Counter()
    gate = asyncio.Semaphore(AT_ONCE)

    async def shard(number: int, waiting: list[Submission], before: int) -> None:
        handle = client.get_workflow_handle(shard_workflow_id(round_id, number))
        async with gate:
            for count, message in enumerate(waiting, before + 1):
                await handle.signal("review", message)
                while shown[number] < count:  # noqa: ASYNC110 -- the database tells nobody
                    await asyncio.sleep(POLL_SECONDS)

    async def look() -> None:
        while True:
            shown.update(await asyncio.to_thread(_shown, connected, round_id) - shown)
            await asyncio.sleep(POLL_SECONDS)

    shown.update(await asyncio.to_thread(_shown, connected, round_id))
    before = dict(shown)
    looking = asyncio.create_task(look())
    async with asyncio.TaskGroup() as group:
        for number, waiting in messages.items():
            group.create_task(shard(number, waiting, before.get(number, 0)))
    looking.cancel()


def _shown(connected: Engine, round_id: RoundId) -> Counter[int]:
    """Reviews in the read model, by shard."""
    statement = (
        select(reviews.c.shard, func.count())
        .where(reviews.c.round_id == round_id)
        .group_by(reviews.c.shard)
    )
    with connected.connect() as connection:
        rows = connection.execute(statement).all()
        return Counter({row.shard: int(row[1]) for row in rows})


def _answer(
    task: _Task,
    who: Actor,
    signer: Signer,
    *,
    round_id: RoundId,
    guideline: str,
    differing: set[str],
) -> Submission:
    right = int(task.record_id[1:]) % len(LABELS)
    wrong = task.slot == 1 and task.record_id in differing
    label = LABELS[(right + wrong) % len(LABELS)]
    return signer.sign(
        Submission(
            review_id=ReviewId(str(uuid4())),
            task_id=task.task_id,
            record_id=task.record_id,
            verdict=Verdict(kind=VerdictKind.LABEL, label=label),
            confidence=0.9,
            rationale="",
            seconds=1.5,
            guideline=guideline,
            actor=who,
            submitted_at=now(),
        ),
        audience=audience_of(shard_workflow_id(round_id, task.shard), "review"),
    )


async def _until_open(connected: Engine, round_id: RoundId, slot: int, wanted: int) -> list[_Task]:
    statement = select(tasks.c.task_id, tasks.c.record_id, tasks.c.shard, tasks.c.slot).where(
        tasks.c.round_id == round_id, tasks.c.slot == slot, tasks.c.kind == "review"
    )

    def found() -> list[_Task]:
        with connected.connect() as connection:
            return [_Task(**row) for row in connection.execute(statement).mappings()]

    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        waiting = await asyncio.to_thread(found)
        if len(waiting) == wanted:
            return waiting
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{len(waiting)} of {wanted} tasks are open after {PATIENCE_SECONDS:.0f} s")


def _approve(team: _Team, round_id: RoundId) -> None:
    shown = _until_phase(team, round_id, {"approval"})
    digest = shown["awaiting"]["dataset_digest"]
    body = {"approved": True, "dataset_digest": digest, "reason": "for measuring"}
    team.approver.post(f"/rounds/{round_id}/approval", body)
    _until_phase(team, round_id, {"closed"})


def _until_phase(team: _Team, round_id: RoundId, phases: set[str]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        shown: dict[str, Any] = team.requester.get(f"/rounds/{round_id}")
        if shown["phase"] in phases:
            return shown
        if shown["failure"]:
            raise RuntimeError(f"the round has failed: {shown['failure']}")
        time.sleep(0.5)
    raise TimeoutError(f"the round is {shown['phase']} after {PATIENCE_SECONDS:.0f} s")
