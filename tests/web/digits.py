"""A small pool of handwritten digits, and what each of them is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

LABELS = tuple(str(digit) for digit in range(10))
GUIDELINE = """\
# Reading digits

Give the digit that the **writer** meant, not the one that the strokes happen to resemble.

- A `7` may carry a bar.
- A `1` may have a foot and a flag.

## When in doubt

If two readings are equally likely, say that the record is *ambiguous* and name both.
"""


def json_lines(*, train: int, test: int, unlabelled: int) -> bytes:
    """Records in the layout that imports read, those with a known label first."""
    return "\n".join(json.dumps(each) for each in _records(train, test, unlabelled)).encode()


def truth() -> dict[str, str]:
    """The label of every record, by id."""
    return {_record_id(place): str(label) for place, label in enumerate(_all_digits().target)}


def _records(train: int, test: int, unlabelled: int) -> Iterator[dict[str, object]]:
    digits = _all_digits()
    order = np.random.default_rng(5).permutation(len(digits.target))
    for count, place in enumerate(order[: train + test + unlabelled]):
        record: dict[str, object] = {
            "id": _record_id(int(place)),
            "pixels": digits.images[place].tolist(),
            "source": "post office",
        }
        if count < train + test:
            record["label"] = str(digits.target[place])
            record["role"] = "train" if count < train else "test"
        yield record


def _all_digits() -> Bunch:
    found = load_digits()
    assert isinstance(found, Bunch)
    return found


def _record_id(place: int) -> str:
    return f"digit-{place:04}"
