"""Webhooks, for admins. A secret is shown once, in the answer that made it."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.idempotency import Write, once
from api.schemas.body import After, IdempotencyKey, Limit, Page
from api.schemas.webhooks import (
    DeliveryView,
    NewWebhook,
    ReplayBody,
    Replayed,
    WebhookBody,
    WebhookChange,
    WebhookView,
)
from api.state import Parts, now
from domain.accounts import Permission
from domain.destinations import read_destination
from domain.webhooks import SECRET_BYTES, DeliveryState, written_secret
from storage import outbox, webhooks

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

Admin = Annotated[Caller, Depends(allowing(Permission.MANAGE_WEBHOOKS))]


@router.post("", status_code=201, summary="Add a webhook")
async def add_webhook(
    body: WebhookBody, caller: Admin, parts: Parts, idempotency_key: IdempotencyKey = None
) -> NewWebhook:
    """It is sent what happens from now on. The secret is in this answer only: a repetition has
    none."""
    read_destination(body.url, parts.settings.webhook_rules)
    write = Write(caller=caller, route="webhooks", key=idempotency_key, body=body)

    def add(connection: Connection) -> NewWebhook:
        shown: list[str] = []

        def make() -> WebhookView:
            webhook_id = f"hook-{secrets.token_hex(8)}"
            secret = secrets.token_bytes(SECRET_BYTES)
            shown.append(written_secret(secret))
            return WebhookView.of(
                webhooks.add_webhook(
                    connection,
                    webhook_id=webhook_id,
                    url=body.url,
                    description=body.description,
                    kinds=body.kinds,
                    sealed_secret=parts.sealer.seal(webhook_id, secret),
                    created_by=caller.account_id,
                )
            )

        webhook = once(connection, write, WebhookView, make)
        return NewWebhook(webhook=webhook, secret=shown[0] if shown else None)

    return await parts.in_transaction(add)


@router.get("", summary="List webhooks")
async def list_webhooks(
    caller: Admin, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[WebhookView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: webhooks.list_webhooks(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[WebhookView.of(webhook) for webhook in found[:limit]],
        next=found[limit - 1].webhook_id if len(found) > limit else None,
    )


@router.get("/{webhook_id}", summary="A webhook, and what waits for it")
async def get_webhook(webhook_id: str, caller: Admin, parts: Parts) -> WebhookView:
    del caller
    return WebhookView.of(
        await parts.in_transaction(lambda connection: webhooks.get_webhook(connection, webhook_id))
    )


@router.patch("/{webhook_id}", summary="Pause a webhook, or let it go on")
async def change_webhook(
    webhook_id: str, body: WebhookChange, caller: Admin, parts: Parts
) -> WebhookView:
    """While it is paused its events wait; then they are sent at once, in their order."""

    def change(connection: Connection) -> webhooks.Webhook:
        if body.paused:
            webhooks.pause(connection, webhook_id, reason=f"by {caller.name}")
        else:
            webhooks.resume(connection, webhook_id)
        return webhooks.get_webhook(connection, webhook_id)

    return WebhookView.of(await parts.in_transaction(change))


@router.delete("/{webhook_id}", status_code=204, summary="Remove a webhook")
async def remove_webhook(webhook_id: str, caller: Admin, parts: Parts) -> None:
    """Its secret is forgotten, and what still waits for it is dropped."""
    del caller
    await parts.in_transaction(lambda connection: webhooks.remove(connection, webhook_id))


@router.post("/{webhook_id}/test", status_code=202, summary="Send a test event")
async def send_test(webhook_id: str, caller: Admin, parts: Parts) -> DeliveryView:
    """It goes the way of every event. The delivery says what came of it."""
    del caller
    event_id = f"test-{secrets.token_hex(10)}"

    def send(connection: Connection) -> webhooks.Delivery:
        webhooks.get_webhook(connection, webhook_id)
        outbox.emit_test(connection, webhook_id, event_id, now())
        return webhooks.get_delivery(connection, webhook_id, event_id)

    return DeliveryView.of(await parts.in_transaction(send))


@router.get("/{webhook_id}/deliveries", summary="What a webhook was sent, the newest first")
async def list_deliveries(
    *,
    webhook_id: str,
    caller: Admin,
    parts: Parts,
    state: DeliveryState | None = None,
    after: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    del caller

    def read(connection: Connection) -> list[webhooks.Delivery]:
        webhooks.get_webhook(connection, webhook_id)
        return webhooks.list_deliveries(
            connection, webhook_id, state=state, after=after, limit=limit + 1
        )

    found = await parts.in_transaction(read)
    return Page(
        items=[DeliveryView.of(delivery) for delivery in found[:limit]],
        next=str(found[limit - 1].sequence) if len(found) > limit else None,
    )


@router.get("/{webhook_id}/deliveries/{event_id}", summary="What became of one event")
async def get_delivery(webhook_id: str, event_id: str, caller: Admin, parts: Parts) -> DeliveryView:
    del caller

    def read(connection: Connection) -> webhooks.Delivery:
        webhooks.get_webhook(connection, webhook_id)
        return webhooks.get_delivery(connection, webhook_id, event_id)

    return DeliveryView.of(await parts.in_transaction(read))


@router.post("/{webhook_id}/replay", summary="Send dead letters, or named events, again")
async def replay(webhook_id: str, body: ReplayBody, caller: Admin, parts: Parts) -> Replayed:
    """In the order of their events, each under the id that it had."""
    del caller
    return Replayed(
        events=await parts.in_transaction(
            lambda connection: webhooks.replay(connection, webhook_id, event_ids=body.events)
        )
    )
