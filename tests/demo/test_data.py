"""The digits: who may learn from what, and what is never sent."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO

import pytest

from api.demo.data import Digits, load_digits
from domain.records import ContentKind, KnownRole
from storage.readers import Format, Mapping, Row, read_rows


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_digits(seed=7)


def test_every_fifth_digit_tests_thirty_are_labelled_and_the_rest_is_the_pool(
    digits: Digits,
) -> None:
    roles = Counter(digit.role for digit in digits.digits)
    assert roles == {"test": 360, "train": 30, None: 1_407}
    assert [digit.role for digit in digits.digits[::5]] == ["test"] * 360


def test_the_start_knows_each_digit(digits: Digits) -> None:
    started = Counter(digit.truth for digit in digits.digits if digit.role == "train")
    assert started == dict.fromkeys("0123456789", 3)


def test_the_labels_of_the_pool_are_not_in_the_file(digits: Digits) -> None:
    rows = [json.loads(line) for line in digits.jsonl().splitlines()]
    pool = {digit.record_id for digit in digits.digits if digit.role is None}
    assert all("label" not in row for row in rows if row["id"] in pool)
    assert set(digits.truth) == {row["id"] for row in rows}


def test_the_same_seed_draws_the_same_start_and_another_seed_another(digits: Digits) -> None:
    assert load_digits(seed=7).jsonl() == digits.jsonl()
    assert load_digits(seed=8).jsonl() != digits.jsonl()


def test_every_row_can_be_imported(digits: Digits) -> None:
    mapping = Mapping(kind=ContentKind.IMAGE, label_column="label", role_column="role")
    rows = list(read_rows(BytesIO(digits.jsonl()), Format.JSON_LINES, mapping))
    records = [row.record for row in rows if isinstance(row, Row)]
    assert len(records) == 1_797
    assert Counter(record.role for record in records)[KnownRole.TEST] == 360
    assert len({record.content_digest for record in records}) == 1_797
