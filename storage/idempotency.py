"""Writes that come twice: the second gets the first one's answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import IdempotencyConflict
from domain.ids import AccountId
from domain.records import Json
from storage.documents import to_json
from storage.tables import idempotency_keys


@dataclass(frozen=True, kw_only=True)
class Remembered:
    status: int
    response: Json


def recall(
    connection: Connection,
    *,
    account_id: AccountId,
    key: str,
    route: str,
    request_digest: Sha256,
) -> Remembered | None:
    """The answer that this key got before; none if it is new.

    Until the transaction ends, the same key waits here: recall, act and `remember` in one
    transaction, and two equal requests at once have one effect.

    Raises IdempotencyConflict when the key came with another request.
    """
    lock = func.hashtextextended(f"idempotency/{account_id}/{route}/{key}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))
    row = connection.execute(
        select(idempotency_keys).where(
            idempotency_keys.c.account_id == account_id,
            idempotency_keys.c.key == key,
            idempotency_keys.c.route == route,
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_digest != request_digest:
        raise IdempotencyConflict(
            "this idempotency key came before with another request",
            hint="send another request under another key",
            key=key,
        )
    return Remembered(status=row.status, response=row.response)


def remember(
    connection: Connection,
    *,
    account_id: AccountId,
    key: str,
    route: str,
    request_digest: Sha256,
    status: int,
    response: Json,
) -> None:
    """Keeps the answer for when the same key comes again."""
    connection.execute(
        insert(idempotency_keys)
        .values(
            account_id=account_id,
            key=key,
            route=route,
            request_digest=request_digest,
            status=status,
            response=to_json(response),
        )
        .on_conflict_do_nothing()
    )


def forget_older(connection: Connection, than: timedelta, *, limit: int = 10_000) -> int:
    """Drops at most `limit` answers that nobody will ask for again and says how many."""
    old = (
        select(idempotency_keys.c.account_id, idempotency_keys.c.key, idempotency_keys.c.route)
        .where(idempotency_keys.c.created_at < func.now() - than)
        .order_by(idempotency_keys.c.created_at)
        .limit(limit)
        .subquery("old")
    )
    return connection.execute(
        delete(idempotency_keys).where(
            idempotency_keys.c.account_id == old.c.account_id,
            idempotency_keys.c.key == old.c.key,
            idempotency_keys.c.route == old.c.route,
        )
    ).rowcount
