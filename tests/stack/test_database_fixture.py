"""What the other tests rely on: databases that are migrated and apart."""

from __future__ import annotations

from sqlalchemy import text

from storage.database import at_head, engine


def test_a_fresh_database_is_migrated(database: str) -> None:
    connections = engine(database)
    assert at_head(connections)
    connections.dispose()


def test_what_one_test_writes_no_other_sees(database: str, database_url: str) -> None:
    mine, shared = engine(database), engine(database_url)
    with mine.begin() as connection:
        connection.execute(text("CREATE TABLE only_here (number integer)"))
    with shared.connect() as connection:
        found = connection.execute(text("SELECT to_regclass('only_here')")).scalar_one()
    assert found is None
    mine.dispose()
    shared.dispose()
