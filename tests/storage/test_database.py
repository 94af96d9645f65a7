"""The connection and the migrations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from domain.errors import DatabaseUnavailable
from storage import database
from storage.tables import metadata
from workers.postgres import EmbeddedPostgres


def test_the_migrations_make_the_tables_that_the_code_knows(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_every_check_of_the_code_is_in_the_database(connection: Connection) -> None:
    known = {
        constraint.name
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is not None
    }
    found = set(connection.scalars(text("SELECT conname FROM pg_constraint")))
    assert known <= found


def test_two_upgrades_at_once_are_one(postgres_server: EmbeddedPostgres) -> None:
    postgres_server.create_database("upgraded_twice")
    url = postgres_server.url("upgraded_twice")
    fresh = database.engine(url)
    assert not database.at_head(fresh)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(database.upgrade, [url, url]))
    assert database.at_head(fresh)
    fresh.dispose()
    postgres_server.drop_database("upgraded_twice")


def test_a_plain_url_gets_the_driver() -> None:
    assert database.driver_url("postgresql://a@b/c").drivername == "postgresql+psycopg2"
    assert database.driver_url("postgres://a@b/c").drivername == "postgresql+psycopg2"


def test_a_database_that_does_not_answer_is_named() -> None:
    nowhere = database.engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable), database.transaction(nowhere):
        pass


def test_a_connection_that_died_is_replaced(engine: Engine) -> None:
    with engine.connect() as connection:
        victim = connection.scalar(text("SELECT pg_backend_pid()"))
        other = database.engine(engine.url.render_as_string(hide_password=False))
        with other.begin() as killer:
            killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        other.dispose()
        with pytest.raises(DatabaseUnavailable), database.answering():
            connection.execute(text("SELECT 1"))
    with database.transaction(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_connections_that_died_during_a_pause_are_replaced_before_their_use(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_FRESH_SECONDS", 0.0)
    with engine.connect() as one, engine.connect() as another:
        victims = [each.scalar(text("SELECT pg_backend_pid()")) for each in (one, another)]
    other = database.engine(engine.url.render_as_string(hide_password=False))
    with other.begin() as killer:
        for victim in victims:
            killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": victim})
    other.dispose()
    with database.transaction(engine) as one, database.transaction(engine) as another:
        living = {each.scalar(text("SELECT pg_backend_pid()")) for each in (one, another)}
    assert not living & set(victims)
