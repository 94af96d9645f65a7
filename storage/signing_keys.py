"""The public keys with which the API's processes have signed, those of before a rotation too."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import Conflict, NotFound
from domain.ids import Timestamp
from domain.signing import SigningKey
from storage.tables import signing_keys


@dataclass(frozen=True, kw_only=True)
class KnownKey:
    key: SigningKey
    first_seen: Timestamp
    """When a process of the API first made it known."""
    retired_at: Timestamp | None
    """Since when nothing that it signs counts any more."""


def make_known(connection: Connection, key: SigningKey) -> None:
    """Remembers the key for good; again it changes nothing. Raises Conflict for one retired."""
    connection.execute(
        insert(signing_keys)
        .values(key_id=key.key_id, public_key=key.public_key)
        .on_conflict_do_nothing(index_elements=["key_id"])
    )
    retired = select(signing_keys.c.retired_at).where(signing_keys.c.key_id == key.key_id)
    if connection.execute(retired).scalar() is not None:
        raise Conflict(
            f"the signing key {key.key_id} was retired, and what it signs counts no more",
            hint="move the file LABELWRIGHT_SIGNING_KEY away and start again: a new key is made",
            key_id=key.key_id,
        )


def list_keys(connection: Connection) -> list[KnownKey]:
    """Every key, by id, the retired ones too."""
    rows = connection.execute(select(signing_keys).order_by(signing_keys.c.key_id))
    return [
        KnownKey(
            key=SigningKey(key_id=row.key_id, public_key=row.public_key),
            first_seen=row.first_seen,
            retired_at=row.retired_at,
        )
        for row in rows
    ]


def public_keys(connection: Connection) -> dict[str, str]:
    """Every key by id, as an audit takes them: what a retired one signed before, it did sign."""
    return {each.key.key_id: each.key.public_key for each in list_keys(connection)}


def retire(connection: Connection, key_id: str) -> None:
    """Nothing that the key signs counts from now on; twice is as good as once. Raises NotFound."""
    found = connection.execute(
        update(signing_keys)
        .where(signing_keys.c.key_id == key_id)
        .values(retired_at=func.coalesce(signing_keys.c.retired_at, func.now()))
        .returning(signing_keys.c.key_id)
    ).one_or_none()
    if found is None:
        raise NotFound("no such signing key", key_id=key_id)
