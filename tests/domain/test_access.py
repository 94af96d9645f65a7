"""What a record's metadata say of who may see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import HIDDEN, MEANINGS, level_of, masked, texts_in, unknown_words
from domain.accounts import Role
from domain.conflicting_duties import conflicts
from domain.records import Json
from domain.routing import Clearance, Queue, Router, Routing, Rule

said = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)


@pytest.mark.parametrize(
    ("metadata", "level"),
    [
        ({}, Clearance.PUBLIC),
        ({"sensitivity": None, "usage_restriction": ""}, Clearance.PUBLIC),
        ({"sensitivity": " Confidential "}, Clearance.CONFIDENTIAL),
        ({"sensitivity": "internal", "usage_restriction": "restricted"}, Clearance.RESTRICTED),
        ({"sensitivity": "critical"}, Clearance.RESTRICTED),
        ({"sensitivity": 0.5}, Clearance.INTERNAL),
        ({"sensitivity": "0.6"}, Clearance.CONFIDENTIAL),
        ({"usage_restriction": "Legal Hold"}, Clearance.RESTRICTED),
        ({"usage_restriction": "no-training"}, Clearance.INTERNAL),
        ({"usage_restriction": 0.1}, Clearance.RESTRICTED),
        ({"sensitivity": 7}, Clearance.RESTRICTED),
        ({"sensitivity": "hush"}, Clearance.RESTRICTED),
        ({"sensitivity": ["public"]}, Clearance.RESTRICTED),
        ({"sensitivity": True}, Clearance.RESTRICTED),
    ],
)
def test_a_record_has_the_higher_level_of_what_is_said(
    metadata: dict[str, object], level: Clearance
) -> None:
    assert level_of(metadata) is level


@given(sensitivity=said, usage_restriction=said)
def test_what_nobody_knows_the_meaning_of_counts_as_the_highest_and_is_named(
    sensitivity: object, usage_restriction: object
) -> None:
    metadata = {"sensitivity": sensitivity, "usage_restriction": usage_restriction}
    if unknown_words(metadata):
        assert level_of(metadata) is Clearance.RESTRICTED


@given(one=st.sampled_from(sorted(MEANINGS["sensitivity"])), other=said)
def test_a_second_word_never_lowers_the_level(one: str, other: object) -> None:
    alone = level_of({"sensitivity": one})
    assert level_of({"sensitivity": one, "usage_restriction": other}).level >= alone.level


@given(st.sampled_from(Clearance), st.sampled_from(Clearance), st.sampled_from(Clearance))
def test_no_routing_sends_a_record_where_its_level_is_not_demanded(
    level: Clearance, of_queue: Clearance, of_rule: Clearance
) -> None:
    routing = Routing(
        name="any",
        queues=(Queue(name="experts", clearance=of_queue),),
        rules=(Rule(queue="experts", clearance=of_rule), Rule(when="risk > 0.5", queue="general")),
    )
    router = Router(routing, reviews=2, seconds=60.0, floor=level_of)
    route = router.route({"sensitivity": level.value})
    assert route.requirement.clearance.level == max(
        each.level for each in (level, of_queue, of_rule)
    )


def test_what_is_hidden_is_masked_wherever_it_stands() -> None:
    said: dict[str, Json] = {"records": ["a", "b"], "shard": 3, "by": {"a": "it is a"}}
    assert masked(said, frozenset({"a"})) == {
        "records": [HIDDEN, "b"],
        "shard": 3,
        "by": {HIDDEN: "it is a"},
    }
    assert texts_in(said) == {"a", "b", "it is a"}


def test_duties_that_belong_apart_are_named() -> None:
    assert conflicts({Role.REQUESTER, Role.APPROVER}) == [
        "may start or cancel a round and approve a dataset",
        "may define label schemas, guidelines and policies and approve a sampling policy",
    ]
    assert conflicts({Role.REVIEWER, Role.ADJUDICATOR}) != []
    for role in Role:
        assert conflicts({role}) == []
