"""Limits, guards and impossible demands: what the batch keeps, and what is said when it cannot."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.arms import ArmKind, Diversity
from domain.errors import ImpossibleConstraints, MissingColumn
from domain.policy import Guards, Limit, SamplingPolicy, WhenImpossible
from domain.selections import Selection
from learning.selection import Candidates, Known, select
from tests.learning.selection.pools import (
    EVERY_METHOD,
    LANGUAGES,
    SEGMENTS,
    arm,
    policy,
    pool,
    unit,
)

COLUMNS = {"language": LANGUAGES, "segment": SEGMENTS, "predicted": ("0", "1", "2")}
FILTERED = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def counts(candidates: Candidates, batch: list[Selection], column: str) -> Counter[str]:
    rows = pc.index_in(pa.array([each.record_id for each in batch]), candidates.record_ids)
    return Counter(candidates.column(column).cast(pa.string()).take(rows).to_pylist())


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    column = draw(st.sampled_from(sorted(COLUMNS)))
    value = draw(st.sampled_from(("", *COLUMNS[column])))
    least = draw(st.none() | st.integers(0, 8))
    most = draw(st.none() | st.integers(least or 0, 20))
    if least is None and most is None:
        most = 10
    return Limit(column=column, value=value, min_records=least, max_records=most)


def demands(asked: SamplingPolicy) -> list[tuple[Limit, str]]:
    return [
        (limit, value)
        for limit in asked.limits
        for value in ([limit.value] if limit.value else COLUMNS[limit.column])
    ]


@given(
    st.lists(limits(), min_size=1, max_size=4),
    st.sampled_from(EVERY_METHOD),
    st.integers(0, 1_000),
)
@settings(max_examples=60, deadline=None, suppress_health_check=FILTERED)
def test_a_batch_keeps_every_limit_or_names_the_one_that_it_does_not(
    drawn: list[Limit], method: Diversity, seed: int
) -> None:
    candidates = pool(150, seed=seed % 5)
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.6, diversity=method),
        arm(ArmKind.DIVERSE, 0.3),
        limits=drawn,
        seed=seed,
    )
    selected = select(candidates, asked)
    assert len(selected.selections) == asked.batch_size
    broken = set()
    for limit, value in demands(asked):
        got = counts(candidates, selected.selections, limit.column)[value]
        if got < limit.at_least(20):
            broken.add((f"at least {limit.at_least(20)} with {limit.column} = {value}", got))
        if got > limit.at_most(20):
            broken.add((f"at most {limit.at_most(20)} with {limit.column} = {value}", got))
    assert broken == {(each.demand, each.got) for each in selected.findings.shortfalls}


@given(st.integers(0, 6), st.integers(0, 6), st.integers(8, 14), st.integers(0, 1_000))
@settings(max_examples=40, deadline=None, suppress_health_check=FILTERED)
def test_limits_that_can_be_kept_together_are_kept(
    least_fr: int, least_premium: int, most_de: int, seed: int
) -> None:
    candidates = pool(400, seed=seed % 5)
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.95),
        limits=[
            Limit(column="language", value="fr", min_records=least_fr),
            Limit(column="segment", value="premium", min_records=least_premium),
            Limit(column="language", value="de", max_records=most_de),
        ],
        seed=seed,
    )
    selected = select(candidates, asked)
    languages = counts(candidates, selected.selections, "language")
    assert selected.findings.shortfalls == ()
    assert languages["fr"] >= least_fr
    assert languages["de"] <= most_de
    assert counts(candidates, selected.selections, "segment")["premium"] >= least_premium


def test_each_value_of_a_column_can_have_a_bound_of_its_own() -> None:
    candidates = pool(200)
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.95), limits=[Limit(column="segment", max_share=0.3, min_share=0.2)]
    )
    found = counts(candidates, select(candidates, asked).selections, "segment")
    assert all(4 <= found[segment] <= 6 for segment in SEGMENTS)


def test_a_place_taken_for_a_limit_says_so_and_stays_with_its_arm() -> None:
    candidates = pool(300)
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.9), limits=[Limit(column="language", value="fr", min_records=12)]
    )
    selected = select(candidates, asked)
    assert Counter(each.arm for each in selected.selections) == {"uncertain": 18, "random": 2}
    assert sum("chosen for a limit" in each.reason for each in selected.selections) >= 1
    ranks = [each.rank for each in selected.selections if each.arm == "uncertain"]
    assert sorted(ranks) == list(range(18))


def test_more_than_there_is_comes_as_near_as_it_can_and_reports_the_shortfall() -> None:
    candidates = pool(100)
    french = sum(each == "fr" for each in candidates.metadata["language"].to_pylist())
    asked = policy(
        arm(ArmKind.DIVERSE, 0.95),
        size=40,
        limits=[Limit(column="language", value="fr", min_records=30)],
    )
    [shortfall] = select(candidates, asked).findings.shortfalls
    assert (shortfall.wanted, shortfall.got) == (30, french)


def test_a_policy_that_says_stop_stops_and_names_what_is_missing() -> None:
    asked = policy(
        arm(ArmKind.DIVERSE, 0.95),
        limits=[Limit(column="language", value="xx", min_records=1)],
        when_impossible=WhenImpossible.STOP,
    )
    with pytest.raises(ImpossibleConstraints, match="language = xx") as caught:
        select(pool(100), asked)
    assert [each.got for each in caught.value.findings.shortfalls] == [0]


def test_maxima_that_leave_places_empty_are_passed_and_reported() -> None:
    candidates = pool(100)
    asked = policy(arm(ArmKind.UNCERTAIN, 0.95), limits=[Limit(column="language", max_records=5)])
    selected = select(candidates, asked)
    assert len(selected.selections) == 20
    over = sum(each.got - each.wanted for each in selected.findings.shortfalls)
    assert over == 5
    with pytest.raises(ImpossibleConstraints):
        select(candidates, replace(asked, when_impossible=WhenImpossible.STOP))


def test_a_limit_on_a_column_that_is_not_there_is_refused_by_name() -> None:
    asked = policy(arm(ArmKind.DIVERSE, 0.9), limits=[Limit(column="market", max_share=0.5)])
    with pytest.raises(MissingColumn, match="“market”") as caught:
        select(pool(50), asked)
    assert "language" in caught.value.hint


# -- guards -----------------------------------------------------------------------------------


def test_records_that_were_ambiguous_before_are_capped() -> None:
    ambiguous = np.arange(200) < 150
    candidates = replace(pool(200), ambiguous=ambiguous)
    asked = policy(arm(ArmKind.UNCERTAIN, 0.95), guards=Guards(max_ambiguous_share=0.25))
    batch = select(candidates, asked).selections
    assert sum(int(each.record_id[1:]) < 150 for each in batch) <= 5


def test_records_that_resemble_past_weaknesses_are_capped() -> None:
    rng = np.random.default_rng(0)
    weak = unit(np.array([[1.0, 0, 0, 0, 0, 0]]))
    near = unit(weak + rng.normal(size=(100, 6)) * 0.05)
    candidates = pool(200, labelled=0)
    rows = np.concatenate([near, candidates.embeddings[100:]])
    known = Known(
        record_ids=["mistaken"],
        embeddings=weak,
        labels=["1"],
        for_test=np.zeros(1, dtype=np.bool_),
        predicted=["0"],
        rounds=[1],
    )
    loose = policy(arm(ArmKind.UNCERTAIN, 0.95, diversity=Diversity.NONE))
    tight = replace(loose, guards=Guards(max_weakness_share=0.1))
    both = replace(candidates, embeddings=rows, known=known)
    resembling = [
        sum(int(each.record_id[1:]) < 100 for each in select(both, asked).selections)
        for asked in (loose, tight)
    ]
    assert resembling[0] > 2 >= resembling[1]


def test_a_region_that_leads_round_after_round_raises_an_alarm() -> None:
    rng = np.random.default_rng(1)
    spread = unit(rng.normal(size=(400, 6)))
    corner = unit(np.array([[1.0, 0, 0, 0, 0, 0]]) + rng.normal(size=(60, 6)) * 0.1)
    rows = np.concatenate([corner[:20], spread])
    candidates = replace(
        pool(420, labelled=0),
        embeddings=rows,
        probabilities=np.where(np.arange(420)[:, None] < 20, [[0.5, 0.5, 0]], [[1.0, 0, 0]]).astype(
            np.float32
        ),
        known=Known(
            record_ids=[f"known-{place}" for place in range(40)],
            embeddings=corner[20:],
            labels=["0"] * 40,
            for_test=np.zeros(40, dtype=np.bool_),
            predicted=[None] * 40,
            rounds=[1] * 20 + [2] * 20,
        ),
    )
    asked = policy(arm(ArmKind.UNCERTAIN, 0.95, diversity=Diversity.NONE))
    [alarm] = select(candidates, asked).findings.alarms
    assert "3 rounds running" in alarm
    patient = replace(asked, guards=Guards(region_rounds=4))
    assert select(candidates, patient).findings.alarms == ()
