"""Backtests: what is replayed, what is measured, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.arms import Arm, ArmKind, Signal
from domain.errors import BatchExceedsPool, InvalidTraining
from domain.policy import Exclusions, Gate, Measure, NearDuplicates, SamplingPolicy
from domain.records import Content, ContentKind
from learning.backtesting import (
    BASELINES,
    LabelledRecords,
    Plan,
    Replayed,
    Strategy,
    baseline,
    by_policy,
    replay,
    summarised,
)
from learning.backtesting.curves import macro_f1
from learning.backtesting.records import as_reviewed, split_by
from learning.backtesting.replay import Trail, steps
from learning.backtesting.strategies import Moment, Picked, proportional
from tests.learning.samples import Digits

PLAN = Plan(batch=10, rounds=3, seeds=2)
ALIKE = NearDuplicates(text=None, embedding=None)


def policy(*arms: Arm, **changes: Any) -> SamplingPolicy:
    chosen = arms or (Arm(name="uncertain", kind=ArmKind.UNCERTAIN, share=0.9),)
    at_random = Arm(name="random", kind=ArmKind.RANDOM, share=0.1)
    return SamplingPolicy(
        **{"name": "tested", "batch_size": 10, "near_duplicates": ALIKE, **changes},
        arms=(*chosen, at_random),
    )


def clusters(count: int = 120, *, classes: int = 3, spread: float = 0.4) -> LabelledRecords:
    """Classes as clusters of unit rows; the segment is every third record's."""
    rng = np.random.default_rng(5)
    labels = [f"class-{place % classes}" for place in range(count)]
    rows = np.eye(8)[[place % classes for place in range(count)]]
    rows = rows + spread * rng.normal(size=rows.shape)
    features = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    segments = ["small" if place % 3 == 0 else "large" for place in range(count)]
    return LabelledRecords(
        record_ids=[f"r{place:04d}" for place in range(count)],
        labels=labels,
        features=features,
        metadata=pa.table({"segment": segments}),
        segments=segments,
    )


@dataclass(kw_only=True)
class Watching:
    """Picks the first candidates, and keeps every moment that it was shown."""

    moments: list[Moment]
    name: str = "watching"
    signals: frozenset[Signal] = frozenset()

    def pick(self, moment: Moment) -> Picked:
        self.moments.append(moment)
        ids = moment.candidates.record_ids[: moment.count]
        return Picked(record_ids=ids.to_pylist())


def every_strategy() -> list[Strategy]:
    return [by_policy(policy()), *(baseline(name, exclusions=Exclusions()) for name in BASELINES)]


# -- splits and reviewers ---------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**40),
)
def test_a_split_gives_each_class_of_two_a_record_on_either_side(
    sizes: list[int], share: float, seed: int
) -> None:
    labels = [f"c{place}" for place, size in enumerate(sizes) for _ in range(size)]
    split = split_by(labels, share, seed=seed)
    assert sorted([*split.pool, *split.test]) == list(range(len(labels)))
    for place, size in enumerate(sizes):
        tested = sum(labels[row] == f"c{place}" for row in split.test)
        assert tested == 0 if size == 1 else 1 <= tested <= size - 1
        assert abs(tested - share * size) <= 1.0


def test_another_seed_is_another_split_and_the_same_seed_the_same() -> None:
    labels = ["a", "b"] * 40
    one, again, other = (split_by(labels, 0.3, seed=seed) for seed in (1, 1, 2))
    assert one.test.tolist() == again.test.tolist() != other.test.tolist()


def test_reviewers_err_as_often_as_they_are_said_to_and_always_name_another_class() -> None:
    labels = ["a", "b", "c", "d"] * 2_500
    given_ = as_reviewed(labels, 0.2, seed=3)
    wrong = [(right, said) for right, said in zip(labels, given_, strict=True) if right != said]
    assert 0.18 < len(wrong) / len(labels) < 0.22
    # Each of the twelve confusions is as likely as the next.
    assert min(wrong.count(pair) for pair in set(wrong)) > 120
    assert len(set(wrong)) == 12


def test_reviewers_who_never_err_give_the_true_labels() -> None:
    assert as_reviewed(["a", "b", "a"], 0.0, seed=1) == ["a", "b", "a"]


# -- rounds -----------------------------------------------------------------------------------


