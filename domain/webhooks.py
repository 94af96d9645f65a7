"""Webhooks: how an event is signed, and when it is tried again."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from enum import StrEnum

from domain.errors import InvalidInput

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret of Standard Webhooks begins with
SECRET_BYTES = 32

FIRST_DELAY = 5.0
GROWTH = 4.0
LONGEST_DELAY = 86_400.0
"""Seconds."""

SPREAD = 0.2
"""A delay is up to this share longer or shorter, so that what failed together is not tried
together."""

ATTEMPTS = 10
"""After the last one the event is a dead letter: about two and a quarter days after the first."""


class WebhookState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    """Events wait for it, in order."""
    REMOVED = "removed"


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up. It can be replayed."""
    DROPPED = "dropped"
    """Its webhook was removed before it was delivered."""


def delay_after(attempt: int, *, chance: float) -> float | None:
    """Seconds from the failed attempt, the first of which is 1, to the next; none: give up.

    `chance` is drawn from 0 to 1 and decides where in its spread the delay lies.
    """
    if attempt >= ATTEMPTS:
        return None
    delay = min(FIRST_DELAY * GROWTH ** (attempt - 1), LONGEST_DELAY)
    return delay * (1.0 + SPREAD * (2.0 * chance - 1.0))


def written_secret(secret: bytes) -> str:
    """The secret as people copy it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """What `written_secret` wrote. Raises InvalidInput."""
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise InvalidInput(
            f"a webhook's secret is {SECRET_PREFIX} and Base64", hint="copy it whole"
        ) from None


def signature(secret: bytes, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` of Standard Webhooks 1.0: HMAC-SHA256, version 1."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(secret, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()
