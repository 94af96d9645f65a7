"""Making a round's rows again: built beside those that are there, compared, and set right.

What a round's histories give is written by the very functions that wrote it the first time, but to
temporary tables of the same names, which PostgreSQL finds before the real ones. Then each real row
that differs is set right. Where nothing differs nothing is touched, so that whoever works on the
round at that moment keeps their task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.ids import RoundId
from storage import tables as stored
from storage.participations import forget_participations

Row = dict[str, Any]
Key = tuple[Any, ...]

WAITING = frozenset({"open", "claimed", "submitted"})
"""Statuses of a task that has no decided answer: which of them it is, is momentary."""

_HELD = ("status", "holder", "lease_until", "suspended_until", "review_id")
_REASONED = ("holder", "lease_until", "suspended_until", "review_id")


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A table whose rows follow from histories."""

    table: Table
    kept: tuple[str, ...] = ()
    """Columns that stay as they are in a row that is there: histories do not know them. Levels
    follow from the records, and the database finds them for rows that it is given."""
    only_adds: bool = False
    """Whether rows that the histories do not give stay: they are momentary, or came first."""


ROWS = (
    Rebuilt(table=stored.rounds, kept=("created_at", "archived_at")),
    # Beyond those of the routing, lanes are made before a shard decides about sending a task there.
    Rebuilt(table=stored.lanes, kept=("by_level",), only_adds=True),
    Rebuilt(table=stored.batch_records, kept=("level",)),
    Rebuilt(table=stored.participations, kept=("level",), only_adds=True),
    Rebuilt(table=stored.tasks, kept=("level",)),
    Rebuilt(table=stored.task_skips, kept=("skipped_at", "reason"), only_adds=True),
    Rebuilt(table=stored.task_directions),
    Rebuilt(
        table=stored.review_receipts,
        kept=("body_digest", "created_at", "acknowledged_at"),
        only_adds=True,
    ),
    Rebuilt(table=stored.reviews, kept=("level",)),
    Rebuilt(table=stored.outcomes, kept=("level",)),
    Rebuilt(table=stored.gold_answers, kept=("level",)),
    Rebuilt(table=stored.dataset_versions, kept=("level",)),
    Rebuilt(table=stored.model_versions, kept=("created_at",)),
    Rebuilt(table=stored.evaluations, kept=("created_at",)),
)
"""Those that others refer to come first."""

_SILENT = (stored.standings, stored.profile_changes)
"""What is written on the way and belongs to people, not to rounds: it is thrown away."""


@dataclass(frozen=True, kw_only=True)
class TableMended:
    """What was set right in one table."""

    table: str
    added: int
    changed: int
    removed: int

    @property
    def total(self) -> int:
        return self.added + self.changed + self.removed


def lock_round(connection: Connection, round_id: RoundId, *, alone: bool) -> None:
    """Until this transaction ends, the round is either shown to by many or made again by one."""
    lock = func.hashtextextended(f"rebuild/{round_id}", 0)
    take = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    connection.execute(select(take(lock)))


def mend_round(
    connection: Connection, round_id: RoundId, build: Callable[[], None]
) -> list[TableMended]:
    """Sets right whatever differs from the rows that `build` writes, and says what it was.

    `build` writes with the same connection. Repeated, it finds nothing to do.
    """
    lock_round(connection, round_id, alone=True)
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    names = [each.table.name for each in ROWS] + [table.name for table in _SILENT]
    for name in names:
        # Unqualified names then mean these: temporary tables come first in any search path.
        connection.execute(
            text(f'CREATE TEMPORARY TABLE {name} (LIKE "{schema}".{name} INCLUDING ALL)')
        )
    build()
    wanted = {each.table.name: _rows(connection, each.table) for each in ROWS}
    # After an error the transaction takes them back.
    for name in names:
        connection.execute(text(f"DROP TABLE pg_temp.{name}"))
    found = {each.table.name: _rows_of_round(connection, each.table, round_id) for each in ROWS}
    for key, row in wanted[stored.tasks.name].items():
        _keep_momentary(row, found[stored.tasks.name].get(key))
    return _mended(connection, wanted, found)


