"""Lanes: who is offered what, in which order, and what an empty queue says."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from sqlalchemy import Connection, Engine, func, insert, select, update

from domain.errors import InvalidProfile, NotQualified
from domain.ids import AccountId, RoundId
from domain.profiles import Absence, Profile, Standing
from domain.routing import Clearance, Lane, Requirement
from domain.tasks import TaskKind
from storage import lanes, profiles, rounds
from storage.claims import claim_named, claim_task
from storage.lanes import people_of, suits
from storage.queues import queue_facts
from storage.tables import lanes as lane_table
from storage.tables import task_skips
from storage.tables import tasks as task_table
from tests.domain.test_routing import requirements
from tests.storage.samples import BOTH, LEASE, make_round, person, plan, review_task

R1 = RoundId("r1")
LEAD = AccountId("acc-lead")
GERMAN = Requirement(languages=("de",))


def write_profile(connection: Connection, profile: Profile) -> None:
    profiles.put_profile(connection, profile, changed_by=LEAD, reason="trained")


def demand(connection: Connection, requirement: Requirement, lane: int = 0) -> None:
    """As if the round's routing had demanded it of lane 0."""
    row = lanes.lane_row(Lane(number=lane, requirement=requirement))
    connection.execute(update(lane_table).where(lane_table.c.lane == lane).values(row))


