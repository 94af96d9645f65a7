"""Agreement between reviewers, against figures from the literature."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.agreement import Answer, krippendorff_alpha, percent_agreement

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