def test_each_round_chooses_among_what_is_not_labelled_yet() -> None:
    watching = Watching(moments=[])
    [replayed] = replay(clusters(), [watching], replace(PLAN, seeds=1))

    pools = [set(moment.candidates.record_ids.to_pylist()) for moment in watching.moments]
    known = [moment.candidates.known for moment in watching.moments]
    assert [len(each.record_ids) for each in known] == [0, 10, 20]
    for pool, each in zip(pools, known, strict=True):
        assert not pool & set(each.record_ids)
    test_ids = {f"r{row:04d}" for row in replayed.test.tolist()}
    assert not test_ids & pools[0]
    assert known[2].rounds == [1] * 10 + [2] * 10
    # Before the first round there is no model whose guess could have been wrong.
    assert set(known[2].predicted[:10]) == {None}
    assert None not in known[2].predicted[10:]


def test_no_strategy_sees_a_label_that_it_did_not_ask_for() -> None:
    watching = Watching(moments=[])
    records = clusters()
    replay(records, [watching], replace(PLAN, seeds=1))
    for moment in watching.moments:
        assert "label" not in moment.candidates.metadata.column_names
        assert len(moment.candidates.known.labels) == 10 * moment.turn


def test_equal_plans_give_equal_answers_whoever_else_takes_part() -> None:
    records = clusters(spread=1.0)
    together = replay(records, every_strategy(), PLAN)
    again = replay(records, every_strategy(), PLAN)
    alone = replay(records, every_strategy()[:1], PLAN)
    for one, two, three in zip(together, again, alone, strict=True):
        for name, trail in one.trails.items():
            assert (trail.answers == two.trails[name].answers).all()
        assert (one.trails["tested"].answers == three.trails["tested"].answers).all()


def test_margin_and_random_begin_with_the_same_batch() -> None:
    records = clusters(spread=1.0)
    strategies = [baseline(name, exclusions=Exclusions()) for name in ("random", "margin")]
    for each in replay(records, strategies, PLAN):
        first = [trail.answers[0] for trail in each.trails.values()]
        assert (first[0] == first[1]).all()


def test_a_policy_for_the_first_round_is_followed_in_the_first_round_only() -> None:
    only_random = policy(Arm(name="diverse", kind=ArmKind.DIVERSE, share=0.9), name="first")
    records = clusters(spread=1.0)
    plan = replace(PLAN, seeds=1)
    [mixed] = replay(records, [by_policy(policy(), first=only_random)], plan)
    [first] = replay(records, [by_policy(only_random)], plan)
    assert (mixed.trails["tested"].answers[0] == first.trails["first"].answers[0]).all()
    assert (mixed.trails["tested"].answers != first.trails["first"].answers).any()


def test_baselines_keep_to_the_exclusions_of_the_policy() -> None:
    records = clusters()
    exclusions = Exclusions(where='segment == "small"')
    strategies = [baseline(name, exclusions=exclusions) for name in BASELINES]
    large = sum(segment == "large" for segment in records.segments)
    plan = Plan(batch=large, rounds=1, seeds=1, test_share=0.1)
    [replayed] = replay(records, strategies, plan)
    for trail in replayed.trails.values():
        assert trail.spent[-1] < large


def test_the_last_batch_takes_what_is_left() -> None:
    records = clusters(60)
    plan = Plan(batch=25, rounds=3, seeds=1, test_share=0.3)
    replayed = replay(records, every_strategy(), plan)
    for trail in replayed[0].trails.values():
        assert trail.spent == [25, 42, 42]
        # All labels are bought: so the model is the one of all labels.
        assert (trail.answers[-1] == replayed[0].full).all()
    assert set(summarised(records, plan, replayed).unspent.values()) == {33}


def test_gates_that_would_hold_a_batch_are_counted_and_hold_nothing() -> None:
    gated = policy(gates=(Gate(measure=Measure.RANDOM_SHARE, at_least=0.5),))
    records = clusters()
    replayed = replay(records, [by_policy(gated)], PLAN)
    assert summarised(records, PLAN, replayed).held == {"tested": 6}
    assert [each.trails["tested"].spent[-1] for each in replayed] == [30, 30]


def test_progress_is_told_once_for_each_step() -> None:
    told: list[str] = []
    replay(clusters(), every_strategy(), PLAN, progress=told.append)
    assert len(told) == steps(PLAN, 4)


def test_committees_and_earlier_models_are_there_for_a_policy_that_looks_at_them() -> None:
    disagreement = Arm(name="disagreement", kind=ArmKind.DISAGREEMENT, share=0.9)
    records = clusters(spread=1.0)
    replayed = replay(records, [by_policy(policy(disagreement))], replace(PLAN, rounds=4, seeds=1))
    # Known from the first model on, and from the second on: not for want of a committee.
    assert not any(
        "pool was scored without" in note
        for note in replayed[0].trails["tested"].notes
        if "committee" in note
    )


