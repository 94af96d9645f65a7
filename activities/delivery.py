"""Delivers events to webhooks: at least once, and those of a round in their order.

What is due is in the database. A delivery is claimed with a lease, sent, and settled; a process
that dies in between leaves a lease that runs out, and the event is sent again under the same id.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Engine
from temporalio import activity

from activities.clock import now
from activities.outbound import Outbound
from domain.accounts import Role
from domain.errors import InvalidInput
from domain.events import MEDIA_TYPE, envelope
from domain.notices import Audience, Notice, NoticeKind
from domain.webhooks import delay_after, signature
from storage import outbox, webhooks
from storage.notices import tell
from storage.outbox import Attempted, Due

Unseal = Callable[[str, str], bytes]
"""A webhook's id and its sealed secret → the secret. Raises InvalidInput."""

BATCH = 32
"""Deliveries at a time, over all webhooks."""

LEASE = timedelta(seconds=30)
"""Three times as long as an attempt can take."""

PAUSE_SECONDS = 1.0
"""Between looks when nothing is due."""

GONE = 410
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    attempts: int


class DeliveryActivities:
    def __init__(
        self, engine: Engine, outbound: Outbound, unseal: Unseal, *, public_url: str = ""
    ) -> None:
        """Links in events begin with `public_url`."""
        self._engine = engine
        self._outbound = outbound
        self._unseal = unseal
        self._public_url = public_url.rstrip("/")

    @activity.defn
    async def deliver_due(self, stretch_seconds: float) -> Delivered:
        """Sends what is due, as it becomes due, for so long; or until the worker is to stop."""
        until = time.monotonic() + stretch_seconds
        attempts = 0
        while time.monotonic() < until and not activity.is_worker_shutdown():
            sent = await self.deliver_batch()
            attempts += sent
            activity.heartbeat(attempts)
            if not sent:
                await asyncio.sleep(PAUSE_SECONDS)
        return Delivered(attempts=attempts)

    async def deliver_batch(self) -> int:
        """Sends what is due now, each once, and says how many those were."""
        claimed = await asyncio.to_thread(self._claim)
        await asyncio.gather(*map(self._deliver, claimed))
        return len(claimed)

    def _claim(self) -> list[Due]:
        with self._engine.begin() as connection:
            return outbox.claim_due(connection, limit=BATCH, lease=LEASE)

    async def _deliver(self, due: Due) -> None:
        body = envelope(due.event, link=self._public_url + due.place)
        timestamp = int(time.time())
        try:
            secret = self._unseal(due.webhook_id, due.sealed_secret)
        except InvalidInput as error:
            unsent = Attempted(status=None, failure="no_secret", milliseconds=0)
            await asyncio.to_thread(self._settle, due, unsent, error.message)
            return
        attempted = await self._outbound.post(
            due.url,
            body,
            {
                "Content-Type": MEDIA_TYPE,
                "webhook-id": due.event.event_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(
                    secret, message_id=due.event.event_id, timestamp=timestamp, body=body
                ),
            },
        )
        over = "its server answered 410 Gone" if attempted.status == GONE else ""
        await asyncio.to_thread(self._settle, due, attempted, over)

    def _settle(self, due: Due, attempted: Attempted, over: str) -> None:
        """`over` says why the webhook is paused; the event then waits with those behind it."""
        chance = random.random()  # noqa: S311 - spreads load, protects nothing
        again_in = 0.0 if over else delay_after(due.attempt, chance=chance)
        _log.info(
            "webhook attempted",
            webhook_id=due.webhook_id,
            event_id=due.event.event_id,
            status=attempted.status,
            failure=attempted.failure,
        )
        with self._engine.begin() as connection:
            # The webhook before its delivery, as everybody locks them.
            paused = bool(over) and webhooks.pause(connection, due.webhook_id, reason=over)
            ours = outbox.settle(connection, due, attempted, again_in=again_in)
            said = [_paused(due, over)] if paused else []
            if ours and attempted.failure and again_in is None:
                said.append(_dead_letter(due))
            tell(connection, said, round_id=None, at=now())


def _paused(due: Due, why: str) -> Notice:
    return Notice(
        notice_id=f"{due.webhook_id}/paused/{due.event.event_id}/{due.attempt}",
        kind=NoticeKind.WEBHOOK_PAUSED,
        audience=Audience(roles=(Role.ADMIN,)),
        subject=due.webhook_id,
        text=f"Webhook {due.webhook_id} is paused: {why}. Its events wait.",
    )


def _dead_letter(due: Due) -> Notice:
    """One a day and webhook: a server that is away for good has one for each event."""
    return Notice(
        notice_id=f"{due.webhook_id}/dead/{now()[:10]}",
        kind=NoticeKind.WEBHOOK_DEAD_LETTER,
        audience=Audience(roles=(Role.ADMIN,)),
        subject=due.webhook_id,
        text=f"Webhook {due.webhook_id} could not be reached for days, and events were given up. "
        "They can be replayed.",
    )
