"""What no message of ours looks like. Whoever reaches Temporal past the API may send anything."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from domain.ids import Timestamp
from domain.records import Json
from domain.reviews import signed_part

MAX_TEXT = 2_000
MAX_ID = 256


class Message(Protocol):
    """What a signal carries: a dataclass that says when it was sent."""

    @property
    def submitted_at(self) -> Timestamp: ...


def malformed(message: Message) -> str | None:
    """Why the message cannot have come through the API; none when it may have.

    A malformed message is written down and otherwise left alone: it must not reach tables that
    could not hold it, nor make another message too large to be sent.
    """
    for name, text in _texts("", message):
        limit = MAX_ID if name.endswith("_id") else MAX_TEXT
        if len(text) > limit:
            return f"malformed: {name} is longer than {limit:,} characters"
        if "\x00" in text:
            return f"malformed: {name} holds a NUL character"
    try:
        moment = datetime.fromisoformat(message.submitted_at)
    except ValueError:
        return "malformed: submitted_at is no time"
    return None if moment.tzinfo is not None else "malformed: submitted_at has no time zone"


def weight(message: Message) -> int:
    """Bytes that the message's texts take in a payload: JSON escapes what is not ASCII."""
    return sum(len(json.dumps(text)) for _, text in _texts("", message))


def forged_detail(signal: str, message: object, why: str) -> dict[str, Json]:
    """What a ledger says of a message that nobody whom we know has signed.

    Whom it names has not spoken, so that name is a claim and not the actor.
    """
    claimed = getattr(message, "actor", None) or getattr(message, "requested_by", None)
    return {
        "signal": signal,
        "claimed_account": clipped(getattr(claimed, "account_id", "")),
        "claimed_name": clipped(getattr(claimed, "name", "")),
        "message_digest": signed_part(message),
        "signature": clipped(getattr(message, "signature", "")),
        "refusal": why,
    }


def clipped(text: str) -> str:
    """As much of a stranger's text as a ledger keeps."""
    return text[:MAX_ID]


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(name, item)
    elif dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            yield from _texts(each.name, getattr(value, each.name))
