"""What a batch holds, whatever the order its pool came in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.arms import ArmKind, Combine, Diversity, Signal
from domain.errors import BatchExceedsPool, EmptyPool, InvalidScores, MissingColumn
from domain.policy import Exclusions, Limit, NearDuplicates, WhenImpossible
from domain.selections import Selection, batch_digest
from learning.selection import Candidates, Known, select
from tests.learning.selection.pools import (
    EVERY_KIND,
    EVERY_METHOD,
    arm,
    policy,
    pool,
    shuffled,
    unit,
)

UNCERTAIN = arm(ArmKind.UNCERTAIN, 0.6)
DIVERSE = arm(ArmKind.DIVERSE, 0.3)


def drawn(selections: list[Selection]) -> set[str]:
    return {each.record_id for each in selections if each.arm == "random"}


quickly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_arm_of_every_kind_fills_its_quota_and_says_why(kind: ArmKind) -> None:
    selected = select(pool(200), policy(arm(kind, 0.8)))
    assert Counter(each.arm for each in selected.selections) == {kind.value: 16, "random": 4}
    assert all(each.reason for each in selected.selections)
    assert len({each.record_id for each in selected.selections}) == 20


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_arm_of_every_kind_fills_its_quota_before_there_is_a_model(kind: ArmKind) -> None:
    candidates = replace(pool(200, cold=True), known=Known.nothing(6))
    selected = select(candidates, policy(arm(kind, 0.8)))
    assert Counter(each.arm for each in selected.selections) == {kind.value: 16, "random": 4}
    assert all(each.predicted is None for each in selected.selections)


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_every_way_of_being_diverse_serves_any_arm(method: Diversity) -> None:
    mixed = arm(
        ArmKind.BUSINESS_CRITICAL,
        0.8,
        diversity=method,
        signals={Signal.RISK: 1.0, Signal.MARGIN: 2.0},
        combine=Combine.MULTIPLY,
        where='language in ["de", "en"]',
    )
    candidates = pool(200)
    selected = select(candidates, policy(mixed))
    languages = dict(
        zip(
            candidates.record_ids.to_pylist(),
            candidates.metadata["language"].to_pylist(),
            strict=True,
        )
    )
    chosen = [each for each in selected.selections if each.arm != "random"]
    assert len(chosen) == 16
    assert {languages[each.record_id] for each in chosen} <= {"de", "en"}
    assert all(each.score is not None and 0.0 <= each.score <= 1.0 for each in chosen)


@given(st.integers(0, 2**32), st.sampled_from(EVERY_METHOD))
@quickly
def test_the_order_of_the_rows_changes_nothing(seed: int, method: Diversity) -> None:
    candidates = pool(120, seed=seed % 7)
    asked = policy(arm(ArmKind.UNCERTAIN, 0.5, diversity=method), DIVERSE, seed=seed)
    there = select(candidates, asked)
    back = select(shuffled(candidates, seed), asked)
    assert batch_digest(there.selections) == batch_digest(back.selections)
    assert there.findings == back.findings


def test_another_turn_draws_other_records_at_random() -> None:
    asked = policy(UNCERTAIN, DIVERSE, size=50)
    first, second = (select(pool(1_000), asked, turn=turn).selections for turn in (1, 2))
    drawn = [
        {each.record_id for each in batch if each.arm == "random"} for batch in (first, second)
    ]
    assert drawn[0] != drawn[1]


def test_the_random_arm_includes_each_record_as_often_as_its_propensity_says() -> None:
    candidates = pool(40)
    asked = policy(arm(ArmKind.UNCERTAIN, 0.5, diversity=Diversity.NONE), size=16)
    counts: Counter[str] = Counter()
    turns = 2_000
    for turn in range(turns):
        for each in select(candidates, asked, turn=turn).selections:
            if each.arm == "random":
                counts[each.record_id] += 1
                assert each.propensity == 8 / 40
    frequencies = np.array([counts[name] for name in candidates.record_ids.to_pylist()]) / turns
    # Five standard errors of a share of .2: one such test in 40,000 fails by chance.
    assert np.abs(frequencies - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / turns)


def test_the_random_arm_is_drawn_from_all_that_is_eligible_whatever_the_limits_say() -> None:
    limits = [Limit(column="language", value="de", max_records=0)]
    asked = policy(arm(ArmKind.DIVERSE, 0.5), size=40, limits=limits)
    selected = select(pool(400), asked)
    free = policy(arm(ArmKind.DIVERSE, 0.5), size=40)

    assert drawn(selected.selections) == drawn(select(pool(400), free).selections)
    assert any("language = de" in each.demand for each in selected.findings.shortfalls)


def test_arms_are_interleaved_so_that_whoever_stops_early_has_seen_each() -> None:
    selected = select(pool(300), policy(UNCERTAIN, DIVERSE, size=20))
    half = Counter(each.arm for each in selected.selections[:10])
    assert half == {"uncertain": 6, "diverse": 3, "random": 1}
    assert [each.ordinal for each in selected.selections] == list(range(20))


def test_a_filter_that_leaves_too_little_gives_its_places_to_the_other_arms() -> None:
    rare = arm(ArmKind.RARE, 0.6, where='language == "xx"')
    selected = select(pool(200), policy(rare, DIVERSE))
    assert Counter(each.arm for each in selected.selections) == {"diverse": 18, "random": 2}
    assert "rare found 0 of 12 records" in selected.findings.notes


def test_what_is_excluded_is_counted_by_reason_and_never_chosen() -> None:
    candidates = pool(200)
    german = sum(each == "de" for each in candidates.metadata["language"].to_pylist())
    asked = policy(UNCERTAIN, exclusions=Exclusions(out_of_scope='language == "de"'))
    selected = select(candidates, asked)
    assert selected.findings.excluded == {"out of scope": german}
    languages = dict(
        zip(
            candidates.record_ids.to_pylist(),
            candidates.metadata["language"].to_pylist(),
            strict=True,
        )
    )
    assert "de" not in {languages[each.record_id] for each in selected.selections}


def test_usage_restrictions_and_quality_are_left_out_by_value() -> None:
    candidates = pool(100)
    more = candidates.metadata.append_column(
        "usage_restriction", pa.array(["internal", None] * 50, pa.string())
    ).append_column("quality_status", pa.array(["good"] * 90 + ["broken"] * 10, pa.string()))
    exclusions = Exclusions(usage_restrictions=("*",), quality_statuses=("broken",))
    asked = policy(UNCERTAIN, size=10, exclusions=exclusions)
    selected = select(replace(candidates, metadata=more), asked)
    assert selected.findings.excluded == {"usage restriction: any": 50, "quality status: broken": 5}


def test_nothing_nearly_the_same_as_a_labelled_or_test_record_is_chosen() -> None:
    candidates = pool(50, labelled=5)
    copies = candidates.embeddings.copy()
    copies[3], copies[4] = candidates.known.embeddings[0], candidates.known.embeddings[4]
    asked = policy(UNCERTAIN, size=48, alike=False, near_duplicates=NearDuplicates(text=None))
    selected = select(replace(candidates, embeddings=copies), asked)
    assert selected.findings.excluded == {
        "nearly the same as a labelled record": 1,
        "nearly the same as a test record": 1,
    }
    assert not {"r00003", "r00004"} & {each.record_id for each in selected.selections}


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_batch_holds_one_of_each_group_of_near_duplicates(method: Diversity) -> None:
    rng = np.random.default_rng(3)
    middles = unit(rng.normal(size=(40, 6)))
    rows = unit(np.repeat(middles, 4, axis=0) + rng.normal(size=(160, 6)) * 1e-3)
    candidates = replace(pool(160, labelled=0), embeddings=rows, known=Known.nothing(6))
    asked = policy(
        arm(ArmKind.UNCERTAIN, 0.95, diversity=method),
        size=20,
        alike=False,
        near_duplicates=NearDuplicates(text=None, embedding=0.999),
    )
    selected = select(candidates, asked)
    groups = [int(each.record_id[1:]) // 4 for each in selected.selections]
    assert len(groups) == len(set(groups)) == 20


def test_a_pool_of_near_duplicates_gives_a_smaller_batch_and_says_so() -> None:
    rows = np.ones((60, 6), dtype=np.float32) / np.float32(np.sqrt(6.0))
    candidates = replace(pool(60, labelled=0), embeddings=rows, known=Known.nothing(6))
    asked = policy(arm(ArmKind.DIVERSE, 0.9), size=10, alike=False)
    selected = select(candidates, asked)
    assert len(selected.selections) == 1
    assert selected.findings.shortfalls[0].wanted == 10
    assert selected.findings.shortfalls[0].got == 1


def test_a_round_may_ask_for_fewer_records_than_its_policy() -> None:
    assert len(select(pool(100), policy(UNCERTAIN, size=50), records=10).selections) == 10


# -- what cannot be done ----------------------------------------------------------------------


def test_a_pool_smaller_than_the_batch_is_refused() -> None:
    with pytest.raises(BatchExceedsPool, match="50 records and the pool has 40"):
        select(pool(40), policy(UNCERTAIN, size=50))


def test_fewer_than_the_batch_after_exclusions_is_a_shortfall_or_refused_with_the_reasons() -> None:
    left_out = Exclusions(where='language == "de"')
    asked = policy(UNCERTAIN, size=30, exclusions=left_out)
    selected = select(pool(40), asked)
    [shortfall] = selected.findings.shortfalls
    assert (shortfall.wanted, shortfall.got) == (30, len(selected.selections))
    assert shortfall.got == 40 - selected.findings.excluded["excluded by: " + left_out.where]
    with pytest.raises(BatchExceedsPool, match="excluded by") as caught:
        select(pool(40), replace(asked, when_impossible=WhenImpossible.STOP))
    assert caught.value.context["batch_size"] == 30


def test_nothing_left_after_exclusions_is_refused() -> None:
    asked = policy(UNCERTAIN, size=5, exclusions=Exclusions(where="risk >= 0"))
    with pytest.raises(BatchExceedsPool, match="has 0 to choose"):
        select(pool(40), asked)


def test_an_empty_pool_is_refused() -> None:
    nobody = Candidates(
        record_ids=pa.array([], pa.string()),
        embeddings=np.zeros((0, 6), dtype=np.float32),
        known=Known.nothing(6),
    )
    with pytest.raises(EmptyPool):
        select(nobody, policy(UNCERTAIN))


def test_a_filter_on_a_column_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(MissingColumn, match="“market”"):
        select(pool(40), policy(arm(ArmKind.RARE, 0.9, where='market == "EU"')))


def test_a_record_that_is_there_twice_is_refused_by_name() -> None:
    candidates = pool(40)
    ids = candidates.record_ids.to_pylist()
    ids[7] = ids[30]
    with pytest.raises(InvalidScores, match=ids[30]):
        select(replace(candidates, record_ids=pa.array(ids)), policy(UNCERTAIN))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.2, 0.2, 7.0])
def test_probabilities_that_are_none_are_refused_with_the_record(value: float) -> None:
    candidates = pool(40)
    assert candidates.probabilities is not None
    wrong = candidates.probabilities.copy()
    wrong[2] = [value, 0.5, 0.0]
    with pytest.raises(InvalidScores, match="r00002"):
        replace(candidates, probabilities=wrong)


def test_embeddings_of_another_width_are_refused() -> None:
    with pytest.raises(InvalidScores, match="dimensions"):
        replace(pool(40), known=Known(embeddings=unit(np.ones((2, 4))), for_test=np.zeros(2, bool)))


def test_scores_that_are_all_equal_still_give_a_full_batch() -> None:
    candidates = pool(60)
    even = np.full((60, 3), 1.0 / 3.0, dtype=np.float32)
    for method in EVERY_METHOD:
        asked = policy(arm(ArmKind.UNCERTAIN, 0.9, diversity=method), size=20)
        selected = select(replace(candidates, probabilities=even), asked)
        assert len({each.record_id for each in selected.selections}) == 20


def test_one_class_only_still_gives_a_full_batch() -> None:
    sure = replace(pool(60), probabilities=np.ones((60, 1), dtype=np.float32), classes=["only"])
    for method in EVERY_METHOD:
        asked = policy(arm(ArmKind.UNCERTAIN, 0.9, diversity=method), size=20)
        assert len(select(sure, asked).selections) == 20


def test_reasons_name_the_labels_between_which_the_model_hesitates() -> None:
    candidates = pool(60)
    assert isinstance(candidates, Candidates)
    asked = policy(arm(ArmKind.UNCERTAIN, 0.9, diversity=Diversity.NONE), size=10)
    first = next(each for each in select(candidates, asked).selections if each.arm == "uncertain")
    assert "the model hesitates between" in first.reason
