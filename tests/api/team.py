"""People with their clients, and a round that is being reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx
from httpx import AsyncBaseTransport, AsyncClient

from api.policies import ready_made
from api.state import State
from domain.accounts import Actor, Role
from domain.arms import Arm, ArmKind
from domain.canonical import Sha256
from domain.ids import (
    PoolId,
    RecordId,
    RoundId,
    TaskId,
    Timestamp,
    adjudication_task_id,
    review_task_id,
    shard_workflow_id,
)
from domain.labels import LabelClass, LabelSchema
from domain.policy import SamplingPolicy
from domain.profiles import Profile
from domain.records import Content, ContentKind, KnownRole, Record
from domain.rounds import Phase, RoundPlan
from domain.routing import Clearance, Lane
from domain.selections import Selection
from domain.tasks import TaskKind, TaskOpening
from storage import (
    accounts,
    definitions,
    lanes,
    pools,
    profiles,
    rounds,
    sessions,
    signing_keys,
    tasks,
    tokens,
)
from storage.accounts import Account
from storage.importing import import_records
from storage.readers import Row
from storage.rounds import BatchRow

BASE = "http://labelwright.test"
LONG_AGO = Timestamp("2026-01-01T00:00:00.000000+00:00")
LABELS = ("card_arrival", "lost_card", "top_up")
YAML = {"Content-Type": "application/yaml"}
POLICY = """\
# What we look at each week.
name: weekly
batch_size: 4
arms:
  - {name: uncertain, kind: uncertain, share: 0.5}
  - {name: random, kind: random, share: 0.5}
