"""What the migration that brings levels makes of a database that has none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from domain.access import MEANINGS, level_of
from storage import database
from storage.database import engine as connect
from storage.enforcement import why_not_enforced
from workers.postgres import EmbeddedPostgres

SAID: tuple[object, ...] = (
    *MEANINGS["sensitivity"],
    *MEANINGS["usage_restriction"],
    None,
    "",
    " Confidential ",
    "Legal-Hold",
    "internal  only",
    "hush",
    0,
    0.25,
    0.3,
    0.6,
    1,
    7,
    -1,
    "0.5",
    ".7",
    "1e-1",
    "nan",
    True,
    False,
    ["public"],
    {"public": 1},
    "with \u0000 in it",
)
"""What people have written: the migration reads it as the code does."""

REVISION = "0011"
BEFORE = ScriptDirectory.from_config(database._config()).get_revision(REVISION).down_revision


@pytest.fixture
def before(postgres_server: EmbeddedPostgres) -> Iterator[Engine]:
    """A database of the version before, with a record for whatever may be said of it."""
    postgres_server.create_database("unlevelled")
    engine = connect(postgres_server.url("unlevelled"), connections=2)
    with engine.begin() as connection:
        config = database._config()
        config.attributes["connection"] = connection
        command.upgrade(config, str(BEFORE))
        connection.execute(text("INSERT INTO pools VALUES ('p', 'text', NULL, NULL, 'x')"))
        for number, said in enumerate(SAID):
            for column in MEANINGS:
                connection.execute(
                    text(
                        "INSERT INTO records (pool_id, record_id, record_digest, content,"
                        " content_digest, metadata) VALUES ('p', :id, '', '{}', '', :metadata)"
                    ),
                    {"id": f"{column}-{number}", "metadata": json.dumps({column: said})},
                )
        for name, roles in (("ada", ["reviewer"]), ("rob", ["requester"]), ("kim", ["auditor"])):
            connection.execute(
                text("INSERT INTO accounts (account_id, name, roles) VALUES (:n, :n, :roles)"),
                {"n": name, "roles": roles},
            )
        connection.execute(
            text(
                "INSERT INTO profiles VALUES ('kim', '{\"law\": 3}', '{de}', 1, NULL, '[]', now())"
            )
        )
    yield engine
    engine.dispose()
    postgres_server.drop_database("unlevelled")


def test_what_is_there_gets_its_levels_and_nobody_loses_sight_of_it(before: Engine) -> None:
    database.upgrade(before.url.render_as_string(hide_password=False))
    with before.connect() as connection:
        rows = connection.execute(text("SELECT record_id, metadata, level FROM records")).all()
        wrong = {
            row.metadata: row.level
            for row in rows
            if row.level != level_of(json.loads(row.metadata)).level
            # PostgreSQL cannot read a NUL, and then knows no meaning: the highest it is.
            and "\\u0000" not in row.metadata
        }
        assert wrong == {}
        found = connection.execute(
            text("SELECT account_id, clearance, expertise FROM profiles ORDER BY account_id")
        )
        assert found.all() == [("kim", 3, {"law": 3}), ("rob", 3, {})]
        noted = connection.scalars(text("SELECT account_id FROM profile_changes ORDER BY 1"))
        assert noted.all() == ["kim", "rob"]
        connection.rollback()
        assert why_not_enforced(connection) == ""
        assert connection.scalar(text("SELECT count(*) FROM pools")) == 1


def test_going_back_takes_the_policies_away_and_keeps_the_records(before: Engine) -> None:
    database.upgrade(before.url.render_as_string(hide_password=False))
    with before.begin() as connection:
        config = database._config()
        config.attributes["connection"] = connection
        command.downgrade(config, str(BEFORE))
        assert connection.scalar(text("SELECT count(*) FROM records")) == len(SAID) * 2
        assert connection.scalar(text("SELECT count(*) FROM pg_policies")) == 0


def test_a_role_that_sees_everything_is_named(before: Engine) -> None:
    database.upgrade(before.url.render_as_string(hide_password=False))
    with before.begin() as connection:
        connection.execute(text("ALTER TABLE records DISABLE ROW LEVEL SECURITY"))
    with before.connect() as connection:
        assert why_not_enforced(connection) == "the role labelwright_api sees every record"
