"""Gold: as many as wanted, nobody can tell by the place, and nobody is judged by too few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import Sha256
from domain.errors import InvalidInput
from domain.gold import GoldRecord, GoldRules, below_floor, check_gold_rules, mixed_in, passes
from domain.ids import RecordId, RoundId

KNOWN = [
    GoldRecord(record_id=RecordId(f"g{n}"), content_digest=Sha256("0" * 64), label="cat")
    for n in range(40)
]
rules = st.builds(
    GoldRules,
    floor=st.floats(0.0, 1.0),
    least=st.integers(1, 5),
    window=st.integers(5, 10),
    calibrate=st.integers(1, 10),
)
answers = st.lists(st.booleans(), max_size=30)


@given(st.integers(1, 300), st.floats(0.01, 0.5))
def test_gold_is_the_wanted_share_of_what_reviewers_see_or_all_there_is(
    records: int, share: float
) -> None:
    placed = mixed_in(KNOWN, records=records, share=share, round_id=RoundId("r1"))
    seen = len(placed) / (records + len(placed))
    if len(placed) < len(KNOWN):
        assert seen >= share - 1e-9
        assert (len(placed) - 1) / (records + len(placed) - 1) < share + 1e-9
    assert len({each.record_id for _, each in placed}) == len(placed)
    assert all(0.0 <= place <= records for place, _ in placed)


def test_each_round_takes_other_gold_at_other_places() -> None:
    def taken(round_id: str) -> list[tuple[float, str]]:
        placed = mixed_in(KNOWN, records=100, share=0.1, round_id=RoundId(round_id))
        return [(place, each.record_id) for place, each in placed]

    assert taken("r1") == taken("r1")
    assert {name for _, name in taken("r1")} != {name for _, name in taken("r2")}
    places = [place for place, _ in taken("r1")]
    assert places == sorted(places)
    assert len({round(place % (100 / len(places)), 3) for place in places}) > len(places) // 2


def test_without_a_share_there_is_no_gold() -> None:
    assert mixed_in(KNOWN, records=100, share=0.0, round_id=RoundId("r1")) == []


@given(answers, rules)
def test_nobody_is_paused_by_too_few_answers_or_for_being_right(
    given_: list[bool], rules: GoldRules
) -> None:
    paused = below_floor(given_, rules)
    if paused:
        counted = given_[-rules.window :]
        assert len(counted) >= rules.least
        assert sum(counted) / len(counted) < rules.floor
    assert not below_floor([True] * 30, rules)
    assert below_floor([False] * 30, rules) == (rules.floor > 0)


@given(answers, rules)
def test_a_calibration_is_decided_once_its_set_is_complete(
    given_: list[bool], rules: GoldRules
) -> None:
    assert (passes(given_, rules) is None) == (len(given_) < rules.calibrate)


@pytest.mark.parametrize(
    "wrong",
    [
        GoldRules(share=0.6),
        GoldRules(floor=1.1),
        GoldRules(least=0),
        GoldRules(least=9, window=8),
        GoldRules(calibrate=101),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(wrong: GoldRules) -> None:
    with pytest.raises(InvalidInput):
        check_gold_rules(wrong)
