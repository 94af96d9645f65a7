"""Webhooks: where programs want to be told, and what became of what they were told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import Conflict, NotFound
from domain.ids import AccountId, Timestamp
from domain.notices import NoticeKind
from domain.webhooks import DeliveryState, WebhookState
from storage.documents import plain_text
from storage.tables import deliveries, events, webhooks


@dataclass(frozen=True, kw_only=True)
class Webhook:
    webhook_id: str
    url: str
    description: str
    kinds: tuple[str, ...]
    """Empty: events of every kind."""
    state: WebhookState
    state_reason: str
    created_by: AccountId
    created_at: Timestamp
    pending: int
    dead: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event for one webhook: what was tried, and what came of it."""

    webhook_id: str
    event_id: str
    sequence: int
    kind: NoticeKind
    source: str
    subject: str
    at: Timestamp
    state: DeliveryState
    attempts: int
    due_at: Timestamp
    last_status: int | None
    last_failure: str
    last_milliseconds: int | None
    last_attempt_at: Timestamp | None
    delivered_at: Timestamp | None


def add_webhook(
    connection: Connection,
    *,
    webhook_id: str,
    url: str,
    description: str,
    kinds: Collection[NoticeKind],
    sealed_secret: str,
    created_by: AccountId,
) -> Webhook:
    connection.execute(
        insert(webhooks).values(
            webhook_id=webhook_id,
            url=url,
            description=description,
            kinds=sorted({kind.value for kind in kinds}),
            sealed_secret=sealed_secret,
            created_by=created_by,
        )
    )
    return get_webhook(connection, webhook_id)


def get_webhook(connection: Connection, webhook_id: str) -> Webhook:
    """The webhook. Raises NotFound, also when it has been removed."""
    row = connection.execute(_standing().where(webhooks.c.webhook_id == webhook_id)).one_or_none()
    if row is None:
        raise NotFound(
            "no such webhook", hint="labelwright webhook list shows them", webhook_id=webhook_id
        )
    return _webhook(row)


def list_webhooks(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[Webhook]:
    """Webhooks by id, from the one that follows `after`."""
    query = _standing().order_by(webhooks.c.webhook_id).limit(limit)
    if after is not None:
        query = query.where(webhooks.c.webhook_id > after)
    return [_webhook(row) for row in connection.execute(query)]


def pause(connection: Connection, webhook_id: str, *, reason: str) -> bool:
    """Lets events wait from now on, and says whether they did not before.

    One that is being sent still is. A webhook that has been removed stays so.
    """
    return _move(connection, webhook_id, WebhookState.ACTIVE, WebhookState.PAUSED, reason)


def resume(connection: Connection, webhook_id: str) -> bool:
    """Sends again, what has waited first and at once; whether the webhook was paused."""
    if not _move(connection, webhook_id, WebhookState.PAUSED, WebhookState.ACTIVE, ""):
        return False
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.webhook_id == webhook_id,
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.lease_until.is_(None),
        )
        .values(due_at=func.now(), attempts=0)
    )
    return True


def remove(connection: Connection, webhook_id: str) -> None:
    """Forgets the secret and drops what waits; what was delivered stays known. Raises NotFound."""
    get_webhook(connection, webhook_id)
    connection.execute(
        update(webhooks)
        .where(webhooks.c.webhook_id == webhook_id)
        .values(state=WebhookState.REMOVED.value, sealed_secret=None)
    )
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.webhook_id == webhook_id,
            deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.DEAD]),
        )
        .values(state=DeliveryState.DROPPED.value, lease_until=None)
    )


def list_deliveries(
    connection: Connection,
    webhook_id: str,
    *,
    state: DeliveryState | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """Deliveries, the newest event first, from the one that follows the sequence `after`."""
    query = _deliveries_of(webhook_id).order_by(deliveries.c.sequence.desc()).limit(limit)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    if after is not None:
        query = query.where(deliveries.c.sequence < after)
    return [_delivery(row) for row in connection.execute(query)]


def get_delivery(connection: Connection, webhook_id: str, event_id: str) -> Delivery:
    """What became of the event. Raises NotFound."""
    row = connection.execute(
        _deliveries_of(webhook_id).where(deliveries.c.event_id == event_id)
    ).one_or_none()
    if row is None:
        raise NotFound("this webhook was sent no such event", event_id=event_id)
    return _delivery(row)


def replay(connection: Connection, webhook_id: str, *, event_ids: Collection[str] = ()) -> int:
    """Queues dead letters again, all of them or only those that are named, and says how many.

    They go out in the order of their events, and before what waits behind them. An event that was
    delivered goes out once more when it is named. Raises NotFound, and Conflict where one that is
    named still waits.
    """
    get_webhook(connection, webhook_id)
    which = deliveries.c.webhook_id == webhook_id
    states = [DeliveryState.DEAD]
    named = set(event_ids or ())
    for event_id in named:
        if get_delivery(connection, webhook_id, event_id).state is DeliveryState.PENDING:
            raise Conflict(
                "this event still waits to be sent",
                hint="labelwright webhook deliveries shows when it is tried next",
                event_id=event_id,
            )
    if named:
        which &= deliveries.c.event_id.in_(named)
        states.append(DeliveryState.DELIVERED)
    return connection.execute(
        update(deliveries)
        .where(which, deliveries.c.state.in_(states))
        .values(
            state=DeliveryState.PENDING.value,
            attempts=0,
            due_at=func.now(),
            lease_until=None,
            delivered_at=None,
        )
    ).rowcount


def _move(
    connection: Connection, webhook_id: str, before: WebhookState, after: WebhookState, reason: str
) -> bool:
    moved = connection.execute(
        update(webhooks)
        .where(webhooks.c.webhook_id == webhook_id, webhooks.c.state == before)
        .values(state=after.value, state_reason=plain_text(reason))
    )
    return moved.rowcount > 0


def _standing() -> Select[Any]:
    """Webhooks that are not removed, with what waits for them."""

    def waiting(state: DeliveryState) -> ScalarSelect[int]:
        return (
            select(func.count())
            .where(deliveries.c.webhook_id == webhooks.c.webhook_id, deliveries.c.state == state)
            .correlate(webhooks)
            .scalar_subquery()
        )

    return select(
        *webhooks.c,
        waiting(DeliveryState.PENDING).label("pending"),
        waiting(DeliveryState.DEAD).label("dead"),
    ).where(webhooks.c.state != WebhookState.REMOVED)


def _deliveries_of(webhook_id: str) -> Select[Any]:
    return (
        select(*deliveries.c, events.c.kind, events.c.source, events.c.subject, events.c.at)
        .join(events, events.c.event_id == deliveries.c.event_id)
        .where(deliveries.c.webhook_id == webhook_id)
    )


def _webhook(row: Row[*tuple[object, ...]]) -> Webhook:
    return Webhook(
        webhook_id=row.webhook_id,
        url=row.url,
        description=row.description,
        kinds=tuple(row.kinds),
        state=WebhookState(row.state),
        state_reason=row.state_reason,
        created_by=row.created_by,
        created_at=row.created_at,
        pending=row.pending,
        dead=row.dead,
    )


def _delivery(row: Row[*tuple[object, ...]]) -> Delivery:
    return Delivery(
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        sequence=row.sequence,
        kind=NoticeKind(row.kind),
        source=row.source,
        subject=row.subject,
        at=row.at,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        last_status=row.last_status,
        last_failure=row.last_failure,
        last_milliseconds=row.last_milliseconds,
        last_attempt_at=row.last_attempt_at,
        delivered_at=row.delivered_at,
    )
