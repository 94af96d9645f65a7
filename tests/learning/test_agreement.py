"""Agreement between reviewers, against figures from the literature."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.agreement import (
    Answer,
    MasiDistance,
    alpha_of_sets,
    krippendorff_alpha,
    percent_agreement,
)

# K. Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: four observers,
# twelve units, nominal alpha .743.
OBSERVERS = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]


def example() -> list[Answer]:
    return [
        (f"unit-{unit}", f"observer-{observer}", answer)
        for observer, line in enumerate(OBSERVERS)
        for unit, answer in enumerate(line.split())
        if answer != "."
    ]


def test_the_published_example_comes_out_as_published() -> None:
    assert krippendorff_alpha(example()) == pytest.approx(0.743, abs=0.0005)


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(range(len(example()))))
def test_the_order_of_the_answers_does_not_matter(order: list[int]) -> None:
    shuffled = [example()[place] for place in order]
    assert krippendorff_alpha(shuffled) == krippendorff_alpha(example())
    assert percent_agreement(shuffled) == percent_agreement(example())


def test_sets_that_overlap_are_nearer_than_sets_that_do_not() -> None:
    a, b, ab, bc, none = (frozenset(each) for each in ("a", "b", "ab", "bc", ""))
    distances = MasiDistance([a, b, ab, bc, none, None]).rows(slice(0, 6))
    # R. Passonneau (2006): Jaccard weighted by 1, 2/3, 1/3 and 0.
    assert distances[0].tolist() == pytest.approx([0, 1, 1 - 2 / 3 * 1 / 2, 1, 1, 1])
    assert distances[2].tolist() == pytest.approx([2 / 3, 2 / 3, 0, 1 - 1 / 3 * 1 / 3, 1, 1])
    assert distances[4].tolist() == [1, 1, 1, 1, 0, 1]
    assert distances[5].tolist() == [1, 1, 1, 1, 1, 0]
    assert (distances == distances.T).all()


def test_alpha_of_sets_is_nominal_alpha_where_every_set_has_one_label() -> None:
    answers = [(record, reviewer, f"label:{label}") for record, reviewer, label in example()]
    assert alpha_of_sets(answers) == pytest.approx(krippendorff_alpha(answers))


def test_alpha_of_sets_counts_partial_agreement() -> None:
    answers = [
        ("a", "x", "label:billing|delivery"),
        ("a", "y", "label:billing"),
        ("b", "x", "label:praise"),
        ("b", "y", "label:praise"),
    ]
    # By hand: the pair of record a is 2/3 apart, that of b not at all, so D_o = (2 × 2/3) / 4;
    # of 12 ordered pairs 2 are 2/3 apart and 8 are 1, so D_e = (8 + 4/3) / 12.
    assert alpha_of_sets(answers) == pytest.approx(1 - (1 / 3) / ((8 + 4 / 3) / 12))
    assert alpha_of_sets(answers) > krippendorff_alpha(answers)  # type: ignore[operator]


def test_alpha_of_sets_is_undefined_or_perfect_as_alpha_is() -> None:
    assert alpha_of_sets([("a", "x", "label:a")]) is None
    assert alpha_of_sets([("a", "x", "escalate"), ("a", "y", "escalate")]) == 1.0


def test_without_two_answers_to_one_record_agreement_is_undefined() -> None:
    single = [("a", "x", "cat"), ("b", "y", "dog")]
    assert krippendorff_alpha(single) is None
    assert percent_agreement(single) is None
    assert krippendorff_alpha([]) is None


def test_one_and_the_same_answer_throughout_counts_as_perfect() -> None:
    answers = [("a", "x", "cat"), ("a", "y", "cat"), ("b", "x", "dog")]
    assert krippendorff_alpha(answers) == 1.0
    assert percent_agreement(answers) == 1.0


def test_percent_agreement_counts_pairs() -> None:
    answers = [
        ("a", "x", "cat"),
        ("a", "y", "cat"),
        ("a", "z", "dog"),
        ("b", "x", "dog"),
        ("b", "y", "dog"),
    ]
    assert percent_agreement(answers) == pytest.approx(2 / 4)


def test_of_two_answers_of_one_reviewer_the_last_counts() -> None:
    answers = [("a", "x", "cat"), ("a", "y", "dog"), ("a", "x", "dog")]
    assert percent_agreement(answers) == 1.0
