"""Figures and their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from domain.errors import EmptyTestSet, InvalidScores
from domain.records import ContentKind
from learning.evaluation import (
    accuracy,
    by_class,
    compare_at_equal_labels,
    macro_f1,
    paired_difference,
    paired_macro_f1_difference,
)
from learning.models import Model
from learning.ranking import ranked
from learning.scoring import uncertainty
from tests.learning.samples import Digits

pairs = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1)


@settings(deadline=None, max_examples=60)
@given(pairs=pairs, seed=st.integers(0, 2**63 - 1))
def test_values_are_scikit_learns_and_intervals_stay_in_range(
    pairs: list[tuple[str, str]], seed: int
) -> None:
    truth, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    right = accuracy(truth, predicted, seed=seed, resamples=50)
    f1 = macro_f1(truth, predicted, seed=seed, resamples=50)
    expected = f1_score(
        truth, predicted, labels=sorted(set(truth)), average="macro", zero_division=0
    )
    assert right.value == pytest.approx(accuracy_score(truth, predicted))
    assert f1.value == pytest.approx(expected)
    for estimate in (right, f1):
        assert 0.0 <= estimate.low <= estimate.high <= 1.0
        assert estimate.n == len(pairs)
    assert right == accuracy(truth, predicted, seed=seed, resamples=50)


@settings(deadline=None, max_examples=60)
@given(pairs=pairs)
def test_figures_by_class_are_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    found = by_class(truth, predicted, most=10)
    assert {each.label for each in found} == {*truth, *predicted}
    labels = [each.label for each in found]
    expected = np.array(
        precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    )
    for each, precision, recall, f1, support in zip(found, *expected, strict=True):
        assert each.precision == (pytest.approx(precision) if each.label in predicted else None)
        assert each.recall == (pytest.approx(recall) if each.label in truth else None)
        assert each.f1 == pytest.approx(f1)
        assert each.records == support


def test_of_many_classes_those_with_the_most_rows_are_counted() -> None:
    truth, predicted = list("aabbbcd"), list("abbbbee")
    assert [each.label for each in by_class(truth, predicted, most=9)] == list("bacde")
    assert [each.label for each in by_class(truth, predicted, most=2)] == ["b", "a"]
    with pytest.raises(EmptyTestSet):
        by_class([], [], most=2)


def test_the_interval_is_that_of_resampled_rows() -> None:
    rng = np.random.default_rng(5)
    truth = rng.choice(list("abc"), size=150, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(150) < 0.7, truth, "a")
    rows = rng.integers(150, size=(2_000, 150))
    plain = [
        float(f1_score(truth[r], predicted[r], labels=["a", "b", "c"], average="macro"))
        for r in rows[:600]
    ]
    low, high = np.quantile(plain, [0.025, 0.975])
    estimate = macro_f1(truth.tolist(), predicted.tolist(), seed=1)
    assert estimate.low == pytest.approx(low, abs=0.02)
    assert estimate.high == pytest.approx(high, abs=0.02)


def test_the_interval_of_accuracy_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    held = 0
    for trial in range(300):
        correct = rng.random(200) < 0.8
        truth = ["x"] * 200
        estimate = accuracy(truth, ["x" if c else "y" for c in correct], seed=trial, resamples=400)
        held += estimate.low <= 0.8 <= estimate.high
    assert 0.90 <= held / 300 <= 0.98


def test_a_paired_difference_knows_which_rows_changed() -> None:
    before = [True, True, False, False] * 50
    after = [True, True, True, False] * 50
    lift = paired_difference(before, after, seed=0)
    assert lift.value == pytest.approx(0.25)
    assert 0.15 < lift.low < 0.25 < lift.high < 0.35
    same = paired_difference(before, before, seed=0)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1))
def test_a_macro_f1_difference_is_the_difference_of_both(rows: list[tuple[str, str, str]]) -> None:
    truth, before, after = ([row[i] for row in rows] for i in range(3))
    lift = paired_macro_f1_difference(truth, before, after, seed=0, resamples=20)
    values = [macro_f1(truth, each, seed=0, resamples=20).value for each in (before, after)]
    assert lift.value == pytest.approx(values[1] - values[0])


def test_no_test_rows_and_uneven_columns_are_refused() -> None:
    with pytest.raises(EmptyTestSet):
        accuracy([], [], seed=0)
    with pytest.raises(EmptyTestSet):
        paired_difference([], [], seed=0)
    with pytest.raises(InvalidScores, match="differ in length"):
        macro_f1(["a"], [], seed=0)


def test_the_larger_arm_is_cut_to_the_smaller_and_equal_subsets_are_fitted_once() -> None:
    seen: list[list[int]] = []

    def fit_predict(rows: NDArray[np.int64]) -> Sequence[str]:
        seen.append(rows.tolist())
        return ["a"] * 4

    result = compare_at_equal_labels(
        seed_rows=[0, 1],
        active_rows=range(10, 30),
        random_rows=[40, 41, 42],
        truth=["a", "a", "b", "a"],
        fit_predict=fit_predict,
        seed=0,
        resamples=50,
    )
    assert result.labels == 3
    assert all(rows[:2] == [0, 1] and len(rows) == 5 for rows in seen)
    assert sum(rows[2:] == [40, 41, 42] for rows in seen) == 1
    assert result.active is not None
    assert result.difference is not None
    assert result.active.value == 0.75
    assert (result.difference.low, result.difference.high) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("active", "random", "words"), [([1], [], "random arm"), ([], [1], "active arms")]
)
def test_an_arm_without_labels_gives_no_comparison_and_the_reason(
    active: list[int], random: list[int], words: str
) -> None:
    result = compare_at_equal_labels(
        seed_rows=[],
        active_rows=active,
        random_rows=random,
        truth=["a"],
        fit_predict=lambda _: ["a"],
        seed=0,
    )
    assert result.difference is None
    assert words in result.reason


def test_on_digits_the_most_uncertain_records_are_worth_more_than_random_ones(
    digits: Digits,
) -> None:
    contents, labels = digits.contents, digits.labels
    test = slice(1_200, None)
    known = [label if i < 60 else None for i, label in enumerate(labels[:1_200])]
    first = Model.fit(ContentKind.IMAGE, contents[:1_200], known, seed=0)
    margin = uncertainty(first.predict_proba(contents[60:1_200]))["margin"]

    def fit_predict(rows: NDArray[np.int64]) -> Sequence[str]:
        trained = Model.fit(
            ContentKind.IMAGE, [contents[i] for i in rows], [labels[i] for i in rows], seed=0
        )
        best = trained.predict_proba(contents[test]).argmax(axis=1)
        return [trained.classes[i] for i in best]

    result = compare_at_equal_labels(
        seed_rows=range(60),
        active_rows=(60 + ranked(margin, 100)).tolist(),
        random_rows=np.random.default_rng(2).choice(np.arange(60, 1_200), 100).tolist(),
        truth=labels[test],
        fit_predict=fit_predict,
        seed=0,
    )
    assert result.difference is not None
    assert result.difference.high > result.difference.value > 0.0
