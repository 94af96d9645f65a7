"""Attempts that failed, counted in the database, so that all processes of the API count together.

An attempt is counted before it is looked at and taken back when it succeeds: of many that come at
the same moment, no more are looked at than may fail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Connection, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256, digest
from domain.credentials import Patience
from domain.errors import TooManyAttempts
from storage.tables import failed_attempts

_FORGOTTEN = 100
"""Rows that nobody needs any more and that one attempt takes away."""

# By the clock, not by the transaction's beginning: attempts in one transaction follow each other.
_LEFT = func.extract("epoch", failed_attempts.c.refused_until - func.clock_timestamp())


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What an attempt is counted by, such as a name and an address, and how often it may fail."""

    what: str
    parts: tuple[str, ...]
    patience: Patience

    @property
    def key(self) -> Sha256:
        return digest([self.what, *self.parts])


def count_attempt(connection: Connection, counted: Sequence[Counted]) -> int | None:
    """Counts an attempt as failed. Seconds to wait where it must not be looked at, else none."""
    # In one order everywhere, so that two attempts never wait for each other.
    waits = [_count(connection, each) for each in sorted(counted, key=lambda each: each.key)]
    _forget(connection)
    return max((wait for wait in waits if wait is not None), default=None)


def take_back(connection: Connection, counted: Sequence[Counted]) -> None:
    """The attempt succeeded: what was counted for it counts no more."""
    for each in sorted(counted, key=lambda each: each.key):
        connection.execute(
            update(failed_attempts)
            .where(failed_attempts.c.key_digest == each.key, failed_attempts.c.failures > 0)
            .values(failures=failed_attempts.c.failures - 1, refused_until=None)
        )


def forget(connection: Connection, counted: Counted) -> None:
    """Whoever has succeeded begins anew."""
    connection.execute(delete(failed_attempts).where(failed_attempts.c.key_digest == counted.key))


def seconds_to_wait(connection: Connection, counted: Counted) -> int | None:
    """Without counting anything."""
    left = connection.scalar(select(_LEFT).where(failed_attempts.c.key_digest == counted.key))
    return _whole_seconds(left)


def too_many(wait: int, what: str) -> TooManyAttempts:
    return TooManyAttempts(what, hint=f"wait {wait} seconds", retry_after=wait)


def _count(connection: Connection, counted: Counted) -> int | None:
    patience = counted.patience
    row = connection.execute(
        insert(failed_attempts)
        .values(key_digest=counted.key, failures=0, last_at=func.now())
        .on_conflict_do_update(
            index_elements=["key_digest"],
            # The row is held until the end of the transaction: those who come meanwhile wait.
            set_={
                "failures": case(
                    (
                        failed_attempts.c.last_at < func.now() - patience.forgotten_after,
                        literal(0),
                    ),
                    else_=failed_attempts.c.failures,
                )
            },
        )
        .returning(failed_attempts.c.failures, _LEFT.label("left"))
    ).one()
    if (left := _whole_seconds(row.left)) is not None:
        return left
    wait = patience.wait_after(row.failures + 1)
    connection.execute(
        update(failed_attempts)
        .where(failed_attempts.c.key_digest == counted.key)
        .values(
            failures=row.failures + 1,
            last_at=func.now(),
            refused_until=func.clock_timestamp() + wait if wait > timedelta() else None,
        )
    )
    return None


def _forget(connection: Connection) -> None:
    """Takes away rows that are a day old, so that strangers do not fill the table."""
    old = (
        select(failed_attempts.c.key_digest)
        .where(failed_attempts.c.last_at < func.now() - timedelta(days=1))
        .limit(_FORGOTTEN)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(failed_attempts).where(failed_attempts.c.key_digest.in_(old)))


def _whole_seconds(left: float | Decimal | None) -> int | None:
    return None if left is None or left <= 0 else math.ceil(left)
