"""Near duplicates: what resembles what, by text and by direction, in a pool and in a batch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learning.batch_neighbours import BatchNeighbours, close, radius
from learning.near_duplicates import (
    EXACT,
    SIGNATURE_WIDTH,
    Signatures,
    from_arrow,
    resembles,
    resembling,
    signatures,
    to_arrow,
)
from learning.signals.geometry import nearest_distances

MESSAGES = [
    "Where is my card? I ordered it two weeks ago.",
    "How do I reset the PIN of my credit card",
    "The transfer to my friend has not arrived yet",
    "我的卡在哪里？我两周前订的。",
    "👍👍👍",
]


KNOWN = [23963, 2570, 19953, 33731, 23000, 23364]
"""The first places of the first message's signature."""


def shingles(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[start : start + 5] for start in range(max(1, len(padded) - 4))}


def jaccard(one: str, other: str) -> float:
    first, second = shingles(one), shingles(other)
    return len(first & second) / len(first | second)


def like(row: Signatures, *, differing: int, seed: int) -> Signatures:
    """`row` with another number in that many places."""
    changed = row.copy()
    where = np.random.default_rng(seed).permutation(SIGNATURE_WIDTH)[:differing]
    changed[where] += 1
    return changed


def random_signatures(seed: int, count: int) -> Signatures:
    """Signatures of which many agree in many places."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**16, (3, SIGNATURE_WIDTH), dtype=np.uint16)
    rows = centres[rng.integers(0, 3, count)]
    for row in rows:
        row[rng.permutation(SIGNATURE_WIDTH)[: rng.integers(0, 30)]] += 1
    return rows


def unit_rows(rng: np.random.Generator, count: int, width: int) -> NDArray[np.float32]:
    rows = rng.standard_normal((count, width))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


# -- signatures -------------------------------------------------------------------------------


def test_case_blanks_and_punctuation_make_no_difference() -> None:
    same = signatures(["Where is my card?", "  where is\n\tMY card!!", "where... is (my) card"])
    assert (same == same[0]).all()
    assert resembles(same[0], signatures(["where is my cart"]))[0] < 0.9


@pytest.mark.parametrize("text", [*MESSAGES, "", " ", "?", "a", "\ud800", "é" * 3000])
def test_a_text_resembles_itself_wherever_it_stands(text: str) -> None:
    alone = signatures([text])
    among = signatures([*MESSAGES, text, *MESSAGES])[len(MESSAGES)]
    assert resembles(among, alone).tolist() == [1.0]


def test_texts_without_a_letter_are_told_apart_by_what_they_hold() -> None:
    rows = signatures(["!!!", "???", "👍👍👍", "👎👎👎"])
    for place, row in enumerate(rows):
        assert resembles(row, rows).tolist() == [float(place == other) for other in range(4)]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_resemblance_is_symmetric_and_within_bounds(texts: list[str]) -> None:
    rows = signatures(texts)
    table = np.stack([resembles(row, rows) for row in rows])
    assert (table == table.T).all()
    assert (table.diagonal() == 1.0).all()
    assert ((table >= 0.0) & (table <= 1.0)).all()


@settings(deadline=None)
@given(
    words=st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=7), min_size=4, max_size=30),
    data=st.data(),
)
def test_the_share_of_equal_places_estimates_the_jaccard_index(
    words: list[str], data: st.DataObject
) -> None:
    other = list(words)
    for place in data.draw(st.sets(st.integers(0, len(words) - 1), max_size=4)):
        other[place] = "zz"
    one, two = " ".join(words), " ".join(other)
    rows = signatures([one, two])
    # Five standard errors.
    assert resembles(rows[0], rows[1:])[0] == pytest.approx(jaccard(one, two), abs=5 * 0.0625)


def test_signatures_are_the_same_in_every_process() -> None:
    code = (
        "from learning.near_duplicates import signatures; "
        f"print(signatures([{MESSAGES[0]!r}])[0, :6].tolist())"
    )
    run = [sys.executable, "-c", code]
    other = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    # Written down once: signatures are stored, and compared with those of later versions.
    assert other.strip() == str(KNOWN)
    assert signatures(MESSAGES)[0, :6].tolist() == KNOWN


def test_a_column_of_signatures_reads_back() -> None:
    rows = signatures(MESSAGES)
    column = to_arrow(rows)
    assert column.type == pa.list_(pa.uint16(), SIGNATURE_WIDTH)
    assert (from_arrow(column) == rows).all()
    halves = pa.chunked_array([column.slice(0, 2), column.slice(2)])
    assert (from_arrow(halves) == rows).all()
    assert (from_arrow(column.slice(1, 3)) == rows[1:4]).all()
    assert from_arrow(column.slice(0, 0)).shape == (0, SIGNATURE_WIDTH)


# -- against what is known --------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 999),
    count=st.integers(0, 60),
    others=st.integers(0, 40),
    threshold=st.floats(EXACT, 1.0),
)
def test_a_pool_is_searched_as_if_pair_by_pair(
    seed: int, count: int, others: int, threshold: float
) -> None:
    pool, references = random_signatures(seed, count), random_signatures(seed, others)
    references = np.concatenate([references, random_signatures(seed + 1, others)])
    expected = [(resembles(row, references) >= threshold).any() for row in pool]
    assert resembling(pool, references, threshold=threshold).tolist() == expected


def test_a_large_pool_is_searched_in_blocks() -> None:
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 2**16, (40_000, SIGNATURE_WIDTH), dtype=np.uint16)
    references = pool[::1000].copy()
    references[:, :12] += 1
    marked = np.flatnonzero(resembling(pool, references, threshold=0.8))
    assert marked.tolist() == list(range(0, 40_000, 1000))


def test_fewer_than_one_in_nine_is_missed_at_low_thresholds() -> None:
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 2**16, (2000, SIGNATURE_WIDTH), dtype=np.uint16)
    # 39 of 64 places agree, .61 of them.
    near = np.stack([like(row, differing=25, seed=place) for place, row in enumerate(pool)])
    assert resembling(pool, near, threshold=0.6).mean() > 8 / 9


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01])
def test_a_resemblance_beyond_bounds_is_refused(threshold: float) -> None:
    rows = signatures(MESSAGES)
    with pytest.raises(ValueError, match="resemblance"):
        resembling(rows, rows, threshold=threshold)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), cosine=st.floats(-0.5, 1.0), width=st.sampled_from([2, 3, 50]))
def test_directions_are_close_as_their_cosine_says(seed: int, cosine: float, width: int) -> None:
    rng = np.random.default_rng(seed)
    points, references = unit_rows(rng, 40, width), unit_rows(rng, 5, width)
    points[0], points[1], references[1] = references[0], 0.0, 0.0
    products = points.astype(np.float64) @ references.astype(np.float64).T
    flags = close(points, references, cosine=cosine)
    assert flags[0]
    assert not flags[1]
    clear = np.abs(products - cosine).min(axis=1) > 1e-6
    clear[:2] = False
    expected = (products[:, [0, 2, 3, 4]] >= cosine).any(axis=1)
    assert (flags == expected)[clear].all()
    known = nearest_distances(points, references[[0, 2, 3, 4]])
    assert (close(points, references, cosine=cosine, distances=known) == flags).all()


def test_the_radius_of_a_cosine() -> None:
    assert [radius(cosine) for cosine in (1.0, 0.5, 0.0, -1.0)] == pytest.approx([0, 1, 2**0.5, 2])
    with pytest.raises(ValueError, match="no cosine"):
        radius(1.2)
    nothing = np.zeros((0, 2), dtype=np.float32)
    assert close(np.eye(2, dtype=np.float32), nothing, cosine=0.9).tolist() == [False, False]


# -- inside a batch ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), threshold=st.floats(EXACT, 1.0))
def test_a_batch_knows_the_first_record_that_another_resembles(seed: int, threshold: float) -> None:
    rows = random_signatures(seed, 40)
    batch = BatchNeighbours(embeddings=None, signatures=rows, cosine=None, jaccard=threshold)
    taken: list[int] = []
    for row in range(40):
        near = [each for each in taken if resembles(rows[row], rows[[each]])[0] >= threshold]
        assert batch.clashes(row) == (near[0] if near else None)
        if not near:
            batch.add(row)
            taken.append(row)
            assert batch.clashes(row) == row


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), cosine=st.floats(0.0, 1.0))
def test_a_batch_knows_the_first_record_of_nearly_the_same_direction(
    seed: int, cosine: float
) -> None:
    rng = np.random.default_rng(seed)
    points = unit_rows(rng, 40, 3)
    points[20:30] = points[:10]
    products = points.astype(np.float64) @ points.astype(np.float64).T
    batch = BatchNeighbours(embeddings=points, signatures=None, cosine=cosine, jaccard=None)
    taken: list[int] = []
    for row in range(40):
        near = [each for each in taken if products[row, each] >= cosine + 1e-6]
        clash = batch.clashes(row)
        if near:
            assert clash is not None
            assert clash <= near[0]
        if clash is None:
            batch.add(row)
            taken.append(row)
        else:
            assert products[row, clash] >= cosine - 1e-6
    assert not set(range(20, 30)) & set(taken)


def test_a_batch_looks_at_texts_and_directions_alike() -> None:
    rows = signatures(["one text", "another text", "One text!", "a third"])
    points = np.array([[1, 0], [0, 1], [-1, 0], [0, 1]], dtype=np.float32)
    batch = BatchNeighbours(embeddings=points, signatures=rows, cosine=0.95, jaccard=0.9)
    batch.add(1)
    batch.add(0)
    assert [batch.clashes(row) for row in range(4)] == [0, 1, 0, 1]


def test_records_without_a_direction_clash_by_their_texts_only() -> None:
    points = np.zeros((3, 2), dtype=np.float32)
    rows = signatures(["qwertz", "asdfgh", "qwertz"])
    batch = BatchNeighbours(embeddings=points, signatures=rows, cosine=0.95, jaccard=0.9)
    batch.add(0)
    assert [batch.clashes(row) for row in range(3)] == [0, None, 0]
