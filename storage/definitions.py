"""Label schemas and guidelines: each change is a new version, none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Integer, Table, cast, func, select

from domain.ids import AccountId, RoundId, Timestamp
from domain.labels import Guideline, LabelSchema, check_schema
from storage.documents import from_json
from storage.tables import accounts, guidelines, label_schemas, rounds
from storage.versions import find_version, latest_of_each, not_found, put_version

Kind = TypeVar("Kind")


def put_schema(connection: Connection, schema: LabelSchema, created_by: AccountId) -> LabelSchema:
    """The schema under its next version, or the latest if that says the same.

    Raises InvalidInput, of which InvalidSchema is one.
    """
    return put_version(connection, label_schemas, check_schema(schema), created_by)


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
    return put_version(connection, guidelines, guideline, created_by)


def get_guideline(connection: Connection, name: str, version: int | None = None) -> Guideline:
    """The guideline, in its latest version unless one is named. Raises NotFound."""
    return _get(connection, guidelines, Guideline, name, version)


def list_guidelines(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[Guideline]:
    """The latest version of each guideline by name, from the one that follows `after`."""
    return _list(connection, guidelines, Guideline, after, limit)


@dataclass(frozen=True, kw_only=True)
class GuidelineVersion:
    """When a version was written, and by whom."""

    version: int
    author_name: str
    created_at: Timestamp


def guideline_versions(
    connection: Connection, name: str, *, limit: int = 100
) -> list[GuidelineVersion]:
    """The versions of a guideline, the newest first."""
    rows = connection.execute(
        select(guidelines.c.version, guidelines.c.created_at, accounts.c.name)
        .outerjoin(accounts, accounts.c.account_id == guidelines.c.created_by)
        .where(guidelines.c.name == name)
        .order_by(guidelines.c.version.desc())
        .limit(limit)
    )
    return [
        GuidelineVersion(
            version=version, author_name=author or "", created_at=Timestamp(created_at)
        )
        for version, created_at, author in rows
    ]


@dataclass(frozen=True, kw_only=True)
class GuidelineUse:
    """A round that people judge by a version of a guideline."""

    round_id: RoundId
    version: int
    phase: str
    created_at: Timestamp


def rounds_by_guideline(
    connection: Connection, name: str, *, limit: int = 100
) -> list[GuidelineUse]:
    """The rounds that go by a version of the guideline, the newest first."""
    pinned = rounds.c.plan["guideline"].astext
    rows = connection.execute(
        select(
            rounds.c.round_id,
            cast(func.split_part(pinned, "@", 2), Integer),
            rounds.c.phase,
            rounds.c.created_at,
        )
        .where(func.split_part(pinned, "@", 1) == name)
        .order_by(rounds.c.created_at.desc(), rounds.c.round_id)
        .limit(limit)
    )
    return [
        GuidelineUse(
            round_id=RoundId(round_id),
            version=version,
            phase=phase,
            created_at=Timestamp(created_at),
        )
        for round_id, version, phase, created_at in rows
    ]


def _get(
    connection: Connection, table: Table, kind: type[Kind], name: str, version: int | None
) -> Kind:
    row = find_version(connection, table, name, version)
    if row is None:
        raise not_found(table, name, version)
    return from_json(kind, row.body)


def _list(
    connection: Connection, table: Table, kind: type[Kind], after: str | None, limit: int
) -> list[Kind]:
    query = latest_of_each(table, after=after, limit=limit)
    return [from_json(kind, row.body) for row in connection.execute(query)]
