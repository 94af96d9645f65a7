"""Real data and policies that the learning tests share."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from domain.records import Content
from tests.learning.samples import Digits


@pytest.fixture(scope="session")
def digits() -> Digits:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(labels))
    return Digits(
        contents=[Content({"pixels": row.reshape(8, 8).tolist()}) for row in pixels[order]],
        labels=[str(label) for label in labels[order]],
    )
