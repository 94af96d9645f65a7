"""The connection to PostgreSQL: engine, transactions, migrations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from domain.errors import DatabaseUnavailable
from storage.roles import grant_api_role

_MIGRATION_LOCK = 0x1ABE1_0001
"""Any number, as long as every Labelwright takes the same: two upgrades at once would collide."""

_FRESH_SECONDS = 1.0
"""A connection that was used within them is not asked whether it lives before it is used again."""


def driver_url(url: str) -> URL:
    """`url` with the driver that we use, so that a plain `postgresql://` will do."""
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed


def engine(url: str, *, connections: int = 20) -> Engine:
    """An engine with at most `connections` connections; it connects when first used."""
    made = create_engine(
        driver_url(url),
        # All of them are kept: making one takes as long as twenty queries. The one used last is
        # used next, so that the others grow old and are renewed.
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=10,
        pool_recycle=1_800,
        # An error's text goes into the log, and parameters are what people wrote.
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "application_name": "labelwright"},
    )
    _ask_after_a_pause(made)
    return made


@contextmanager
def answering() -> Iterator[None]:
    """Turns the driver's word for "the database does not answer" into DatabaseUnavailable."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable(
            "the database does not answer",
            hint="what was acknowledged before is safe; try again in a moment",
        ) from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by any error.

    Raises DatabaseUnavailable.
    """
    with answering(), engine.begin() as connection:
        yield connection


def upgrade(url: str) -> None:
    """Brings the tables up to date; does nothing when they are. Safe when two do it at once.

    The API's role is given what it needs of them, as far as the URL's user may make roles. Raises
    DatabaseUnavailable.
    """
    single = create_engine(driver_url(url), poolclass=NullPool)
    with transaction(single) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        grant_api_role(connection)


def current_revision(connection: Connection) -> str | None:
    """The revision that the tables are at; none before the first upgrade."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """The revision that this code wants."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def at_head(engine: Engine) -> bool:
    """Whether the tables are what this code wants. Raises DatabaseUnavailable."""
    with answering(), engine.connect() as connection:
        return current_revision(connection) == head_revision()


def _ask_after_a_pause(made: Engine) -> None:
    """Without it, the first queries after a restart of PostgreSQL fail on dead connections.

    SQLAlchemy's own `pool_pre_ping` asks before every transaction, which a busy process pays for
    with a round trip in each of them.
    """

    def note(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def ask(
        connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        # A new connection has just been answered.
        used_at = record.info.setdefault("used_at", time.monotonic())
        if time.monotonic() - used_at < _FRESH_SECONDS:
            return
        try:
            made.dialect.do_ping(connection)
        except made.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(made, "checkin", note)
    event.listen(made, "checkout", ask)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config
