"""What definitions have in common: rows that are never changed but followed by a next version."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection, Row, Select, Table, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import InvalidInput, NotFound
from domain.ids import AccountId, is_name
from domain.labels import Guideline, LabelSchema
from domain.policy import SamplingPolicy
from domain.routing import Routing
from storage.documents import to_json

Definition = TypeVar("Definition", LabelSchema, Guideline, SamplingPolicy, Routing)


def lock_name(connection: Connection, table: Table, name: str) -> None:
    """Until this transaction ends nobody else makes a version of that name."""
    lock = func.hashtextextended(f"{table.name}/{name}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))


def put_version(
    connection: Connection,
    table: Table,
    wanted: Definition,
    created_by: AccountId,
    **more: object,
) -> Definition:
    """`wanted` under its next version, or the latest if that says the same.

    `more` are values of the table's own columns. Raises InvalidInput for what is no name.
    """
    if not is_name(wanted.name):
        raise InvalidInput(
            f"{wanted.name!r} cannot be a name",
            hint="1 to 63 lower-case letters, digits, points, dashes and underscores",
        )
    # Two who define at once get two versions, one after the other.
    lock_name(connection, table, wanted.name)
    row = find_version(connection, table, wanted.name)
    if row is not None:
        same = replace(wanted, version=row.version)
        if same.digest == row.digest:
            return same
    created = replace(wanted, version=1 if row is None else row.version + 1)
    connection.execute(
        insert(table).values(
            name=created.name,
            version=created.version,
            body=to_json(created),
            digest=created.digest,
            created_by=created_by,
            **more,
        )
    )
    return created


def find_version(
    connection: Connection, table: Table, name: str, version: int | None = None
) -> Row[*tuple[object, ...]] | None:
    """The row of that version, or the latest of that name; none when there is none."""
    query = select(table).where(table.c.name == name)
    if version is not None:
        query = query.where(table.c.version == version)
    return connection.execute(query.order_by(table.c.version.desc()).limit(1)).one_or_none()


def latest_of_each(table: Table, *, after: str | None, limit: int) -> Select[*tuple[object, ...]]:
    """The latest version of each name, from the one that follows the name `after`."""
    newer = table.alias("newer")
    latest = select(func.max(newer.c.version)).where(newer.c.name == table.c.name).scalar_subquery()
    query = select(table).where(table.c.version == latest)
    if after is not None:
        query = query.where(table.c.name > after)
    return query.order_by(table.c.name).limit(limit)


def not_found(table: Table, name: str, version: int | None) -> NotFound:
    what = {
        "label_schemas": "label schema",
        "guidelines": "guideline",
        "policies": "policy",
        "routings": "routing",
    }
    wanted = name if version is None else f"{name}@{version}"
    return NotFound(f"there is no {what[table.name]} “{wanted}”", name=name, version=version)
