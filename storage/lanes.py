"""Lanes: where the records of equal routes wait, and whose profile suits them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.accounts import Role
from domain.errors import NotFound
from domain.ids import RecordId, RoundId
from domain.profiles import Standing
from domain.routing import Clearance, Lane, Queue, Requirement, forwarded
from domain.tasks import TaskKind
from storage.participations import Person
from storage.profiles import list_profiles
from storage.tables import accounts, batch_records, lanes, profiles, standings


def put_lanes(
    connection: Connection,
    round_id: RoundId,
    wanted: Iterable[Lane],
    *,
    schema: str,
    calibrated: bool = False,
    by_level: bool = True,
) -> None:
    """Opens the lanes that are not there yet. `schema` is the name of the round's label schema.

    In a `calibrated` lane only those work who have passed the calibration of that schema. The
    database refuses records above the clearance of a lane, unless it is one of a round that was not
    routed `by_level`.
    """
    rows = [
        {
            "round_id": round_id,
            **lane_row(each),
            "schema_name": schema,
            "calibrated": calibrated,
            "by_level": by_level,
        }
        for each in wanted
    ]
    if rows:
        connection.execute(
            insert(lanes).values(rows).on_conflict_do_nothing(index_elements=["round_id", "lane"])
        )


def list_lanes(connection: Connection, round_id: RoundId) -> list[Lane]:
    """The round's lanes by number."""
    query = select(lanes).where(lanes.c.round_id == round_id).order_by(lanes.c.lane)
    return [lane(row) for row in connection.execute(query)]


def find_lane(connection: Connection, round_id: RoundId, number: int) -> Lane:
    """That lane of the round. Raises NotFound."""
    row = connection.execute(
        select(lanes).where(lanes.c.round_id == round_id, lanes.c.lane == number)
    ).one_or_none()
    if row is None:
        raise NotFound("the round has no such lane", round_id=round_id, lane=number)
    return lane(row)


def is_by_level(connection: Connection, round_id: RoundId, number: int) -> bool:
    """Whether the database refuses records above that lane's clearance."""
    query = select(lanes.c.by_level).where(lanes.c.round_id == round_id, lanes.c.lane == number)
    return bool(connection.execute(query).scalar_one())


def own_lane(connection: Connection, round_id: RoundId, record_id: RecordId) -> Lane:
    """The lane that the round's routing gave the record: what it demands is demanded for good."""
    query = select(batch_records.c.lane).where(
        batch_records.c.round_id == round_id, batch_records.c.record_id == record_id
    )
    return find_lane(connection, round_id, connection.execute(query).scalar_one())


def lane_in_queue(connection: Connection, round_id: RoundId, own: Lane, queue: Queue) -> Lane:
    """The lane of the round in which records of lane `own` wait in `queue`, made if need be.

    It demands what both demand.
    """
    lock = func.hashtextextended(f"lanes/{round_id}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))
    there = list_lanes(connection, round_id)
    wanted = forwarded(own, queue, number=max(each.number for each in there) + 1)
    for each in there:
        if replace(each, number=wanted.number) == wanted:
            return each
    like = select(lanes.c.schema_name, lanes.c.calibrated, lanes.c.by_level).where(
        lanes.c.round_id == round_id, lanes.c.lane == own.number
    )
    row = connection.execute(like).one()
    put_lanes(
        connection,
        round_id,
        [wanted],
        schema=row.schema_name,
        calibrated=row.calibrated,
        by_level=row.by_level,
    )
    return wanted


def may_go_to(connection: Connection, round_id: RoundId, record_id: RecordId, number: int) -> bool:
    """Whether the round has that lane, and it demands no less than the record's own."""
    own = own_lane(connection, round_id, record_id)
    there = (each for each in list_lanes(connection, round_id) if each.number == number)
    return any(each.requirement.includes(own.requirement) for each in there)


def close_lanes(connection: Connection, round_id: RoundId) -> None:
    """Nothing of the round is offered any more."""
    connection.execute(
        update(lanes).where(lanes.c.round_id == round_id, lanes.c.open).values(open=False)
    )


def people_of(connection: Connection, round_id: RoundId, *, today: date) -> dict[int, int]:
    """Lane → reviewers who may work in it and are neither shut out nor away `today`."""
    rows = connection.execute(
        select(lanes.c.lane, accounts.c.account_id)
        .select_from(lanes.join(accounts, true()))
        .where(
            lanes.c.round_id == round_id,
            accounts.c.disabled_at.is_(None),
            literal(Role.REVIEWER.value) == func.any(accounts.c.roles),
            suits(accounts.c.account_id),
        )
    ).all()
    people = list_profiles(connection, {row.account_id for row in rows})
    return Counter(row.lane for row in rows if not people[row.account_id].away(today))


def suits(
    person: Person, kind: TaskKind | ColumnElement[str] = TaskKind.REVIEW
) -> ColumnElement[bool]:
    """Whether the person may do tasks of that kind in a row of `lanes`.

    They bring all that it demands, are not paused and, to review where that is wanted, have passed
    the calibration.
    """

    def stands(standing: Standing) -> ColumnElement[bool]:
        return exists().where(
            standings.c.account_id == person,
            standings.c.schema_name == lanes.c.schema_name,
            standings.c.standing == standing.value,
        )

    return and_(
        brings(person),
        not_(stands(Standing.PAUSED)),
        or_(
            not_(lanes.c.calibrated),
            literal(TaskKind.REVIEW.value) != kind,
            stands(Standing.PASSED),
        ),
    )


def brings(person: Person) -> ColumnElement[bool]:
    """Whether the person's profile has all that a row of `lanes` demands."""
    demanded = (
        func.jsonb_each_text(lanes.c.expertise).table_valued("domain", "level").render_derived()
    )
    expertise = func.coalesce(_of(person, profiles.c.expertise), literal({}, JSONB))
    level = func.coalesce(cast(expertise.op("->>")(demanded.c.domain), Integer), 0)
    too_low = exists(select(1).select_from(demanded).where(level < cast(demanded.c.level, Integer)))
    spoken = func.coalesce(_of(person, profiles.c.languages), cast(literal([]), ARRAY(Text)))
    return and_(
        lanes.c.clearance <= func.coalesce(_of(person, profiles.c.clearance), 0),
        lanes.c.languages.op("<@")(spoken),
        not_(too_low),
    )


def _of(person: Person, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """From the person's profile: asked once a statement where the person is always the same."""
    return select(value).where(profiles.c.account_id == person).scalar_subquery()


def lane_row(lane: Lane) -> dict[str, Any]:
    """What a lane says of itself as columns."""
    return {
        "lane": lane.number,
        "queue": lane.queue,
        "expertise": lane.requirement.expertise,
        "clearance": lane.requirement.clearance.level,
        "languages": list(lane.requirement.languages),
        "priority": lane.priority,
    }


def lane(row: Row[*tuple[object, ...]]) -> Lane:
    """A row of `lanes` as the domain has it."""
    return Lane(
        number=row.lane,
        queue=row.queue,
        requirement=Requirement(
            expertise=dict(row.expertise),
            clearance=list(Clearance)[row.clearance],
            languages=tuple(row.languages),
        ),
        priority=row.priority,
    )
