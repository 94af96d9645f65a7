"""Which records of a round somebody may not see: for what must be told whole, with them masked."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ARRAY, Connection, Text, func, literal, select

from domain.ids import RoundId
from domain.routing import Clearance
from storage.tables import batch_records
from storage.visibility import everything


def hidden_records(
    connection: Connection,
    round_id: RoundId,
    clearance: Clearance,
    *,
    among: Collection[str] | None = None,
) -> frozenset[str]:
    """Ids of the round's records, or of those `among` them, that this clearance does not show."""
    if clearance is Clearance.RESTRICTED:
        return frozenset()
    query = select(batch_records.c.record_id).where(
        batch_records.c.round_id == round_id, batch_records.c.level > clearance.level
    )
    if among is not None:
        query = query.where(
            batch_records.c.record_id == func.any(literal(sorted(among), ARRAY(Text)))
        )
    with everything(connection):
        return frozenset(connection.scalars(query))
