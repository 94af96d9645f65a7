"""What all tables share: the metadata with its naming rules, and the type of a point in time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    TypeDecorator,
    func,
    text,
)
from sqlalchemy.schema import SchemaItem

from domain.ids import Timestamp

# Every constraint has a name, so that a migration can find it again.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def timestamp(moment: datetime) -> Timestamp:
    """`moment`, which knows its zone, as the domain writes points in time."""
    return Timestamp(moment.astimezone(UTC).isoformat(timespec="microseconds"))


class Instant(TypeDecorator[Timestamp]):
    """A `timestamptz` that enters and leaves as the domain's `Timestamp`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: Timestamp | datetime | None, dialect: Dialect
    ) -> datetime | None:
        del dialect
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> Timestamp | None:
        del dialect
        return None if value is None else timestamp(value)


def created_at() -> Column[Timestamp]:
    return Column("created_at", Instant, nullable=False, server_default=func.now())


def level(*, unsaid: int = 0) -> tuple[SchemaItem, ...]:
    """The clearance that it takes to see a row, as a number: what queries and policies compare.

    Rows that are about a record of a round have it from the record, by a trigger. `unsaid` is that
    of a row that does not say it.
    """
    return (
        Column(
            "level",
            Integer,
            nullable=False,
            server_default=text(str(unsaid)),
        ),
        CheckConstraint("level BETWEEN 0 AND 3", name="level"),
    )
