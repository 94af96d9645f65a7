"""The role of the API in PostgreSQL: made where it may be made, and given what it needs."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from storage.visibility import API_ROLE

_MAKE = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{API_ROLE}') THEN
    CREATE ROLE {API_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  END IF;
-- Another database of the same server was quicker.
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""  # noqa: S608 -- our own name
_JOIN = f"""
DO $$ BEGIN
  -- A superuser may take any role; anybody else must be a member, or could not become it.
  IF NOT pg_has_role('{API_ROLE}', 'MEMBER') THEN
    GRANT {API_ROLE} TO CURRENT_USER;
  END IF;
END $$
"""
_GRANT = f"""
DO $$ BEGIN
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {API_ROLE}', current_database());
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO {API_ROLE}', current_schema());
  EXECUTE format(
    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO {API_ROLE}',
    current_schema());
  EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO {API_ROLE}', current_schema());
END $$
"""
_TAKE_BACK = (
    f"REVOKE UPDATE, DELETE ON account_changes, profile_changes FROM {API_ROLE}",
    f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {API_ROLE}",
)


def grant_api_role(connection: Connection) -> bool:
    """Makes the role and lets it use every table that there is; whether it may take effect.

    False where the database's user may not make roles: an administrator of the server does it once,
    and the next upgrade finds it. Repeated, it changes nothing.
    """
    try:
        with connection.begin_nested():
            for statement in (_MAKE, _JOIN, _GRANT, *_TAKE_BACK):
                connection.execute(text(statement))
    except ProgrammingError:
        return False
    return True
