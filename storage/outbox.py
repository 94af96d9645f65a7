"""Events on their way to webhooks: written with what they tell of, claimed one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import (
    CTE,
    Connection,
    FromClause,
    Select,
    and_,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.access import masked, texts_in
from domain.events import EVENTS, Event, event_data, place_of
from domain.ids import RoundId, Timestamp
from domain.notices import Audience, Notice, NoticeKind
from domain.records import Json
from domain.routing import Clearance
from domain.webhooks import DeliveryState, WebhookState
from storage.documents import plain_text, to_json
from storage.hidden import hidden_records
from storage.tables import deliveries, events, webhooks

AT_ONCE = 4
"""Deliveries of one webhook in one claim: a slow one leaves room for the others."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """A delivery that somebody has claimed, with all that it takes to make it."""

    webhook_id: str
    url: str
    sealed_secret: str
    event: Event
    place: str
    """Path of the page that shows what the event is about."""
    attempt: int
    """The first is 1. Who settles the delivery names it: after another claim it settles nothing."""


@dataclass(frozen=True, kw_only=True)
class Attempted:
    """What came of one attempt. Of the answer nothing is kept but its status."""

    status: int | None
    """None when there was no answer."""
    failure: str = ""
    """A word for what went wrong; empty: it was delivered."""
    milliseconds: int


def emit(
    connection: Connection,
    said: Mapping[str, Notice],
    *,
    round_id: RoundId | None,
    at: Timestamp,
) -> None:
    """Queues what webhooks want of the notices, which come by their ids. Twice is as once.

    What no webhook wants is not kept: one that is added later is told what happens from then on.
    """
    said = {key: notice for key, notice in said.items() if notice.kind in EVENTS}
    if not said:
        return
    wanted = connection.execute(
        select(webhooks.c.webhook_id, webhooks.c.kinds).where(
            webhooks.c.state != WebhookState.REMOVED
        )
    ).all()
    for event_id, notice in said.items():
        hooks = [row.webhook_id for row in wanted if not row.kinds or notice.kind in row.kinds]
        if hooks:
            _queue(connection, event_id, notice, hooks, round_id=round_id, at=at)


def emit_test(connection: Connection, webhook_id: str, event_id: str, at: Timestamp) -> None:
    """Queues an event that says nothing, for this webhook alone."""
    notice = Notice(
        notice_id=event_id,
        kind=NoticeKind.WEBHOOK_TEST,
        audience=Audience(),
        subject=webhook_id,
        text="",
        detail={"webhook_id": webhook_id},
    )
    _queue(connection, event_id, notice, [webhook_id], round_id=None, at=at)


def claim_due(connection: Connection, *, limit: int, lease: timedelta) -> list[Due]:
    """At most `limit` deliveries that are due, each the first of its stream that is not settled.

    They are the caller's until the lease ends, or they are settled.
    """
    # By itself, for a subquery may be asked more than once, and would then lock more than that.
    claimable = _claimable(limit).cte("claimable")
    claimed = (
        update(deliveries)
        .where(
            deliveries.c.webhook_id == claimable.c.webhook_id,
            deliveries.c.event_id == claimable.c.event_id,
        )
        .values(attempts=deliveries.c.attempts + 1, lease_until=func.now() + lease)
        .returning(deliveries.c.webhook_id, deliveries.c.event_id, deliveries.c.attempts)
        .cte("claimed")
    )
    rows = connection.execute(
        select(*events.c, claimed.c.attempts, webhooks.c.webhook_id, webhooks.c.url)
        .add_columns(webhooks.c.sealed_secret)
        .join(claimed, claimed.c.event_id == events.c.event_id)
        .join(webhooks, webhooks.c.webhook_id == claimed.c.webhook_id)
        .order_by(events.c.sequence)
    )
    return [
        Due(
            webhook_id=row.webhook_id,
            url=row.url,
            sealed_secret=row.sealed_secret,
            event=Event(
                event_id=row.event_id,
                sequence=row.sequence,
                kind=NoticeKind(row.kind),
                source=row.source,
                subject=row.subject,
                at=row.at,
                data=row.data,
            ),
            place=row.place,
            attempt=row.attempts,
        )
        for row in rows
    ]


def settle(
    connection: Connection, due: Due, attempted: Attempted, *, again_in: float | None
) -> bool:
    """Writes down what came of the attempt; whether it was still the caller's to say.

    After a failure the delivery waits for `again_in` seconds, or is dead where that is none.
    """
    delivered = not attempted.failure
    state = DeliveryState.PENDING
    if delivered:
        state = DeliveryState.DELIVERED
    elif again_in is None:
        state = DeliveryState.DEAD
    settled = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.webhook_id == due.webhook_id,
            deliveries.c.event_id == due.event.event_id,
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.attempts == due.attempt,
        )
        .values(
            state=state.value,
            lease_until=None,
            due_at=func.now() + timedelta(seconds=again_in or 0.0),
            last_status=attempted.status,
            last_failure=attempted.failure,
            last_milliseconds=attempted.milliseconds,
            last_attempt_at=func.now(),
            delivered_at=func.now() if delivered else None,
        )
    )
    return settled.rowcount > 0


def _claimable(limit: int) -> Select[tuple[str, str]]:
    """Keys of what may be sent now, locked; what somebody else is claiming is left out."""
    first = _first_of_each_stream()
    ready = and_(
        deliveries.c.state == DeliveryState.PENDING,
        deliveries.c.due_at <= func.now(),
        or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < func.now()),
    )
    its_key = and_(
        deliveries.c.webhook_id == first.c.webhook_id,
        deliveries.c.stream == first.c.stream,
        deliveries.c.sequence == first.c.sequence,
    )
    place = func.row_number().over(partition_by=first.c.webhook_id, order_by=first.c.sequence)
    wanted = (
        select(first.c.webhook_id, first.c.stream, first.c.sequence, place.label("place"))
        .join(webhooks, webhooks.c.webhook_id == first.c.webhook_id)
        .join(deliveries, its_key)
        .where(webhooks.c.state == WebhookState.ACTIVE, ready)
        .subquery("wanted")
    )
    return (
        select(deliveries.c.webhook_id, deliveries.c.event_id)
        .join(
            wanted,
            and_(
                deliveries.c.webhook_id == wanted.c.webhook_id,
                deliveries.c.stream == wanted.c.stream,
                deliveries.c.sequence == wanted.c.sequence,
            ),
        )
        .where(ready, wanted.c.place <= AT_ONCE)
        .limit(limit)
        .with_for_update(of=deliveries, skip_locked=True)
    )


def _first_of_each_stream() -> CTE:
    """The first pending delivery of each webhook and stream.

    It leaps from one to the next along the index: what waits behind it, and all that was ever
    delivered, costs nothing.
    """

    def from_there_on(table: FromClause) -> Select[tuple[str, str, int]]:
        return (
            select(table.c.webhook_id, table.c.stream, table.c.sequence)
            .where(table.c.state == DeliveryState.PENDING)
            .order_by(table.c.webhook_id, table.c.stream, table.c.sequence)
            .limit(1)
        )

    start = from_there_on(deliveries.alias("start")).subquery("very_first")
    first = select(start).cte("first", recursive=True)
    later = deliveries.alias("later")
    beyond = tuple_(later.c.webhook_id, later.c.stream) > tuple_(first.c.webhook_id, first.c.stream)
    following = from_there_on(later).where(beyond).lateral("following")
    return first.union_all(select(following).select_from(first.join(following, true())))


def _queue(
    connection: Connection,
    event_id: str,
    notice: Notice,
    hooks: list[str],
    *,
    round_id: RoundId | None,
    at: Timestamp,
) -> None:
    """What is not about a round is about a webhook, and waits for nothing else."""
    stream = round_id or event_id
    # Numbers are drawn before a transaction commits: without the lock, a later one of the round
    # might be seen, and delivered, before an earlier one.
    lock = func.hashtextextended(f"events/{stream}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))
    sequence = connection.scalar(
        insert(events)
        .values(
            event_id=event_id,
            stream=stream,
            kind=notice.kind.value,
            source=f"/rounds/{round_id}" if round_id else f"/webhooks/{notice.subject}",
            subject=plain_text(notice.subject),
            place=place_of(notice.kind, round_id),
            data=to_json(_data(connection, notice, round_id)),
            at=at,
        )
        .on_conflict_do_nothing(index_elements=["event_id"])
        .returning(events.c.sequence)
    )
    if sequence is not None:
        key = {"event_id": event_id, "stream": stream, "sequence": sequence}
        connection.execute(insert(deliveries), [{"webhook_id": hook, **key} for hook in hooks])


def _data(connection: Connection, notice: Notice, round_id: RoundId | None) -> Json:
    """What the event says. A webhook has no clearance: records that are not public are masked."""
    data = event_data(notice, round_id)
    if round_id is None:
        return data
    among = texts_in(data) - {round_id}
    return masked(data, hidden_records(connection, round_id, Clearance.PUBLIC, among=among))
