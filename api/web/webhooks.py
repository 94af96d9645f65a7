"""Webhooks, for admins: where events go, and what became of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.state import Parts
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.events import EVENTS
from domain.notices import NoticeKind
from storage import webhooks

router = APIRouter(prefix="/webhooks", route_class=PageRoute, include_in_schema=False)

Admin = Annotated[Caller, Depends(allowing(Permission.MANAGE_WEBHOOKS))]

SHOWN = 50


@router.get("")
async def list_webhooks(
    request: Request,
    caller: Admin,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    del caller
    found = await parts.in_transaction(
        lambda connection: webhooks.list_webhooks(connection, after=after, limit=SHOWN + 1)
    )
    return page(
        request,
        "webhooks.html",
        webhooks=found[:SHOWN],
        next=found[SHOWN - 1].webhook_id if len(found) > SHOWN else None,
        events={
            kind.value: event.says
            for kind, event in EVENTS.items()
            if kind is not NoticeKind.WEBHOOK_TEST
        },
    )


@router.get("/{webhook_id}")
async def get_webhook(
    request: Request,
    webhook_id: str,
    caller: Admin,
    parts: Parts,
    after: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> Response:
    del caller

    def look(connection: Connection) -> tuple[webhooks.Webhook, list[webhooks.Delivery]]:
        return (
            webhooks.get_webhook(connection, webhook_id),
            webhooks.list_deliveries(connection, webhook_id, after=after, limit=SHOWN + 1),
        )

    webhook, deliveries = await parts.in_transaction(look)
    return page(
        request,
        "webhook.html",
        webhook=webhook,
        deliveries=deliveries[:SHOWN],
        next=deliveries[SHOWN - 1].sequence if len(deliveries) > SHOWN else None,
        first=after is None,
    )