def test_texts_are_learned_from_and_near_duplicates_are_bought_once() -> None:
    words = [["bill", "refund", "invoice"], ["crash", "error", "bug"]]
    texts = [f"{words[place % 2][place % 3]} number {place // 6 * 7919}" for place in range(60)]
    from learning.near_duplicates import signatures

    records = LabelledRecords(
        record_ids=[f"{place:02d}" for place in range(60)],
        labels=["billing" if place % 2 == 0 else "defect" for place in range(60)],
        kind=ContentKind.TEXT,
        contents=[Content({"text": text}) for text in texts],
        signatures=signatures(texts),
    )
    plan = Plan(batch=10, rounds=2, seeds=1)
    found = summarised(records, plan, replay(records, [by_policy(policy())], plan))
    assert found.accuracy.strategies["tested"].curve[-1].mean > 0.8


# -- strata -----------------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any),
    share=st.floats(0.0, 1.0),
)
def test_strata_get_their_share_to_within_a_record(sizes: list[int], share: float) -> None:
    each = np.array(sizes)
    count = int(share * each.sum())
    quotas = proportional(each, count)
    assert quotas.sum() == count
    assert (quotas <= each).all()
    assert (np.abs(quotas - each * count / each.sum()) < 1.0).all()


def test_a_stratified_batch_has_the_segments_of_the_pool() -> None:
    records = clusters(90)
    spied = Watching(moments=[])
    replay(records, [spied], Plan(batch=30, rounds=1, seeds=1))
    stratified = baseline("stratified", exclusions=Exclusions())
    picked = stratified.pick(spied.moments[0]).record_ids
    small = sum(records.segments[int(name[1:])] == "small" for name in picked)
    pool = spied.moments[0].segments
    assert pool is not None
    share = pool.to_pylist().count("small") / len(pool)
    assert abs(small - 30 * share) < 1.0


# -- figures ----------------------------------------------------------------------------------


def measured(
    curves: Mapping[str, Sequence[Sequence[float]]], full: Sequence[float]
) -> list[Replayed]:
    """Replays of 100 test records of one class, whose accuracies are those given, seed by seed."""

    def answers(share: float) -> NDArray[np.int64]:
        return (np.arange(100) >= round(100 * share)).astype(np.int64)

    return [
        Replayed(
            seed=seed,
            test=np.arange(100),
            truth=np.zeros(100, dtype=np.int64),
            full=answers(full[seed]),
            pool=200,
            trails={
                name: Trail(
                    answers=np.stack([answers(share) for share in by_seed[seed]]),
                    spent=[10 * (turn + 1) for turn in range(len(by_seed[seed]))],
                )
                for name, by_seed in curves.items()
            },
        )
        for seed in range(len(full))
    ]


TWO_CLASSES = LabelledRecords(
    record_ids=[str(row) for row in range(100)],
    labels=["a", "b"] * 50,
    segments=["all"] * 96 + ["few"] * 4,
)


def test_labels_needed_are_read_off_the_mean_curve_and_what_is_not_reached_is_none() -> None:
    curves = {
        "ours": [[0.70, 0.90, 0.96], [0.80, 0.92, 0.94]],
        "theirs": [[0.50, 0.60, 0.91], [0.50, 0.80, 0.89]],
    }
    plan = Plan(batch=10, rounds=3, seeds=2)
    found = summarised(TWO_CLASSES, plan, measured(curves, [1.0, 1.0])).accuracy

    ours, theirs = found.strategies["ours"], found.strategies["theirs"]
    assert [point.mean for point in ours.curve] == pytest.approx([0.75, 0.91, 0.95])
    assert {share: reached.labels for share, reached in ours.labels_to.items()} == {
        0.90: 20,
        0.95: 30,
        0.99: None,
    }
    assert theirs.labels_to[0.90].labels == 30
    assert theirs.labels_to[0.95].labels is None
    assert found.savings["theirs"][0.90].ratio == 1.5
    assert found.savings["theirs"][0.95].ratio is None
    assert found.savings["theirs"][0.95].at_least == 1.0
    assert found.savings["theirs"][0.99].at_least is None
    turned = {name: curves[name] for name in ("theirs", "ours")}
    other = summarised(TWO_CLASSES, plan, measured(turned, [1.0, 1.0])).accuracy
    assert other.savings["ours"][0.95].at_most == 1.0


