"""Routing: rules add up, demands are never lowered, and every fault has its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidRouting
from domain.expressions import holds, parse
from domain.routing import (
    EVERYBODY,
    Clearance,
    Lane,
    Queue,
    Requirement,
    Router,
    Routing,
    Rule,
    lanes_of,
)
from domain.routing_rules import check_routing, faults

requirements = st.builds(
    Requirement,
    expertise=st.dictionaries(st.sampled_from(["legal", "finance"]), st.integers(1, 5)),
    clearance=st.sampled_from(Clearance),
    languages=st.lists(st.sampled_from(["de", "fr"]), unique=True).map(sorted).map(tuple),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "language": st.sampled_from(["de", "fr"]),
        "risk": st.floats(0.0, 1.0),
        "sensitivity": st.sampled_from(["low", "high"]),
        "arm": st.sampled_from(["uncertain", "random"]),
    },
)
rules = st.lists(
    st.builds(
        Rule,
        when=st.sampled_from(
            ["", "risk >= 0.5", 'sensitivity == "high"', 'arm == "random" or language is None']
        ),
        queue=st.sampled_from(["", "experts"]),
        reviews=st.none() | st.integers(1, 7),
        priority=st.none() | st.integers(0, 9),
        expertise=st.dictionaries(st.sampled_from(["legal", "finance"]), st.integers(1, 5)),
        clearance=st.sampled_from(Clearance),
        language=st.sampled_from(["", "record", "de"]),
    ),
    max_size=5,
)


@given(requirements, requirements)
def test_two_demands_together_ask_for_all_that_each_of_them_asks(
    one: Requirement, other: Requirement
) -> None:
    both = one & other
    assert both == other & one
    for each in (one, other):
        assert not each.missing(
            expertise=both.expertise, clearance=both.clearance, languages=both.languages
        )


@given(rules, records)
def test_a_rule_more_never_lowers_what_a_record_demands(
    written: list[Rule], record: dict[str, object]
) -> None:
    routing = Routing(name="r", queues=(Queue(name="experts"),), rules=tuple(written))
    for length in range(len(written)):
        fewer = Router(replace(routing, rules=routing.rules[:length]), reviews=2, seconds=1.0)
        more = Router(replace(routing, rules=routing.rules[: length + 1]), reviews=2, seconds=1.0)
        wanted, now = fewer.route(record).requirement, more.route(record).requirement
        assert not wanted.missing(
            expertise=now.expertise, clearance=now.clearance, languages=now.languages
        )


@given(rules, st.lists(records, min_size=1, max_size=8))
def test_records_share_a_lane_exactly_if_they_wait_for_the_same_people_in_the_same_queue(
    written: list[Rule], batch: list[dict[str, object]]
) -> None:
    router = Router(Routing(name="r", rules=tuple(written)), reviews=2, seconds=1.0)
    routes = [router.route(record) for record in batch]
    lanes, numbers = lanes_of(routes)
    assert [lane.number for lane in lanes] == list(range(len(lanes)))
    for route, number in zip(routes, numbers, strict=True):
        assert lanes[number] == Lane(
            number=number,
            queue=route.queue,
            requirement=route.requirement,
            priority=route.priority,
        )


def test_the_first_rule_that_names_something_decides_it() -> None:
    routing = Routing(
        name="r",
        queues=(Queue(name="experts", expertise={"legal": 2}, languages=("en",)),),
        rules=(
            Rule(when="risk >= 0.5", queue="experts", reviews=3),
            Rule(reviews=5, hours=2.0, priority=4, clearance=Clearance.INTERNAL),
            Rule(language="record"),
        ),
    )
    router = Router(routing, reviews=2, seconds=60.0)
    risky = router.route({"risk": 0.7, "language": "de"})
    assert (risky.queue, risky.reviews, risky.seconds, risky.priority) == ("experts", 3, 7200.0, 4)
    assert risky.requirement == Requirement(
        expertise={"legal": 2}, clearance=Clearance.INTERNAL, languages=("de", "en")
    )
    plain = router.route({"risk": 0.1})
    assert (plain.queue, plain.reviews) == ("general", 5)
    assert plain.requirement == Requirement(clearance=Clearance.INTERNAL)


def test_without_rules_everybody_judges_everything_as_the_round_says() -> None:
    route = Router(EVERYBODY, reviews=2, seconds=60.0).route({"risk": 1.0, "language": "de"})
    assert (route.queue, route.reviews, route.seconds) == ("general", 2, 60.0)
    assert route.requirement == Requirement()


def test_what_somebody_lacks_is_told_in_words() -> None:
    wanted = Requirement(
        expertise={"legal": 3}, clearance=Clearance.RESTRICTED, languages=("de", "fr")
    )
    assert wanted.missing(
        expertise={"legal": 2}, clearance=Clearance.CONFIDENTIAL, languages=("fr",)
    ) == ["legal at level 3", "clearance for restricted records", "the language de"]


@pytest.mark.parametrize(
    ("expression", "row", "expected"),
    [
        ('risk in ["high", "critical"]', {"risk": "high"}, True),
        ('risk in ["high", "critical"]', {"risk": 0.9}, False),
        ("risk >= 0.5", {"risk": 1}, True),
        ("risk >= 0.5", {}, False),
        ("risk >= 0.5", {"risk": True}, False),
        ("not risk >= 0.5", {}, True),
        ("flagged", {"flagged": True}, True),
        ("flagged", {"flagged": 1}, False),
        ("segment is None", {"segment": None}, True),
        ('segment is not None and market == "de"', {"segment": "a", "market": "de"}, True),
    ],
)
def test_an_expression_holds_of_a_record(
    expression: str, row: dict[str, object], *, expected: bool
) -> None:
    assert holds(parse(expression), row) is expected


def test_each_fault_of_a_routing_has_its_place() -> None:
    routing = Routing(
        name="No name",
        queues=(Queue(name="experts"), Queue(name="experts", expertise={"legal": 9})),
        rules=(
            Rule(when="risk >=", queue="nowhere", reviews=0, hours=-1.0, priority=1_000),
            Rule(language="!"),
        ),
    )
    assert [fault.path for fault in faults(routing)] == [
        ("name",),
        ("queues", 1, "name"),
        ("queues", 1, "expertise", "legal"),
        ("rules", 0, "when"),
        ("rules", 0, "queue"),
        ("rules", 0, "reviews"),
        ("rules", 0, "hours"),
        ("rules", 0, "priority"),
        ("rules", 1, "language"),
    ]
    with pytest.raises(InvalidRouting, match="name: “No name”"):
        check_routing(routing)
