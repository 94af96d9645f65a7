"""Events reach a real server signed, in order, at least once; what does not is not lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text

from activities.clock import now
from activities.delivery import DeliveryActivities
from activities.outbound import Outbound
from domain.accounts import Role
from domain.ids import AccountId, RoundId
from domain.notices import Audience, Notice, NoticeKind
from domain.webhooks import ATTEMPTS, DeliveryState, WebhookState, read_secret, written_secret
from storage import accounts, notices, webhooks
from storage.database import engine as connect
from storage.notices import tell
from tests.webhook_receiver import SEALER, TO_LOOPBACK, Received, Receiver, receiving
from workers.sealing import KEY_BYTES, Sealer

HOOK = "hook-1"
SECRET = b"s" * 32
ROUND = RoundId("r1")
Answer = tuple[int, dict[str, str]]


@dataclass
class Post:
    """A webhook at a server that listens, and what is to be delivered to it."""

    engine: Engine
    receiver: Receiver
    admin: AccountId
    activities: DeliveryActivities

    def say(self, *phases: str, round_id: RoundId = ROUND) -> None:
        for phase in phases:
            notice = Notice(
                notice_id=phase,
                kind=NoticeKind.PHASE_ENTERED,
                audience=Audience(),
                subject=round_id,
                text="",
                detail={"phase": phase},
            )
            with self.engine.begin() as connection:
                tell(connection, [notice], round_id=round_id, at=now())

    async def deliver(self) -> None:
        """Everything that is due, and what becomes so by that."""
        while await self.activities.deliver_batch():
            pass

    def wait(self) -> None:
        """As if the time until the next attempt had passed."""
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE deliveries SET due_at = now(), lease_until = NULL"))

    @property
    def phases(self) -> list[str]:
        return [each.event["data"]["phase"] for each in self.receiver.received]

    @property
    def webhook(self) -> webhooks.Webhook:
        with self.engine.connect() as connection:
            return webhooks.get_webhook(connection, HOOK)

    @property
    def told(self) -> list[str]:
        """The kinds of notice in the admin's inbox."""
        with self.engine.connect() as connection:
            return [each.kind.value for each in notices.inbox(connection, self.admin)]


def delivering(engine: Engine, sealer: Sealer = SEALER) -> DeliveryActivities:
    outbound = Outbound(TO_LOOPBACK)
    return DeliveryActivities(engine, outbound, sealer.open, public_url="https://labels.example/")


@pytest.fixture
def post(database: str) -> Iterator[Post]:
    engine = connect(database)
    with receiving() as receiver:
        with engine.begin() as connection:
            admin = accounts.create_account(connection, name="admin", roles={Role.ADMIN})
            webhooks.add_webhook(
                connection,
                webhook_id=HOOK,
                url=receiver.url,
                description="",
                kinds=(),
                sealed_secret=SEALER.seal(HOOK, SECRET),
                created_by=admin.account_id,
            )
        yield Post(engine, receiver, admin.account_id, delivering(engine))
    engine.dispose()


async def test_an_event_is_a_cloud_event_with_the_signature_of_standard_webhooks(
    post: Post,
) -> None:
    post.say("reviewing")
    await post.deliver()
    [received] = post.receiver.received
    headers = received.headers
    assert headers["content-type"] == "application/cloudevents+json"
    event = received.event
    assert event["specversion"] == "1.0"
    assert event["type"] == "labelwright.round.phase"
    assert event["source"] == "/rounds/r1"
    assert event["id"] == headers["webhook-id"]
    assert event["data"] == {
        "round_id": "r1",
        "phase": "reviewing",
        "link": "https://labels.example/rounds/r1",
    }
    version, _, given = headers["webhook-signature"].partition(",")
    signed = f"{event['id']}.{headers['webhook-timestamp']}.".encode() + received.body
    secret = read_secret(written_secret(SECRET))
    expected = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    assert (version, given) == ("v1", expected)


async def test_a_failed_event_holds_those_of_its_round_back_and_no_others(post: Post) -> None:
    down = True

    def answer(request: Received) -> Answer:
        first = request.event["source"] == "/rounds/r1"
        return (503 if down and first else 204), {}

    post.receiver.answer = answer
    post.say("scoring", "selecting", "routing")
    post.say("closed", round_id=RoundId("r2"))
    await post.deliver()
    assert sorted(post.phases) == ["closed", "scoring"]
    down = False
    await post.deliver()
    assert len(post.phases) == 2  # not before its time
    post.wait()
    await post.deliver()
    assert post.phases[2:] == ["scoring", "selecting", "routing"]
    ids = [each.event["id"] for each in post.receiver.received if "r1" in each.event["source"]]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_what_a_dead_process_had_claimed_is_sent_by_another_when_the_lease_ends(
    post: Post,
) -> None:
    post.say("scoring", "selecting")
    assert len(post.activities._claim()) == 1
    await delivering(post.engine).deliver_batch()
    assert post.phases == []
    post.wait()
    await post.deliver()
    assert post.phases == ["scoring", "selecting"]


async def test_after_its_last_attempt_an_event_is_a_dead_letter_that_can_be_replayed(
    post: Post,
) -> None:
    post.receiver.answer = lambda _request: (500, {})
    post.say("scoring", "selecting")
    for _ in range(ATTEMPTS):
        post.wait()
        await post.activities.deliver_batch()
    assert post.phases == ["scoring"] * ATTEMPTS
    assert (post.webhook.dead, post.webhook.pending) == (1, 1)
    assert post.told == ["webhook.dead_letter"]
    post.receiver.received.clear()
    post.receiver.answer = lambda _request: (204, {})
    with post.engine.begin() as connection:
        assert webhooks.replay(connection, HOOK) == 1
    await post.deliver()
    assert post.phases == ["scoring", "selecting"]


async def test_410_pauses_the_webhook_tells_an_admin_and_loses_nothing(post: Post) -> None:
    post.receiver.answer = lambda _request: (410, {})
    post.say("scoring", "selecting")
    await post.deliver()
    post.wait()
    await post.deliver()
    assert post.phases == ["scoring"]
    assert (post.webhook.state, post.webhook.pending) == (WebhookState.PAUSED, 2)
    assert post.told == ["webhook.paused"]
    post.receiver.answer = lambda _request: (204, {})
    with post.engine.begin() as connection:
        webhooks.resume(connection, HOOK)
    await post.deliver()
    assert post.phases == ["scoring", "scoring", "selecting"]


async def test_of_an_answer_only_its_status_and_the_time_it_took_are_kept(post: Post) -> None:
    post.receiver.answer = lambda _request: (500, {"X-Inner": "secret of the house"})
    post.say("scoring")
    await post.deliver()
    with post.engine.connect() as connection:
        [delivery] = webhooks.list_deliveries(connection, HOOK)
        row = connection.execute(text("SELECT deliveries::text FROM deliveries")).scalar_one()
    assert delivery.state is DeliveryState.PENDING
    assert (delivery.last_status, delivery.last_failure, delivery.attempts) == (500, "status", 1)
    assert "secret" not in row


async def test_with_another_key_nothing_is_sent_and_the_webhook_waits(post: Post) -> None:
    post.say("scoring")
    other = Sealer(b"o" * KEY_BYTES)
    await delivering(post.engine, other).deliver_batch()
    assert post.receiver.received == []
    assert post.webhook.state is WebhookState.PAUSED
    assert "another key" in post.webhook.state_reason
