"""Tries whether PostgreSQL itself keeps the API from records above its caller's clearance."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Connection, text

from storage.visibility import API_ROLE

_KNOWN = text("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = :role")
_TAKE = text("SELECT set_config('role', :role, true)")
_CLEAR = text("SELECT set_config('labelwright.clearance', :level, true)")
_POOL = text("INSERT INTO pools (pool_id, kind, created_by) VALUES (:pool, 'text', 'system')")
_RECORD = text(
    "INSERT INTO records (pool_id, record_id, record_digest, content, content_digest, metadata,"
    " level) VALUES (:pool, 'secret', '', '{}', '', '{}', 3)"
)
_COUNT = text("SELECT count(*) FROM records WHERE pool_id = :pool")


def why_not_enforced(connection: Connection) -> str:
    """What is wrong, in words; empty: a secret record was hidden, and shown to who is cleared.

    Writes a record and looks for it under the API's role. Nothing of it stays: the transaction that
    the connection is in is rolled back.
    """
    try:
        return _tried(connection, f"doctor-{uuid4().hex}")
    finally:
        connection.rollback()


def _tried(connection: Connection, pool: str) -> str:
    member = connection.execute(_KNOWN, {"role": API_ROLE}).scalar_one_or_none()
    if member is None:
        return f"there is no role {API_ROLE}"
    if not member:
        return f"this user is no member of the role {API_ROLE}"
    connection.execute(_CLEAR, {"level": "3"})
    connection.execute(_POOL, {"pool": pool})
    connection.execute(_RECORD, {"pool": pool})
    connection.execute(_TAKE, {"role": API_ROLE})
    seen = {}
    for level in ("0", "3"):
        connection.execute(_CLEAR, {"level": level})
        seen[level] = connection.execute(_COUNT, {"pool": pool}).scalar_one()
    if seen["0"]:
        return f"the role {API_ROLE} sees every record"
    if not seen["3"]:
        return f"the role {API_ROLE} sees no record, whatever the clearance"
    return ""
