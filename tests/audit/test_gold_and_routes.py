"""Rounds that route records and mix in known answers, run to their end and verified."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import update

from domain.gold import GOLD_ARM, GoldRules
from domain.ids import AccountId, PoolId, RecordId, RoundId
from domain.notices import NoticeKind
from domain.outcomes import How
from domain.profiles import Profile, Standing
from domain.rounds import Phase
from domain.routing import Queue, Routing, Rule
from storage import gold, lanes, notices, profiles, reviews, rounds
from storage.tables import lanes as lane_table
from tests.audit.conftest import Ended
from tests.audit.test_kinds import published
from tests.signing import SIGNER
from tests.workflows.round_world import World, text_of, truth
from workers.audit import FindingKind

pytestmark = pytest.mark.slow

GOLDS = 8
WRONG = {"sport": "money", "money": "sport"}


def pool_with_gold(world: World) -> PoolId:
    """Records in two languages, six labels to train on, and eight known answers."""
    pool = world.pool(36, seeds=6, tests=0)
    world.add(
        pool,
        [
            {
                "id": f"g{number}",
                "text": text_of(number) + " known",
                "label": truth(RecordId(f"g{number}")),
                "role": "gold",
            }
            for number in range(GOLDS)
        ],
    )
    return pool


async def run(world: World, pool: PoolId, answer: object, **changes: object) -> Ended:
    plan = world.plan(pool, round_id=RoundId(f"round-{uuid4().hex[:8]}"), **changes)
    result = await world.complete(SIGNER.sign_plan(plan), answer)  # type: ignore[arg-type]
    assert result.phase is Phase.CLOSED, result.failure
    return Ended(world=world, round_id=plan.round_id, result=result)


async def test_known_answers_measure_reviewers_and_stay_out_of_the_dataset(world: World) -> None:
    rules = GoldRules(share=0.5, floor=0.7, least=2, window=8)
    careless = world.reviewers[0]

    def answer(record_id: RecordId, who: str) -> str:
        right = truth(record_id)
        return WRONG[right] if who == careless.name and record_id.startswith("g") else right

    ended = await run(world, pool_with_gold(world), answer, gold=rules, reviews_per_record=1)

    with world.engine.connect() as connection:
        batch = rounds.get_batch(connection, ended.round_id)
        concluded = reviews.outcomes_of(connection, ended.round_id)
        standing = profiles.get_standing(connection, careless.account_id, world.schema.name)
        [change, *_] = profiles.list_changes(connection, careless.account_id)
        doubtful = gold.doubtful_reviews(connection, ended.round_id)
        inbox_of_lead = profiles.list_standings(connection, careless.account_id)
    known = {row.selection.record_id for row in batch if row.selection.arm == GOLD_ARM}
    assert len(known) == len(batch) / 2
    how = {each.outcome.record_id: each.outcome.how for each in concluded}
    assert {how[record_id] for record_id in known} == {How.GOLD}
    assert standing is Standing.PAUSED
    assert "known answers were right" in change.reason
    assert [each.standing for each in inbox_of_lead] == [Standing.PAUSED]
    assert {each.reviewer for each in doubtful} == {careless.name}
    assert len(doubtful) >= 2
    published_ids = {row["record_id"] for row in published(ended)}
    assert not published_ids & known
    assert await ended.differences() == []


async def test_a_round_sends_records_where_its_routing_says_and_an_audit_says_the_same(
    world: World,
) -> None:
    routing = Routing(
        name="by-arm",
        queues=(Queue(name="experts", expertise={"news": 2}),),
        rules=(
            Rule(when='arm == "random"', queue="experts", reviews=1, priority=5),
            Rule(when='arm == "diverse"', reviews=3),
        ),
    )
    expert = world.reviewers[0]
    with world.engine.begin() as connection:
        profiles.put_profile(
            connection,
            Profile(account_id=expert.account_id, expertise={"news": 2}),
            changed_by=AccountId("acc-lead"),
            reason="knows the news",
        )
    ended = await run(world, world.pool(), truth, routing=routing)

    with world.engine.connect() as connection:
        batch = {
            row.selection.record_id: row.selection.arm
            for row in rounds.get_batch(connection, ended.round_id)
        }
        given = reviews.reviews_of(connection, ended.round_id)
        made = lanes.list_lanes(connection, ended.round_id)
    by_record: dict[str, list[str]] = {}
    for review in given:
        by_record.setdefault(review.record_id, []).append(review.reviewer)
    for record_id, arm in batch.items():
        people = by_record[record_id]
        assert len(people) == {"random": 1, "diverse": 3}.get(arm, 2)
        if arm == "random":
            assert people == [expert.name]
    assert {(lane.queue, lane.priority) for lane in made} == {("experts", 5), ("general", 0)}
    assert await ended.differences() == []

    with world.engine.begin() as connection:
        connection.execute(
            update(lane_table)
            .where(lane_table.c.round_id == ended.round_id, lane_table.c.queue == "experts")
            .values(expertise={})
        )
    [(kind, subject)] = await ended.differences()
    assert kind is FindingKind.ROW_CHANGED
    assert "expertise" in subject


async def test_a_round_says_which_records_wait_for_people_that_are_not_there(world: World) -> None:
    routing = Routing(name="rare", rules=(Rule(when='arm == "random"', language="tlh"),))
    plan = SIGNER.sign_plan(
        world.plan(world.pool(), round_id=RoundId(f"round-{uuid4().hex[:8]}"), routing=routing)
    )
    handle = await world.start(plan)
    await world.until_open(plan.round_id)
    found = world.round(plan.round_id)
    assert found.awaiting is not None
    [unserved] = found.awaiting["unserved"]
    assert unserved["needs"] == ["the language tlh"]
    assert (unserved["people"], unserved["wanted"]) == (0, 2)
    with world.engine.connect() as connection:
        inbox = notices.inbox(connection, world.requester.account_id)
    [told] = [each.text for each in inbox if each.kind is NoticeKind.UNROUTABLE]
    assert "the language tlh" in told
    await handle.signal("cancel_round", world.cancellation(plan.round_id))
    await handle.result()