def test_an_interval_that_ends_beyond_the_budget_has_no_upper_end() -> None:
    curves = {"ours": [[0.95, 0.95], [0.80, 0.85]], "theirs": [[0.5, 0.99], [0.5, 0.99]]}
    plan = Plan(batch=10, rounds=2, seeds=2)
    found = summarised(TWO_CLASSES, plan, measured(curves, [1.0, 1.0])).accuracy
    reached = found.strategies["ours"].labels_to[0.90]
    assert (reached.labels, reached.low, reached.high) == (20, 10, None)
    saving = found.savings["theirs"][0.90]
    assert saving.ratio == 1.0
    assert saving.low == 0.0
    assert saving.high == 2.0


def test_the_interval_of_a_mean_is_students() -> None:
    curves = {"ours": [[0.80], [0.84], [0.88]]}
    plan = Plan(batch=10, rounds=1, seeds=3)
    [point] = (
        summarised(TWO_CLASSES, plan, measured(curves, [1.0] * 3)).accuracy.strategies["ours"].curve
    )
    # t with two degrees of freedom: 4.3027; standard error .04 / √3.
    assert point.low is not None
    assert point.high is not None
    assert point.mean == pytest.approx(0.84)
    assert point.high - point.mean == pytest.approx(4.3027 * 0.04 / 3**0.5, rel=1e-4)
    assert point.mean - point.low == pytest.approx(point.high - point.mean)


def test_one_seed_has_no_interval() -> None:
    found = summarised(
        TWO_CLASSES, Plan(batch=10, rounds=1, seeds=1), measured({"ours": [[0.9]]}, [1.0])
    ).accuracy
    assert found.strategies["ours"].curve[0].low is None
    assert found.strategies["ours"].labels_to[0.90].high is None


def test_segments_with_next_to_no_test_records_are_named_and_not_drawn() -> None:
    found = summarised(
        TWO_CLASSES, Plan(batch=10, rounds=1, seeds=2), measured({"ours": [[0.9], [0.9]]}, [1, 1])
    )
    assert list(found.segments) == ["all"]
    assert found.unlisted_segments == ("few",)


def test_macro_f1_counts_each_class_alike() -> None:
    truth = np.array([0, 0, 0, 1])
    # Class 0: precision 3/4, recall 1, F1 6/7; class 1: never named, F1 0.
    assert macro_f1(truth, np.zeros(4, dtype=np.int64), classes=3) == pytest.approx(3 / 7)
    assert macro_f1(truth, truth, classes=3) == 1.0


def test_macro_f1_is_what_scikit_learn_computes() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(2)
    truth, answers = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    assert macro_f1(truth, answers, classes=4) == pytest.approx(
        f1_score(truth, answers, average="macro")
    )


# -- real data --------------------------------------------------------------------------------


def test_on_digits_a_policy_needs_fewer_labels_than_a_random_draw(digits: Digits) -> None:
    pixels = np.array([content["pixels"] for content in digits.contents], dtype=np.float64)
    pixels = pixels.reshape(len(pixels), -1)
    features = (pixels / np.linalg.norm(pixels, axis=1, keepdims=True)).astype(np.float32)
    records = LabelledRecords(
        record_ids=[f"{place:04d}" for place in range(len(features))],
        labels=digits.labels,
        features=features,
    )
    plan = Plan(batch=20, rounds=6, seeds=2)
    strategies = [by_policy(policy()), baseline("random", exclusions=Exclusions())]
    found = summarised(records, plan, replay(records, strategies, plan)).accuracy
    assert 0.93 < found.full.mean <= 1.0
    ours, random = found.strategies["tested"], found.strategies["random"]
    assert ours.area.mean > random.area.mean
    assert ours.curve[-1].mean > ours.curve[0].mean


def test_wrong_labels_lower_what_all_labels_lead_to() -> None:
    records = clusters(240, spread=0.6)
    strategies = [baseline("random", exclusions=Exclusions())]
    right, wrong = (
        summarised(records, plan, replay(records, strategies, plan)).accuracy.full.mean
        for plan in (PLAN, replace(PLAN, error_rate=0.45))
    )
    assert wrong < right


# -- bad input --------------------------------------------------------------------------------


def test_one_class_is_refused() -> None:
    records = replace(clusters(), labels=["same"] * 120)
    with pytest.raises(InvalidTraining, match="two classes or more; all are “same”"):
        replay(records, every_strategy(), PLAN)


def test_a_pool_smaller_than_a_batch_is_refused() -> None:
    with pytest.raises(BatchExceedsPool, match="only 14 of 20 are left"):
        replay(clusters(20, classes=2), every_strategy(), replace(PLAN, batch=15))


def test_records_of_a_class_each_cannot_be_tested() -> None:
    records = replace(clusters(30), labels=[f"c{place}" for place in range(30)])
    with pytest.raises(InvalidTraining, match="no class has two records"):
        replay(records, every_strategy(), PLAN)
