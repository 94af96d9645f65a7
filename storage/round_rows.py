"""Every row that a round has in a table: for audits, which must not miss one to a page's edge."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, select

from domain.ids import RoundId


def rows_of_round(connection: Connection, table: Table, round_id: RoundId) -> list[dict[str, Any]]:
    """The round's rows in the table, by column."""
    rows = connection.execute(select(table).where(table.c.round_id == round_id))
    return [dict(row) for row in rows.mappings()]
