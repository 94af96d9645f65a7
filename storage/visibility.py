"""Which records a transaction may see: one condition for queries, and a setting for the policies
of PostgreSQL beneath them.

Whoever asks is known by a context variable, so that no route has to hand it on. The API's engine is
guarded: its connections take a role that owns nothing, and each of its transactions says which
clearance it has. Where nobody is named it has none: what is public is all that it sees. Workers and
migrations own the tables, and see everything.

Source: PostgreSQL, "Row Security Policies", https://www.postgresql.org/docs/current/ddl-rowsecurity.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Integer,
    bindparam,
    event,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from domain.accounts import SYSTEM
from domain.ids import AccountId
from domain.routing import Clearance

API_ROLE = "labelwright_api"
"""Owns nothing, is no superuser, and does not pass by row-level security."""

CLEARED = bindparam("cleared", type_=Integer)
"""For statements that are made once: the level up to which records are seen, of `cleared`."""

_TAKE_ROLE = (
    "SELECT set_config('role', rolname, false) FROM pg_roles"
    " WHERE rolname = %s AND pg_has_role(oid, 'MEMBER')"
)
_SAY_WHO = (
    "SELECT set_config('labelwright.clearance', %s, true),"
    " set_config('labelwright.actor', %s, true)"
)
_LEVEL = "labelwright.level"


@dataclass(frozen=True, kw_only=True)
class Onlooker:
    """On whose behalf a transaction reads and writes."""

    clearance: Clearance
    account_id: AccountId | None = None


_NOBODY = Onlooker(clearance=Clearance.PUBLIC)
_onlooker: ContextVar[Onlooker] = ContextVar("onlooker", default=_NOBODY)


@contextmanager
def seeing(clearance: Clearance, account_id: AccountId | None = None) -> Iterator[None]:
    """Transactions that begin within it see records up to that clearance."""
    before = _onlooker.set(Onlooker(clearance=clearance, account_id=account_id))
    try:
        yield
    finally:
        _onlooker.reset(before)


@contextmanager
def as_system() -> Iterator[None]:
    """Transactions that begin within it see every record: for what must be whole, not for eyes.

    What they find goes to nobody who is not cleared for it. Who acts stays who acts.
    """
    account_id = _onlooker.get().account_id
    with seeing(Clearance.RESTRICTED, account_id):
        yield


@contextmanager
def everything(connection: Connection) -> Iterator[None]:
    """The same for a part of a transaction that has begun."""
    before = cleared(connection)
    _set_level(connection, Clearance.RESTRICTED.level)
    try:
        yield
    except DBAPIError:
        raise  # the transaction is over, and its settings with it
    except BaseException:
        _set_level(connection, before)
        raise
    _set_level(connection, before)


def guard(engine: Engine) -> Engine:
    """The engine, whose transactions see from now on what whoever asks may see."""
    event.listen(engine, "connect", _take_role)
    event.listen(engine, "begin", _say_who)
    return engine


def cleared(connection: Connection) -> int:
    """The level up to which records are seen by the transaction."""
    return int(connection.info.get(_LEVEL, Clearance.RESTRICTED.level))


def visible(connection: Connection, table: FromClause) -> ColumnElement[bool]:
    """Whether a row's record may be seen by whoever the transaction is for."""
    return table.c.level <= cleared(connection)


def is_enforced(connection: Connection) -> bool:
    """Whether PostgreSQL itself keeps this connection from rows above its clearance."""
    row = connection.execute(
        text(
            "SELECT NOT (rolsuper OR rolbypassrls) AND row_security_active('records')"
            " FROM pg_roles WHERE rolname = current_user"
        )
    )
    return bool(row.scalar())


def _take_role(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(_TAKE_ROLE, (API_ROLE,))
    cursor.close()
    # Otherwise the first rollback would take the role back.
    connection.commit()


def _say_who(connection: Connection) -> None:
    onlooker = _onlooker.get()
    level, actor = onlooker.clearance.level, onlooker.account_id or SYSTEM.account_id
    connection.info[_LEVEL] = level
    driver = connection.dialect.loaded_dbapi
    # By the driver itself: it is done before everything, and the way through SQLAlchemy costs more
    # than PostgreSQL needs for it.
    try:
        cursor = connection.connection.cursor()
        cursor.execute(_SAY_WHO, (str(level), actor))
        cursor.close()
    except driver.Error as error:
        # As SQLAlchemy does itself: a broken connection is thrown away, and the error is one of its
        # own, so that whoever asks hears that the database does not answer.
        connection.invalidate(error)
        raise DBAPIError.instance(
            _SAY_WHO,
            None,
            error,
            driver.Error,
            connection_invalidated=True,
            dialect=connection.dialect,
        ) from error


def _set_level(connection: Connection, level: int) -> None:
    if _LEVEL not in connection.info:
        return  # not guarded: it sees everything as it is
    connection.info[_LEVEL] = level
    connection.execute(
        text("SELECT set_config('labelwright.clearance', :level, true)"), {"level": str(level)}
    )
