"""Routing documents: each change is a new version, none is lost."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from domain.ids import AccountId, Timestamp
from domain.routing import Routing
from domain.routing_rules import check_routing
from storage.documents import from_json
from storage.tables import accounts, routings
from storage.versions import find_version, latest_of_each, not_found, put_version


@dataclass(frozen=True, kw_only=True)
class StoredRouting:
    routing: Routing
    source: str
    """As it was written."""
    author_name: str
    created_at: Timestamp


def put_routing(
    connection: Connection, routing: Routing, created_by: AccountId, *, source: str
) -> StoredRouting:
    """The routing under its next version, or the latest if that says the same.

    Raises InvalidRouting.
    """
    stored = put_version(connection, routings, check_routing(routing), created_by, source=source)
    return get_routing(connection, stored.name, stored.version)


def get_routing(connection: Connection, name: str, version: int | None = None) -> StoredRouting:
    """The routing, in its latest version unless one is named. Raises NotFound."""
    row = find_version(connection, routings, name, version)
    if row is None:
        raise not_found(routings, name, version)
    return _stored(connection, row)


def list_routings(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[StoredRouting]:
    """The latest version of each routing by name, from the one that follows the name `after`."""
    query = latest_of_each(routings, after=after, limit=limit)
    return [_stored(connection, row) for row in connection.execute(query).all()]


def _stored(connection: Connection, row: Row[*tuple[object, ...]]) -> StoredRouting:
    author = connection.scalar(
        select(accounts.c.name).where(accounts.c.account_id == row.created_by)
    )
    return StoredRouting(
        routing=from_json(Routing, row.body),
        source=row.source,
        author_name=author or row.created_by,
        created_at=row.created_at,
    )
