"""Pairs: what a model makes of two sides, whichever of them is called left."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy import NearDuplicates
from domain.records import Content, ContentKind, Json
from learning.models import Model
from learning.pairs import PairFeatures
from tests.learning.products import Pairs, product_pairs, swapped

CELLS: st.SearchStrategy[Json] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "red X100", "blue", "007"])
)
SIDES = st.dictionaries(st.sampled_from(["title", "price", "maker"]), CELLS, min_size=1)
ROW_PAIRS = st.builds(
    lambda left, right: Content({"left": {"row": left}, "right": {"row": right}}), SIDES, SIDES
)


def of_texts(left: str, right: str) -> Content:
    return Content({"left": {"text": left}, "right": {"text": right}})


THINGS = list(enumerate(["kettle", "camera", "drill", "chair", "router"] * 3))
TWINS = [
    of_texts(f"{thing} {colour}", f"{thing} {colour}")
    for colour in ("red", "blue")
    for _, thing in THINGS[:5]
]


@pytest.fixture(scope="module")
def pool() -> Pairs:
    return product_pairs(600, seed=1)


@pytest.fixture(scope="module")
def model(pool: Pairs) -> Model:
    """Fitted on 60 labels."""
    known = [label if place < 60 else None for place, label in enumerate(pool.labels)]
    return Model.fit(ContentKind.PAIR, pool.contents, known, seed=3, committee=3)


def test_a_model_of_few_pairs_beats_the_majority_clearly(model: Model) -> None:
    test = product_pairs(400, seed=2)
    right = np.mean(np.array(model.predict(test.contents)) == np.array(test.labels))
    [(_, most)] = Counter(test.labels).most_common(1)
    assert right > most / len(test.labels) + 0.2


def test_swapping_the_sides_changes_no_score(model: Model) -> None:
    pairs = product_pairs(200, seed=4).contents
    before, after = model.outputs(pairs), model.outputs(swapped(pairs))
    assert np.array_equal(before.probabilities, after.probabilities)
    assert np.array_equal(before.embeddings, after.embeddings)
    assert before.committee is not None
    assert after.committee is not None
    assert np.array_equal(before.committee, after.committee)


@settings(deadline=None, max_examples=50)
@given(pairs=st.lists(ROW_PAIRS, min_size=1, max_size=6))
def test_any_rows_have_features_and_the_same_ones_when_swapped(pairs: list[Content]) -> None:
    features = PairFeatures.fit(pairs)
    rows = features.transform(pairs).toarray()
    assert np.isfinite(rows).all()
    assert np.array_equal(rows, features.transform(swapped(pairs)).toarray())


def test_texts_are_compared_as_rows_are() -> None:
    same = [of_texts(f"a red {thing} X1{n}", f"{thing}, red X1{n}") for n, thing in THINGS]
    apart = [of_texts(f"a red {thing} X1{n}", f"green lamp Z2{n}") for n, thing in THINGS]
    labels = ["same"] * len(same) + ["different"] * len(apart)
    model = Model.fit(ContentKind.PAIR, same + apart, labels, seed=1)
    asked = [of_texts("old blue kettle Q77", "kettle Q77 blue"), of_texts("cup", "steel bridge")]
    assert model.predict(asked) == ["same", "different"]


def test_pairs_that_are_equally_alike_and_about_other_things_are_no_near_duplicates() -> None:
    model = Model.fit(ContentKind.PAIR, TWINS, [None] * len(TWINS), seed=1)
    near = NearDuplicates().embedding
    assert near is not None
    alike = model.embed(TWINS) @ model.embed(TWINS).T
    assert alike[~np.eye(len(TWINS), dtype=bool)].max() < near


def test_columns_that_one_side_lacks_are_compared_as_part_of_the_whole() -> None:
    pairs = [
        Content({"left": {"row": {"name": f"X{n}"}}, "right": {"row": {"title": f"X{n + n % 2}"}}})
        for n in range(40)
    ]
    labels = ["different" if n % 2 else "same" for n in range(40)]
    assert PairFeatures.fit(pairs).textual == ()
    model = Model.fit(ContentKind.PAIR, pairs, labels, seed=1)
    assert model.predict(pairs) == labels


def test_a_number_is_as_close_as_it_is_near() -> None:
    def closeness(left: Json, right: Json) -> float:
        pair = Content({"left": {"row": {"price": left}}, "right": {"row": {"price": right}}})
        return float(features.transform([pair]).toarray()[0, 0])

    features = PairFeatures.fit(
        [Content({"left": {"row": {"price": 10}}, "right": {"row": {"price": 12.5}}})]
    )
    assert features.numeric == ("price",)
    assert closeness(100, 100) == 1.0
    assert closeness(100, "90") == pytest.approx(0.9)
    assert closeness(1, -1) == closeness(5, None) == 0.0
    assert closeness(0, 0) == 1.0