def test_the_database_and_the_domain_agree_on_who_qualifies(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    ada = person(connection, "Ada").account_id

    @settings(deadline=None)
    @given(requirements, requirements)
    def agree(wanted: Requirement, brings: Requirement) -> None:
        profile = Profile(
            account_id=ada,
            expertise=brings.expertise,
            clearance=brings.clearance,
            languages=brings.languages,
        )
        write_profile(connection, profile)
        demand(connection, wanted)
        qualifies = connection.scalar(select(suits(ada)).select_from(lane_table))
        assert qualifies is (not profile.lacks(wanted))

    agree()


def test_nobody_is_offered_what_they_do_not_qualify_for(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada, ben = (person(connection, name).account_id for name in ("Ada", "Ben"))
    demand(connection, GERMAN)
    write_profile(connection, Profile(account_id=ben, languages=("de",)))

    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is None
    with pytest.raises(NotQualified, match="the language de"):
        claim_named(connection, ada, review_task(), LEASE)
    facts = queue_facts(connection, ada, BOTH)
    assert (facts.claimable, facts.barred, facts.claimed_by_others) == (0, 0, 0)
    assert [(each.lane.requirement, each.suited) for each in facts.unsuited] == [(GERMAN, False)]
    assert claim_task(connection, ben, kinds=BOTH, lease=LEASE) is not None


def test_somebody_who_is_paused_is_offered_nothing_under_that_schema(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    profiles.put_standing(
        connection, ada, "topics", Standing.PAUSED, changed_by=LEAD, reason="3 of 8 wrong"
    )
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is None
    [found] = queue_facts(connection, ada, BOTH).unsuited
    assert (found.suited, found.standing) == (True, Standing.PAUSED)

    profiles.put_standing(
        connection, ada, "topics", Standing.PASSED, changed_by=LEAD, reason="talked it over"
    )
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is not None


def test_a_calibrated_lane_is_for_those_who_have_passed(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    connection.execute(update(lane_table).values(calibrated=True))
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is None
    profiles.put_standing(
        connection, ada, "topics", Standing.PASSED, changed_by=LEAD, reason="9 of 10"
    )
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is not None


def test_a_task_that_was_passed_by_or_put_off_is_not_offered(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, records=2, slots=1)
    ada = person(connection, "Ada").account_id
    connection.execute(
        insert(task_skips).values(
            task_id=review_task(0), account_id=ada, reason="blurred", skipped_at=func.now()
        )
    )
    later = func.now() + LEASE
    connection.execute(
        update(task_table)
        .where(task_table.c.task_id == review_task(1))
        .values(suspended_until=later)
    )
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is None
    assert queue_facts(connection, ada, BOTH).passed_by == 2


def test_the_higher_priority_comes_before_the_nearer_deadline(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, records=3, slots=1)
    ada = person(connection, "Ada").account_id
    lanes.put_lanes(connection, R1, [Lane(number=1, queue="experts", priority=5)], schema="topics")
    connection.execute(
        update(task_table).where(task_table.c.ordinal == 2).values(lane=1, priority=5)
    )
    connection.execute(
        update(task_table).where(task_table.c.ordinal == 1).values(deadline=func.now(), priority=0)
    )
    order = []
    while taken := claim_task(connection, ada, kinds=BOTH, lease=LEASE):
        order.append(taken.ordinal)
    assert order[0] == 2
    assert set(order) == {0, 1, 2}


def test_a_pinned_queue_gives_nothing_of_another(engine: Engine, connection: Connection) -> None:
    make_round(engine, records=2, slots=1)
    ada = person(connection, "Ada").account_id
    lanes.put_lanes(connection, R1, [Lane(number=1, queue="experts")], schema="topics")
    connection.execute(update(task_table).where(task_table.c.ordinal == 1).values(lane=1))
    taken = claim_task(connection, ada, kinds=BOTH, lease=LEASE, queue="experts")
    assert taken is not None
    assert taken.ordinal == 1
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE, queue="experts") is None
    assert queue_facts(connection, ada, BOTH, queue="experts").claimable == 0
    assert queue_facts(connection, ada, BOTH, queue="general").claimable == 1


def test_rounds_of_equal_urgency_share_peoples_time(engine: Engine, connection: Connection) -> None:
    make_round(engine, records=60, slots=1)
    rounds.create_round(connection, plan("r2"))
    lanes.put_lanes(connection, RoundId("r2"), [Lane(number=0)], schema="topics")
    rounds.put_batch(connection, RoundId("r2"), rounds.get_batch(connection, R1))
    far = func.now() + 3 * 24 * 4 * LEASE
    connection.execute(update(task_table).values(deadline=far))
    connection.execute(
        update(task_table).where(task_table.c.ordinal >= 30).values(round_id="r2", deadline=far)
    )
    first = set()
    for number in range(20):
        account_id = person(connection, f"person {number}").account_id
        taken = claim_task(connection, account_id, kinds=BOTH, lease=LEASE)
        assert taken is not None
        first.add(taken.round_id)
        again = claim_task(connection, account_id, kinds=BOTH, lease=LEASE)
        assert again is not None
        assert again.round_id == taken.round_id, "nobody is sent to and fro between two rounds"
    assert first == {"r1", "r2"}


def test_a_closed_round_offers_nothing(engine: Engine, connection: Connection) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    lanes.close_lanes(connection, R1)
    assert claim_task(connection, ada, kinds=BOTH, lease=LEASE) is None
    assert queue_facts(connection, ada, BOTH).claimable == 0


def test_people_are_counted_where_they_qualify_and_are_there(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    lanes.put_lanes(connection, R1, [Lane(number=1, requirement=GERMAN)], schema="topics")
    today = datetime.now(UTC).date()
    ada, ben, cid = (person(connection, name).account_id for name in ("Ada", "Ben", "Cid"))
    write_profile(connection, Profile(account_id=ada, languages=("de",)))
    write_profile(
        connection,
        Profile(account_id=ben, languages=("de",), absences=(Absence(first=today, last=today),)),
    )
    del cid
    assert people_of(connection, R1, today=today) == {0: 2, 1: 1}


def test_every_change_of_a_profile_is_kept_with_who_made_it_and_why(
    engine: Engine, connection: Connection
) -> None:
    del engine
    ada, lead = (person(connection, name).account_id for name in ("Ada", "Lea"))
    wanted = Profile(account_id=ada, languages=("DE", "en "), clearance=Clearance.INTERNAL)
    first = profiles.put_profile(connection, wanted, changed_by=lead, reason="joined")
    assert first.languages == ("de", "en")
    profiles.put_profile(connection, wanted, changed_by=lead, reason="again")
    profiles.put_standing(connection, ada, "topics", Standing.PAUSED, changed_by=lead, reason="low")

    pause, joined = profiles.list_changes(connection, ada)
    assert (joined.changed_by_name, joined.reason) == ("Lea", "joined")
    assert joined.before["languages"] == []
    assert joined.after["languages"] == ["de", "en"]
    assert pause.after == {"standing": {"topics": "paused"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"expertise": {"legal": 6}},
        {"expertise": {"No Name": 1}},
        {"languages": ("??",)},
        {"capacity_per_day": 0},
        {"absences": (Absence(first=date(2026, 2, 2), last=date(2026, 2, 1)),)},
    ],
)
def test_a_profile_that_cannot_be_is_refused(
    connection: Connection, wrong: dict[str, object]
) -> None:
    ada = person(connection, "Ada").account_id
    with pytest.raises(InvalidProfile):
        write_profile(connection, Profile(account_id=ada, **wrong))  # type: ignore[arg-type]


def test_only_the_wanted_kind_is_counted(engine: Engine, connection: Connection) -> None:
    make_round(engine, slots=1)
    ada = person(connection, "Ada").account_id
    assert queue_facts(connection, ada, {TaskKind.ADJUDICATION}).claimable == 0
    assert queue_facts(connection, ada, {TaskKind.REVIEW}).claimable == 1
