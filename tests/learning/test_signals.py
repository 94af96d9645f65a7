"""Signals: by hand, within [0, 1], and nothing unreadable taken for a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from domain.errors import InvalidMetadata, InvalidScores
from learning.signals.disagreement import (
    aligned,
    committee_divergence,
    instability,
    version_divergence,
    vote_entropy,
)
from learning.signals.frequencies import class_rarity, segment_error_rate, segment_rarity
from learning.signals.geometry import nearest_distances, novelty, typicality
from learning.signals.metadata import flagged, level, recency
from learning.signals.probabilities import check_probabilities, entropy, least_confidence, margin

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def bounded(values: NDArray[np.float32], count: int) -> bool:
    return (
        values.shape == (count,)
        and values.dtype == np.float32
        and bool(((values >= 0.0) & (values <= 1.0)).all())
    )


@st.composite
def distributions(draw: st.DrawFn, *, members: int = 0) -> NDArray[np.float64]:
    """(n, k) or (n, m, k) probabilities, with zeros, ties and certainties among them."""
    shape = (draw(st.integers(1, 8)), *([members] if members else []), draw(st.integers(1, 5)))
    weights = draw(arrays.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.1, 1.0, 9.0])))
    weights[..., 0] += weights.sum(axis=-1) == 0.0
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def unit_rows(seed: int, count: int, width: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, width))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


# -- one model --------------------------------------------------------------------------------


def test_uncertainty_by_hand() -> None:
    p = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert least_confidence(p) == pytest.approx([0.5, 0.0, 2 / 3])
    assert margin(p) == pytest.approx([0.75, 0.0, 1.0])
    # ½ log 2 + 2 × ¼ log 4 = 1.5 log 2
    assert entropy(p) == pytest.approx([1.5 * math.log(2) / math.log(3), 0.0, 1.0])


@given(distributions())
def test_uncertainty_stays_within_bounds(p: NDArray[np.float64]) -> None:
    check_probabilities(p)
    for signal in (least_confidence, margin, entropy):
        assert bounded(signal(p), len(p))


@pytest.mark.parametrize("signal", [least_confidence, margin, entropy])
def test_with_one_class_only_nothing_is_uncertain(
    signal: Callable[[NDArray[np.float64]], NDArray[np.float32]],
) -> None:
    assert signal(np.ones((3, 1))).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ([math.nan, 0.5], "NaN"),
        ([math.inf, -math.inf], "NaN or an infinity"),
        ([-0.2, 1.2], "negative number, -0.2"),
        ([2.0, 0.0], "above 1, 2"),
        ([0.5, 0.4], "add up to 0.9"),
        ([0.0, 0.0], "add up to 0"),
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rows_that_are_no_distributions_are_named(
    row: list[float], fault: str, kind: type[np.floating]
) -> None:
    p = np.full((9, 2), 0.5, dtype=kind)
    p[6] = p[8] = row
    with pytest.raises(InvalidScores, match=rf"row 6 .*{fault}"):
        check_probabilities(p)
    with pytest.raises(InvalidScores, match="record r6"):
        check_probabilities(p, record_ids=[f"r{i}" for i in range(9)])


def test_sums_within_a_thousandth_are_taken_as_they_are() -> None:
    check_probabilities(np.array([[0.5, 0.5009], [1.0009, 0.0]]))
    with pytest.raises(InvalidScores):
        check_probabilities(np.array([[0.5, 0.502]]))
    for shape in [(3,), (3, 0), (1, 2, 3)]:
        with pytest.raises(InvalidScores, match="table"):
            check_probabilities(np.zeros(shape))


# -- several models ---------------------------------------------------------------------------


def test_votes_by_hand() -> None:
    a, b = [0.9, 0.1], [0.4, 0.6]
    committee = np.array([[a, a, a, a], [a, a, b, b], [a, a, a, b]])
    three_to_one = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert vote_entropy(committee) == pytest.approx([0.0, 1.0, three_to_one])


def test_divergence_of_a_committee_by_hand() -> None:
    certain = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    assert committee_divergence(certain) == pytest.approx([1.0])
    same = np.array([[[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]]])
    assert committee_divergence(same) == pytest.approx([0.0])
    # H(¾, ¼) − ½ H(1, 0) − ½ H(½, ½), in bits
    half = np.array([[[1.0, 0.0], [0.5, 0.5]]])
    expected = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)) - 0.5
    assert committee_divergence(half) == pytest.approx([expected])


@given(distributions(members=3), st.permutations(range(3)))
def test_disagreement_stays_within_bounds_whoever_speaks_first(
    committee: NDArray[np.float64], order: list[int]
) -> None:
    for signal in (vote_entropy, committee_divergence):
        values = signal(committee)
        assert bounded(values, len(committee))
        assert signal(committee[:, order]) == pytest.approx(values, abs=1e-6)
    assert bounded(version_divergence(committee), len(committee))
    assert bounded(instability(committee), len(committee))


def test_versions_are_compared_by_the_names_of_their_classes() -> None:
    new = (["cat", "dog"], np.array([[0.25, 0.75], [1.0, 0.0]]))
    old = (["bird", "dog", "cat"], np.array([[0.0, 0.75, 0.25], [1.0, 0.0, 0.0]]))
    versions = aligned([new, old])
    assert versions.tolist() == [
        [[0.0, 0.25, 0.75], [0.0, 0.25, 0.75]],
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    ]
    assert version_divergence(versions) == pytest.approx([0.0, 1.0])


def test_only_the_last_two_versions_diverge_and_all_of_them_are_unstable() -> None:
    a, b = [0.9, 0.1], [0.1, 0.9]
    versions = np.array([[a, a, a, a], [a, a, b, a], [a, b, a, b]])
    assert version_divergence(versions)[:2] == pytest.approx([0.0, 0.0])
    assert version_divergence(versions)[2] > 0.5
    assert instability(versions) == pytest.approx([0.0, 2 / 3, 1.0])


# -- where a record lies ----------------------------------------------------------------------


def test_novelty_by_hand() -> None:
    labelled = np.array([[1.0, 0.0]], dtype=np.float32)
    points = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], dtype=np.float32)
    distances = nearest_distances(points, labelled)
    assert distances == pytest.approx([0.0, math.sqrt(2), 2.0, math.sqrt(0.8)], abs=1e-3)
    assert novelty(distances) == pytest.approx([0.0, math.sqrt(0.5), 1.0, math.sqrt(0.2)], abs=1e-3)


def test_everything_is_new_while_nothing_is_labelled() -> None:
    points = unit_rows(0, 5, 3)
    distances = nearest_distances(points, points[:0])
    assert np.isinf(distances).all()
    assert novelty(distances).tolist() == [1.0] * 5


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 99),
    count=st.integers(1, 60),
    others=st.integers(1, 40),
    width=st.sampled_from([1, 2, 17, 384]),
)
def test_distances_are_those_between_the_rows(
    seed: int, count: int, others: int, width: int
) -> None:
    points, references = unit_rows(seed, count, width), unit_rows(seed + 100, others, width)
    references[0] = points[0]
    exact = np.sqrt(((points[:, None].astype(np.float64) - references[None]) ** 2).sum(axis=2))
    distances = nearest_distances(points, references)
    # The grid moves both rows, each coordinate by at most half a cell.
    assert distances == pytest.approx(exact.min(axis=1), abs=math.sqrt(width) / 2300)
    assert distances[0] == 0.0
    assert bounded(novelty(distances), count)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 99), cut=st.integers(0, 30))
def test_carried_distances_are_as_good_as_new_ones(seed: int, cut: int) -> None:
    points, labelled = unit_rows(seed, 50, 8), unit_rows(seed + 100, 30, 8)
    carried = nearest_distances(points, labelled[:cut])
    again = nearest_distances(points, labelled[cut:], carried=carried)
    assert again.tobytes() == nearest_distances(points, labelled).tobytes()


def test_distances_do_not_depend_on_order_company_or_threads() -> None:
    points, labelled = unit_rows(1, 5000, 200), unit_rows(2, 700, 200)
    with threadpool_limits(limits=1):
        distances = nearest_distances(points, labelled)
    with threadpool_limits(limits=2):
        assert nearest_distances(points[::-1], labelled[::-1])[::-1].tobytes() == (
            distances.tobytes()
        )
        assert nearest_distances(points[4:5], labelled).tobytes() == distances[4:5].tobytes()


def test_typicality_by_hand() -> None:
    # Three records in one place and one at a right angle to them. Of the six pairs three are at
    # distance 0, so the bandwidth is the smallest there is, and only equal rows are near.
    points = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], dtype=np.float32)
    assert typicality(points, seed=0).tolist() == [1.0, 1.0, 0.0, 1.0]
    # Three rows at 0 degrees, one at 10, one at 90 and one at 110, and six at right angles to all.
    # Of 66 pairs the seventh nearest is the one 20 degrees apart: h is its distance.
    fan = np.zeros((12, 8), dtype=np.float32)
    angles = np.radians([0, 0, 0, 10, 90, 110])
    fan[:6, 0], fan[:6, 1] = np.cos(angles), np.sin(angles)
    fan[6:, 2:] = np.eye(6)
    kernel = 1 - (1 - math.cos(math.radians(10))) / (1 - math.cos(math.radians(20)))
    # Around each of the first three: the two others and the fourth.
    expected = [1.0] * 3 + [3 * kernel / (2 + kernel)] + [0.0] * 8
    assert typicality(fan, seed=0) == pytest.approx(expected, abs=1e-3)


def test_typicality_follows_the_density_of_the_pool() -> None:
    rng = np.random.default_rng(5)
    centres = unit_rows(5, 3, 16)
    places = np.repeat([0, 1, 2], [3000, 600, 60])
    points = centres[places] + 0.05 * rng.standard_normal((len(places), 16)).astype(np.float32)
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    values = typicality(points, seed=3)
    common, some, few = (values[places == each].mean() for each in range(3))
    assert common > 2 * some > 4 * few
    others = typicality(points, seed=4)
    assert np.abs(values - others).mean() < 0.05


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 99),
    count=st.integers(1, 60),
    representatives=st.integers(2, 70),
    same=st.booleans(),
)
def test_typicality_stays_within_bounds(
    *, seed: int, count: int, representatives: int, same: bool
) -> None:
    points = unit_rows(seed, count, 4)
    if same:
        points[:] = points[0]
    values = typicality(points, seed=seed, representatives=representatives)
    assert bounded(values, count)
    assert values.max() == 1.0
    if same:
        assert (values == 1.0).all()


def test_typicality_does_not_depend_on_threads() -> None:
    points = unit_rows(1, 5000, 200)
    with threadpool_limits(limits=1):
        one = typicality(points, seed=2)
    with threadpool_limits(limits=2):
        assert typicality(points, seed=2).tobytes() == one.tobytes()


# -- counts -----------------------------------------------------------------------------------


def test_rarity_by_hand() -> None:
    predicted = np.array([0, 0, 1, 2, -1])
    # Together with what is labelled: 2 + 2, 1 + 7, 1 + 0; the largest is 8.
    values = class_rarity(predicted, labelled=np.array([2, 7, 0]))
    assert values.tolist() == [0.5, 0.5, 0.0, 0.875, 0.0]
    assert segment_rarity(np.array([-1, -1]), labelled=np.zeros(0, dtype=int)).tolist() == [0, 0]
    assert segment_rarity(np.array([0, 1]), labelled=np.array([0, 0])).tolist() == [0.0, 0.0]


def test_error_rates_by_hand() -> None:
    segments = np.array([0, 1, 2, -1])
    # Overall 12 of 60 = .2; (2 + 10 × .2) / (10 + 10), (10 + 2) / (50 + 10), and nothing tried.
    rates = segment_error_rate(
        segments, errors=np.array([2, 10, 0]), trials=np.array([10, 50, 0]), strength=10.0
    )
    assert rates == pytest.approx([0.2, 0.2, 0.2, 0.2])
    rates = segment_error_rate(
        segments, errors=np.array([12, 0, 0]), trials=np.array([20, 40, 0]), strength=10.0
    )
    assert rates == pytest.approx([14 / 30, 2 / 50, 0.2, 0.2])


def test_with_nothing_tried_an_error_is_as_likely_as_not() -> None:
    nothing = np.zeros(2, dtype=np.int64)
    rates = segment_error_rate(np.array([0, 1, -1]), errors=nothing, trials=nothing)
    assert rates.tolist() == [0.5, 0.5, 0.5]


@given(st.data())
def test_frequencies_stay_within_bounds(data: st.DataObject) -> None:
    s = data.draw(st.integers(0, 5))
    codes = np.array(data.draw(st.lists(st.integers(-1, s - 1), max_size=20)), dtype=np.int64)
    trials = np.array(data.draw(st.lists(st.integers(0, 9), min_size=s, max_size=s)), dtype=int)
    errors = np.array([data.draw(st.integers(0, int(each))) for each in trials], dtype=int)
    assert bounded(class_rarity(codes, labelled=trials), len(codes))
    assert bounded(segment_rarity(codes, labelled=trials), len(codes))
    assert bounded(segment_error_rate(codes, errors=errors, trials=trials), len(codes))


# -- metadata ---------------------------------------------------------------------------------

IDS = [f"r{i}" for i in range(9)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["none", "LOW", " medium ", "high", "critical", None, "", "0.3"]),
        pa.array(["none", "low", "medium", "high", "critical", None, "", ".3"]).dictionary_encode(),
        pa.chunked_array([["none", "low"], ["medium", "high", "critical", None, " ", "3e-1"]]),
        pa.array([0.0, 0.25, 0.5, 0.75, 1.0, None, None, 0.3]),
        pa.array([0.0, 0.25, 0.5, 0.75, 1.0, None, None, 0.3], type=pa.float32()),
    ],
)
def test_levels_are_words_or_numbers(column: pa.Array) -> None:
    risk = level(column, name="risk", record_ids=IDS)
    assert risk.values == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 0.0, 0.0, 0.3])
    assert risk.missing == 2


def test_levels_follow_a_scale_of_their_own() -> None:
    column = pa.array(["Public", "secret", "internal", None])
    sensitivity = level(
        column, name="sensitivity", record_ids=IDS, scale=["public", "internal", "Secret"]
    )
    assert sensitivity.values.tolist() == [0.0, 1.0, 0.5, 0.0]
    assert level(pa.nulls(3), name="risk", record_ids=IDS).missing == 3
    assert level(pa.array([0, 1]), name="risk", record_ids=IDS).values.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "values",
    [
        ["low", None, "enormous", "huge"],
        [0.1, 0.2, 1.5, 2.0],
        [0.1, 0.2, math.nan, 0.0],
        [0, 1, -1, 7],
        ["0.1", "1", "7", "nan"],
    ],
)
def test_a_level_that_is_none_names_its_record(values: list[object]) -> None:
    with pytest.raises(InvalidMetadata, match=r"record r2 has .* as risk"):
        level(pa.array(values), name="risk", record_ids=IDS)


def test_columns_of_other_kinds_hold_no_levels() -> None:
    with pytest.raises(InvalidMetadata, match="bool"):
        level(pa.array([True, False]), name="risk", record_ids=IDS)


@given(st.lists(st.none() | st.floats(0, 1) | st.sampled_from([0.0, 1.0]), max_size=9))
def test_levels_stay_within_bounds(values: list[float | None]) -> None:
    found = level(pa.array(values, type=pa.float64()), name="risk", record_ids=IDS)
    assert bounded(found.values, len(values))
    assert found.missing == values.count(None)
    texts = pa.array([None if each is None else str(each) for each in values], type=pa.string())
    assert level(texts, name="risk", record_ids=IDS).values.tolist() == found.values.tolist()


def test_an_error_or_a_correction_flags_a_record() -> None:
    errors = pa.array([True, False, None, False, None])
    words = pa.array([None, "refund", None, "", "  "])
    assert flagged(production_error=errors, user_correction=words).tolist() == [1, 1, 0, 0, 0]
    assert flagged(production_error=errors, user_correction=None).tolist() == [1, 0, 0, 0, 0]
    assert flagged(production_error=None, user_correction=words.dictionary_encode()).tolist() == [
        0,
        1,
        0,
        0,
        0,
    ]
    assert flagged(
        production_error=pa.nulls(3), user_correction=pa.array([True, False, None])
    ).tolist() == [1, 0, 0]
    assert flagged(production_error=None, user_correction=pa.array([7, None])).tolist() == [1, 0]


def test_flags_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(InvalidMetadata, match="production_error"):
        flagged(production_error=pa.array(["yes"]), user_correction=None)
    with pytest.raises(InvalidMetadata, match="neither"):
        flagged(production_error=None, user_correction=None)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NOON, NOON - DAY, NOON - 3 * DAY, NOON + DAY, None], type=pa.timestamp("us")),
        pa.array([NOON, NOON - DAY, NOON - 3 * DAY, NOON + DAY, None], type=pa.timestamp("s")),
        pa.array(
            [NOON, NOON - DAY, NOON - 3 * DAY, NOON + DAY, None],
            type=pa.timestamp("ns", tz="Europe/Paris"),
        ),
        pa.array(
            [
                "2025-06-01T12:00:00Z",
                "2025-05-31 12:00",
                "2025-05-29T14:00:00+02:00",
                "2025-06-02T12:00:00",
                None,
            ]
        ),
    ],
)
def test_recency_halves_with_every_half_life(column: pa.Array) -> None:
    values = recency(column, reference=NOON, half_life=DAY, record_ids=IDS)
    assert values == pytest.approx([1.0, 0.5, 0.125, 1.0, 0.0])


def test_days_begin_at_midnight() -> None:
    column = pa.array([date(2025, 6, 1), date(2025, 5, 31)])
    values = recency(column, reference=NOON, half_life=DAY / 2, record_ids=IDS)
    assert values == pytest.approx([0.5, 0.125])
    texts = pa.array(["2025-06-01", "2025-05-31"])
    assert recency(texts, reference=NOON, half_life=DAY / 2, record_ids=IDS).tolist() == (
        values.tolist()
    )


def test_a_timestamp_that_is_none_names_its_record() -> None:
    with pytest.raises(InvalidMetadata, match="record r1 has 'yesterday' as the timestamp"):
        recency(
            pa.array(["2025-06-01", "yesterday"]), reference=NOON, half_life=DAY, record_ids=IDS
        )
    with pytest.raises(InvalidMetadata, match="int64"):
        recency(pa.array([17]), reference=NOON, half_life=DAY, record_ids=IDS)
    nothing = recency(pa.nulls(2), reference=NOON, half_life=DAY, record_ids=IDS)
    assert nothing.tolist() == [0.0, 0.0]


@given(st.lists(st.none() | st.datetimes(), max_size=9))
def test_recency_stays_within_bounds(moments: list[datetime | None]) -> None:
    column = pa.array(moments, type=pa.timestamp("us"))
    values = recency(column, reference=NOON, half_life=DAY, record_ids=IDS)
    assert bounded(values, len(moments))
    texts = pa.array([each and each.isoformat() for each in moments], type=pa.string())
    again = recency(texts, reference=NOON, half_life=DAY, record_ids=IDS)
    assert again == pytest.approx(values, abs=1e-6)
