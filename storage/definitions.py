"""Label schemas, guidelines and sampling policies: each change is a new version, none is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import InvalidInput, NotFound
from domain.ids import AccountId, is_name
from domain.labels import Guideline, LabelSchema, check_schema
from domain.policy import SamplingPolicy, check_policy
from storage.documents import from_json, to_json
from storage.tables import guidelines, label_schemas, policies

Definition = TypeVar("Definition", LabelSchema, Guideline, SamplingPolicy)


def put_schema(connection: Connection, schema: LabelSchema, created_by: AccountId) -> LabelSchema:
    """The schema under its next version, or the latest if that says the same.

    Raises InvalidInput, of which InvalidSchema is one.
    """
    return _put(connection, label_schemas, check_schema(schema), created_by)


def get_schema(connection: Connection, name: str, version: int | None = None) -> LabelSchema:
    """The schema, in its latest version unless one is named. Raises NotFound."""
    return _get(connection, label_schemas, LabelSchema, name, version)


def list_schemas(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[LabelSchema]:
    """The latest version of each schema by name, from the one that follows the name `after`."""
    return _list(connection, label_schemas, LabelSchema, after, limit)


def put_guideline(connection: Connection, guideline: Guideline, created_by: AccountId) -> Guideline:
    """The guideline under its next version, or the latest if that says the same."""
    return _put(connection, guidelines, guideline, created_by)


def get_guideline(connection: Connection, name: str, version: int | None = None) -> Guideline:
    """The guideline, in its latest version unless one is named. Raises NotFound."""
    return _get(connection, guidelines, Guideline, name, version)


def list_guidelines(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[Guideline]:
    """The latest version of each guideline by name, from the one that follows `after`."""
    return _list(connection, guidelines, Guideline, after, limit)


def put_policy(
    connection: Connection, policy: SamplingPolicy, created_by: AccountId
) -> SamplingPolicy:
    """The policy under its next version, or the latest if that says the same.

    Raises InvalidInput, of which InvalidPolicy is one.
    """
    return _put(connection, policies, check_policy(policy), created_by)


def get_policy(connection: Connection, name: str, version: int | None = None) -> SamplingPolicy:
    """The policy, in its latest version unless one is named. Raises NotFound."""
    return _get(connection, policies, SamplingPolicy, name, version)


def list_policies(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[SamplingPolicy]:
    """The latest version of each policy by name, from the one that follows `after`."""
    return _list(connection, policies, SamplingPolicy, after, limit)


def _put(
    connection: Connection, table: Table, wanted: Definition, created_by: AccountId
) -> Definition:
    if not is_name(wanted.name):
        raise InvalidInput(
            f"{wanted.name!r} cannot be a name",
            hint="1 to 63 lower-case letters, digits, points, dashes and underscores",
        )
    # Two who define at once get two versions, one after the other.
    lock = func.hashtextextended(f"{table.name}/{wanted.name}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))
    row = _latest(connection, table, wanted.name)
    version = 0 if row is None else row.version
    if row is not None:
        same = replace(wanted, version=version)
        if same.digest == row.digest:
            return same
    created = replace(wanted, version=version + 1)
    connection.execute(
        insert(table).values(
            name=created.name,
            version=created.version,
            body=to_json(created),
            digest=created.digest,
            created_by=created_by,
        )
    )
    return created


def _get(
    connection: Connection, table: Table, kind: type[Definition], name: str, version: int | None
) -> Definition:
    row = (
        _latest(connection, table, name)
        if version is None
        else connection.execute(
            select(table).where(table.c.name == name, table.c.version == version)
        ).one_or_none()
    )
    if row is None:
        what = table.name.removesuffix("s").replace("_", " ").replace("policie", "policy")
        wanted = name if version is None else f"{name}@{version}"
        raise NotFound(f"there is no {what} “{wanted}”", name=name, version=version)
    return from_json(kind, row.body)


def _list(
    connection: Connection, table: Table, kind: type[Definition], after: str | None, limit: int
) -> list[Definition]:
    newer = table.alias("newer")
    latest = select(func.max(newer.c.version)).where(newer.c.name == table.c.name).scalar_subquery()
    query = select(table.c.body).where(table.c.version == latest)
    if after is not None:
        query = query.where(table.c.name > after)
    bodies = connection.scalars(query.order_by(table.c.name).limit(limit))
    return [from_json(kind, body) for body in bodies]


def _latest(connection: Connection, table: Table, name: str) -> Row[*tuple[object, ...]] | None:
    return connection.execute(
        select(table).where(table.c.name == name).order_by(table.c.version.desc()).limit(1)
    ).one_or_none()
