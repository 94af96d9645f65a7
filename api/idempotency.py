"""Writes that come twice. The second one has no effect and gets the first one's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection

from api.callers import Caller
from domain.canonical import digest
from storage import idempotency
from storage.documents import from_json, to_json

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Write:
    """What is to be written once: whose it is, under which key, and what was asked for."""

    caller: Caller
    route: str
    key: str | None
    body: BaseModel


def once(
    connection: Connection, write: Write, kind: type[Answer], make: Callable[[], Answer]
) -> Answer:
    """What `make` returns, made once for each of the caller's keys; without a key, each time.

    The answer and what it answers for are written in the same transaction, so that one is never
    there without the other. Raises IdempotencyConflict for a known key with another body.
    """
    if write.key is None:
        return make()
    request_digest = digest([write.route, write.body.model_dump(mode="json", by_alias=True)])
    before = idempotency.recall(
        connection,
        account_id=write.caller.account_id,
        key=write.key,
        route=write.route,
        request_digest=request_digest,
    )
    if before is not None:
        return from_json(kind, before.response)
    answer = make()
    idempotency.remember(
        connection,
        account_id=write.caller.account_id,
        key=write.key,
        route=write.route,
        request_digest=request_digest,
        status=201,
        response=to_json(answer),
    )
    return answer
