"""A round that waits for its reviewers: accounts, pool, policy, batch; and what it has kept."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass

import httpx
from sqlalchemy import select
from temporalio.api.enums.v1 import EventType

from activities.histories import round_histories
from api.demo.client import Person
from benchmarks.reviewers import LABELS
from domain.ids import RoundId
from domain.tasks import ReviewStatus
from storage.database import engine
from storage.tables import reviews
from workers.client import connect
from workers.local_stack import LocalStack
from workers.settings import Settings

POOL = "reviews"
POLICY = {
    "name": POOL,
    "description": "A fair draw: what is measured is reviewing, not selecting.",
    "batch_size": 100_000,
    "arms": [{"name": "random", "kind": "random", "share": 1.0}],
}
WORDS = (
    "parcel",
    "invoice",
    "late",
    "card",
    "number",
    "please",
    "order",
    "twice",
    "again",
    "never",
)
PATIENCE_SECONDS = 600.0
SIGNALLED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@dataclass(frozen=True, kw_only=True)
class OpenRound:
    round_id: RoundId
    tokens: list[str]
    """One for each reviewer."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the round has kept of what was said, where it matters."""

    in_history: Counter[str]
    """Review ids in signals that the shards' histories hold."""
    in_read_model: Counter[str]
    """Review ids of accepted reviews in PostgreSQL."""
    max_history_events: int
    shards: int


def open_round(stack: LocalStack, *, records: int, reviewers: int) -> OpenRound:
    """A round of so many records, two reviews each, as soon as its tasks can be claimed."""
    with httpx.Client(base_url=stack.addresses.api, timeout=PATIENCE_SECONDS) as http:
        admin_token = stack.addresses.admin_token_file.read_text().strip()
        admin = Person(http=http, name="admin", token=admin_token)
        requester = _person(http, admin, "requester")
        approver = _person(http, admin, "approver")
        tokens = [_joined(admin, f"reviewer {n}", "reviewer") for n in range(reviewers)]
        classes = [{"label": label, "meaning": f"about {label}"} for label in LABELS]
        requester.post("/schemas", {"name": POOL, "classes": classes})
        requester.post("/policies", POLICY)
        approver.post(f"/policies/{POOL}/1/approve", {"reason": "for measuring"})
        requester.post("/pools", {"pool": POOL, "kind": "text", "schema": POOL})
        requester.upload(f"/pools/{POOL}/imports", texts(records), file_name="texts.csv")
        asked = {"pool": POOL, "policy": POOL, "records": records, "reviews_per_record": 2}
        round_id = RoundId(requester.post("/rounds", asked)["round_id"])
        _until_open(requester, round_id, tasks=2 * records)
    return OpenRound(round_id=round_id, tokens=tokens)


def kept(stack: LocalStack, round_id: RoundId) -> Kept:
    """Counted from the histories in Temporal and from the rows in PostgreSQL."""
    in_history, lengths = asyncio.run(_in_histories(stack.settings, round_id))
    return Kept(
        in_history=in_history,
        in_read_model=_in_read_model(stack, round_id),
        max_history_events=max(lengths),
        shards=len(lengths) - 1,
    )


def until_shown(stack: LocalStack, round_id: RoundId, count: int) -> float:
    """Seconds until the read model shows so many reviews of the round."""
    start = time.perf_counter()
    while _in_read_model(stack, round_id).total() < count:
        if time.perf_counter() - start > PATIENCE_SECONDS:
            raise TimeoutError(f"{count} reviews are not shown after {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.05)
    return time.perf_counter() - start


def _person(http: httpx.Client, admin: Person, name: str) -> Person:
    return Person(http=http, name=name, token=_joined(admin, name, name))


def _joined(admin: Person, name: str, role: str) -> str:
    made = admin.post("/accounts", {"name": name, "roles": [role], "token": True})
    return str(made["token"])


def texts(records: int) -> bytes:
    rng = random.Random(0)  # noqa: S311 - texts to tell apart, no secrets
    lines = [f"t{n:06},{n} {' '.join(rng.choices(WORDS, k=30))}" for n in range(records)]
    return "\n".join(["id,text", *lines]).encode()


def _until_open(requester: Person, round_id: RoundId, *, tasks: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        shown = requester.get(f"/rounds/{round_id}")
        if shown["failure"] or shown["phase"] == "checking":
            raise RuntimeError(f"the round does not get to its reviews: {shown}")
        if sum(each["tasks"] for each in shown["backlog"]) == tasks:
            return
        time.sleep(0.2)
    raise TimeoutError(f"the round is not open after {PATIENCE_SECONDS:.0f} s")


def _in_read_model(stack: LocalStack, round_id: RoundId) -> Counter[str]:
    connecting = engine(stack.addresses.database_url, connections=1)
    try:
        with connecting.connect() as connection:
            return Counter(
                connection.scalars(
                    select(reviews.c.review_id).where(
                        reviews.c.round_id == round_id,
                        reviews.c.status == ReviewStatus.ACCEPTED,
                    )
                )
            )
    finally:
        connecting.dispose()


async def _in_histories(settings: Settings, round_id: RoundId) -> tuple[Counter[str], list[int]]:
    """The review ids that were signalled, and the length of each history, the round's first."""
    client = await connect(settings)
    signalled: Counter[str] = Counter()
    lengths = []
    for history in await round_histories(client, round_id):
        lengths.append(len(history.events))
        for event in history.events:
            signal = event.workflow_execution_signaled_event_attributes
            if event.event_type == SIGNALLED and signal.signal_name == "review":
                [message] = await client.data_converter.decode(signal.input.payloads)
                signalled[message["review_id"]] += 1
    return signalled, lengths
