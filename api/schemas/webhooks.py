"""Webhooks and what became of their events."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field, field_validator

from api.schemas.body import MAX_PAGE, Body
from domain.destinations import MAX_URL
from domain.events import EVENTS
from domain.ids import AccountId, Timestamp
from domain.notices import NoticeKind
from domain.webhooks import DeliveryState, WebhookState
from storage.webhooks import Delivery, Webhook


@dataclass(frozen=True, kw_only=True)
class WebhookView:
    webhook_id: str
    url: str
    description: str
    kinds: list[str]
    """Empty: events of every kind."""
    state: WebhookState
    state_reason: str
    created_by: AccountId
    created_at: Timestamp
    pending: int
    dead: int

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookView:
        return cls(
            webhook_id=webhook.webhook_id,
            url=webhook.url,
            description=webhook.description,
            kinds=list(webhook.kinds),
            state=webhook.state,
            state_reason=webhook.state_reason,
            created_by=webhook.created_by,
            created_at=webhook.created_at,
            pending=webhook.pending,
            dead=webhook.dead,
        )


@dataclass(frozen=True, kw_only=True)
class NewWebhook:
    """A new webhook with its secret, which is shown this once."""

    webhook: WebhookView
    secret: str | None


@dataclass(frozen=True, kw_only=True)
class DeliveryView:
    event_id: str
    sequence: int
    kind: NoticeKind
    source: str
    subject: str
    at: Timestamp
    state: DeliveryState
    attempts: int
    due_at: Timestamp | None
    """When it is tried next; none when it no longer waits."""
    last_status: int | None
    last_failure: str
    last_milliseconds: int | None
    last_attempt_at: Timestamp | None
    delivered_at: Timestamp | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryView:
        waits = delivery.state is DeliveryState.PENDING
        return cls(
            event_id=delivery.event_id,
            sequence=delivery.sequence,
            kind=delivery.kind,
            source=delivery.source,
            subject=delivery.subject,
            at=delivery.at,
            state=delivery.state,
            attempts=delivery.attempts,
            due_at=delivery.due_at if waits else None,
            last_status=delivery.last_status,
            last_failure=delivery.last_failure,
            last_milliseconds=delivery.last_milliseconds,
            last_attempt_at=delivery.last_attempt_at,
            delivered_at=delivery.delivered_at,
        )


@dataclass(frozen=True, kw_only=True)
class Replayed:
    events: int


class WebhookBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://example.com/labelwright",
                    "kinds": ["round.ended", "dataset.published"],
                    "description": "starts the nightly training",
                }
            ]
        }
    )

    url: str = Field(min_length=1, max_length=MAX_URL)
    kinds: list[NoticeKind] = Field(default=[], max_length=len(NoticeKind))
    """Which events it is sent; empty: all."""
    description: str = Field(default="", max_length=200)

    @field_validator("kinds")
    @classmethod
    def _are_sent(cls, kinds: list[NoticeKind]) -> list[NoticeKind]:
        unsent = [kind.value for kind in kinds if kind not in EVENTS]
        if unsent:
            raise ValueError(f"{unsent[0]} is told to people only")
        return kinds


class WebhookChange(Body):
    paused: bool


class ReplayBody(Body):
    events: list[str] = Field(default=[], max_length=MAX_PAGE)
    """Those to send again; empty: every dead letter."""