"""


class Team:
    """`team.requester`, `team.rita` … are HTTP clients that bear a token of that account."""

    def __init__(self, state: State, transport: AsyncBaseTransport) -> None:
        self.state = state
        self._transport = transport
        self._clients: list[AsyncClient] = []
        self.accounts: dict[str, Account] = {}
        with state.engine.begin() as connection:
            # As the API does when it starts.
            ready_made.put_in_place(connection)
            signing_keys.make_known(connection, state.signer.public_key)
        self.nobody = self.client()
        self.admin = self.join("admin", Role.ADMIN)
        self.requester = self.join("requester", Role.REQUESTER)
        self.rita = self.join("rita", Role.REVIEWER)
        self.ravi = self.join("ravi", Role.REVIEWER)
        self.ada = self.join("ada", Role.ADJUDICATOR)
        self.approver = self.join("approver", Role.APPROVER)
        self.auditor = self.join("auditor", Role.AUDITOR)

    def client(self, **headers: str) -> AsyncClient:
        client = AsyncClient(transport=self._transport, base_url=BASE, headers=headers)
        self._clients.append(client)
        return client

    def join(self, name: str, *roles: Role) -> AsyncClient:
        with self.state.engine.begin() as connection:
            account = accounts.create_account(connection, name=name, roles=roles)
            token = tokens.issue_token(connection, account.account_id, "test")
        self.accounts[name] = account
        return self.client(Authorization=f"Bearer {token}")

    def clear(self, name: str, clearance: Clearance) -> None:
        """Lets that account see records of that level."""
        profile = Profile(account_id=self.accounts[name].account_id, clearance=clearance)
        with self.state.engine.begin() as connection:
            profiles.put_profile(
                connection,
                profile,
                changed_by=self.accounts["admin"].account_id,
                reason="as it is",
            )

    def password(self, name: str) -> str:
        """A fresh one-time password of that account."""
        with self.state.engine.begin() as connection:
            return sessions.issue_one_time_password(
                connection, self.accounts[name].account_id, timedelta(hours=1)
            )

    def actor(self, name: str) -> Actor:
        account = self.accounts[name]
        return Actor(account_id=account.account_id, name=name, authenticated_by="token")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients:
            await client.aclose()


@dataclass(frozen=True, kw_only=True)
class Reviewing:
    """A round of two records whose shard runs, with one slot for each reviewer."""

    round_id: RoundId
    task_ids: list[str]
    workflow_id: str


def import_texts(
    team: Team,
    pool: str,
    texts: int,
    schema: LabelSchema | None = None,
    *,
    label: str | None = None,
    prefix: str = "r",
) -> None:
    rows = [
        Row(
            line=number,
            record=Record(
                record_id=RecordId(f"{prefix}{number:03}"),
                content=Content({"text": f"{label or 'text'} {number}"}),
                label=label,
                role=None if label is None else KnownRole.TRAIN,
            ),
        )
        for number in range(texts)
    ]
    import_records(
        team.state.engine,
        PoolId(pool),
        rows,
        schema=schema,
        created_by=team.accounts["requester"].account_id,
        file_name="texts.jsonl",
    )


def define(team: Team, **changes: Any) -> LabelSchema:
    """A label schema, of `changes` where they are given, and a pool `mail` with ten records."""
    who = team.accounts["requester"].account_id
    wanted = LabelSchema(
        name="banking",
        version=1,
        classes=tuple(LabelClass(label=label, meaning=f"about {label}") for label in LABELS),
        **changes,
    )
    with team.state.engine.begin() as connection:
        schema = definitions.put_schema(connection, wanted, who)
        pools.create_pool(
            connection,
            PoolId("mail"),
            kind=ContentKind.TEXT,
            schema=(schema.name, schema.version),
            created_by=who,
        )
    import_texts(team, "mail", 10, schema)
    return schema


async def add_policy(team: Team, document: str = POLICY, *, approved: bool = True) -> str:
    """`name@version` of the policy, written by the requester and approved by the approver."""
    made = (await team.requester.post("/api/v1/policies", content=document, headers=YAML)).json()
    if approved:
        address = f"/api/v1/policies/{made['name']}/{made['version']}/approve"
        answer = await team.approver.post(address, json={"reason": "as we agreed"})
        assert answer.status_code == 200, answer.text
    return f"{made['name']}@{made['version']}"


async def start_reviewing(
    team: Team, *, kind: TaskKind = TaskKind.REVIEW, **schema_changes: Any
) -> Reviewing:
    """As the workflow would have it: round, batch and tasks projected, the shard open to signals.

    No worker runs, so what is signalled stays in history, where the test can read it.
    """
    schema = define(team, **schema_changes)
    round_id = RoundId(f"mail-20260101-{uuid4().hex[:8]}")
    plan = RoundPlan(
        round_id=round_id,
        pool_id=PoolId("mail"),
        kind=ContentKind.TEXT,
        dataset="mail",
        policy=SamplingPolicy(
            name="mail",
            version=1,
            batch_size=2,
            arms=(Arm(name="random", kind=ArmKind.RANDOM, share=1.0),),
        ),
        schema=schema,
        guideline="none@1",
        guideline_digest=Sha256("0" * 64),
        requested_by=team.actor("requester"),
        requested_at=LONG_AGO,
    )
    slots = 2 if kind is TaskKind.REVIEW else 1
    openings = [
        TaskOpening(
            task_id=_task_id(kind, round_id, ordinal, slot),
            record_id=RecordId(f"r{ordinal:03}"),
            ordinal=ordinal,
            kind=kind,
            slot=slot,
        )
        for ordinal in range(2)
        for slot in range(slots)
    ]
    with team.state.engine.begin() as connection:
        rounds.create_round(connection, plan)
        lanes.put_lanes(connection, round_id, [Lane(number=0)], schema=schema.name)
        rounds.put_batch(
            connection,
            round_id,
            [_batch_row(connection, ordinal) for ordinal in range(2)],
        )
        tasks.open_tasks(
            connection, round_id=round_id, shard=0, openings=openings, deadline=LONG_AGO
        )
        rounds.project_phase(
            connection,
            round_id,
            Phase.REVIEWING,
            summary={"batch": {"records": 2}},
            awaiting={"who": "reviewers"},
            at=LONG_AGO,
        )
    workflow_id = shard_workflow_id(round_id, 0)
    client = await team.state.temporal.client()
    await client.start_workflow(
        "ReviewShardWorkflow", {}, id=workflow_id, task_queue="nobody-works-here"
    )
    return Reviewing(
        round_id=round_id,
        task_ids=[opening.task_id for opening in openings],
        workflow_id=workflow_id,
    )


def _task_id(kind: TaskKind, round_id: RoundId, ordinal: int, slot: int) -> TaskId:
    if kind is TaskKind.REVIEW:
        return review_task_id(round_id, 0, ordinal, slot)
    return adjudication_task_id(round_id, 0, ordinal)


def _batch_row(connection: Any, ordinal: int) -> BatchRow:
    record = pools.get_record(connection, PoolId("mail"), RecordId(f"r{ordinal:03}"))
    return BatchRow(
        selection=Selection(
            ordinal=ordinal,
            record_id=record.record_id,
            arm="random",
            rank=ordinal,
            score=None,
            propensity=0.2,
            reason="random",
        ),
        content_digest=record.content_digest,
        shard=0,
    )


async def signals(team: Team, workflow_id: str) -> list[dict[str, Any]]:
    """The messages in the workflow's history, with the signal's name as `signal`."""
    client = await team.state.temporal.client()
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    found = []
    for event in history.events:
        if event.HasField("workflow_execution_signaled_event_attributes"):
            attributes = event.workflow_execution_signaled_event_attributes
            [message] = await client.data_converter.decode(list(attributes.input.payloads))
            found.append(message | {"signal": attributes.signal_name})
    return found


def answer(**changes: Any) -> dict[str, Any]:
    """The body of a review."""
    return {
        "review_id": str(uuid4()),
        "verdict": {"kind": "label", "label": "lost_card"},
        "schema": "banking@1",
        "guideline": "none@1",
        "confidence": 0.9,
        "rationale": "it says so",
        "seconds": 3,
    } | changes


def code(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == response.status_code
    return str(problem["code"])