def _rows(connection: Connection, table: Table) -> dict[Key, Row]:
    return _by_key(table, connection.execute(select(table)).mappings())


def _rows_of_round(connection: Connection, table: Table, round_id: RoundId) -> dict[Key, Row]:
    query = select(table)
    if "round_id" in table.c:
        query = query.where(table.c.round_id == round_id)
    else:
        query = query.join(stored.tasks, stored.tasks.c.task_id == table.c.task_id).where(
            stored.tasks.c.round_id == round_id
        )
    return _by_key(table, connection.execute(query).mappings())


def _by_key(table: Table, rows: Iterable[Mapping[Any, Any]]) -> dict[Key, Row]:
    keys = [column.name for column in table.primary_key]
    return {tuple(row[name] for name in keys): dict(row) for row in rows}


def _keep_momentary(wanted: Row, found: Row | None) -> None:
    """Whoever holds a task, or has an answer on the way, keeps it."""
    if found is None:
        return
    if wanted["status"] in WAITING and found["status"] in WAITING:
        names: tuple[str, ...] = _HELD
    elif wanted["status"] == found["status"] == "closed":
        names = _REASONED
    elif wanted["status"] == found["status"] and found["holder"] is None:
        # What the constraints forbid at the moment of an answer is shown without a holder.
        names = ("holder", "suspended_until")
    else:
        names = ("suspended_until",)
    wanted.update({name: found[name] for name in names})


def _mended(
    connection: Connection,
    wanted: Mapping[str, dict[Key, Row]],
    found: Mapping[str, dict[Key, Row]],
) -> list[TableMended]:
    removed = {
        each.table.name: _remove(connection, each, wanted[each.table.name], found[each.table.name])
        for each in reversed(ROWS)
    }
    mended = []
    for each in ROWS:
        name = each.table.name
        added, changed = _put(connection, each, wanted[name], found[name])
        mended.append(TableMended(table=name, added=added, changed=changed, removed=removed[name]))
    _forget_parts(connection, wanted, found)
    return mended


_MOMENTARY = (
    stored.review_receipts,
    stored.task_skips,
    stored.suggestions_seen,
    stored.guideline_gaps,
)
"""About tasks, and in no history: they go with a task that no history knows."""


def _remove(
    connection: Connection, each: Rebuilt, wanted: dict[Key, Row], found: dict[Key, Row]
) -> int:
    gone = [] if each.only_adds else [key for key in found if key not in wanted]
    if not gone:
        return 0
    if each.table is stored.tasks:
        ids = [key[0] for key in gone]
        for momentary in _MOMENTARY:
            connection.execute(delete(momentary).where(momentary.c.task_id.in_(ids)))
    connection.execute(delete(each.table).where(tuple_(*each.table.primary_key).in_(gone)))
    return len(gone)


def _put(
    connection: Connection, each: Rebuilt, wanted: dict[Key, Row], found: dict[Key, Row]
) -> tuple[int, int]:
    """How many rows were added, and how many changed."""
    new = [row for key, row in wanted.items() if key not in found]
    for start in range(0, len(new), 1_000):
        connection.execute(insert(each.table), new[start : start + 1_000])
    changed = 0
    for key, row in wanted.items():
        before = found.get(key)
        if before is None:
            continue
        kept = {name: before[name] for name in each.kept}
        if row | kept != before:
            values = {name: value for name, value in (row | kept).items() if before[name] != value}
            which = tuple_(*each.table.primary_key) == tuple_(*key)
            connection.execute(update(each.table).where(which).values(values))
            changed += 1
    return len(new), changed


def _forget_parts(
    connection: Connection,
    wanted: Mapping[str, dict[Key, Row]],
    found: Mapping[str, dict[Key, Row]],
) -> None:
    """Parts that nobody has by a task they hold, or an answer they gave, are none."""
    name = stored.participations.name
    extra = [key for key in found[name] if key not in wanted[name]]
    forget_participations(connection, [(key[0], key[1], key[2]) for key in extra])
