"""Real data and policies that the learning tests share."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from domain.policy import ArmKind, ArmQuota, SamplingPolicy
from domain.records import Content
from tests.learning.samples import Digits, PolicyMaker


@pytest.fixture(scope="session")
def digits() -> Digits:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(labels))
    return Digits(
        contents=[Content({"pixels": row.reshape(8, 8).tolist()}) for row in pixels[order]],
        labels=[str(label) for label in labels[order]],
    )


@pytest.fixture
def policy() -> PolicyMaker:
    def make(
        *, uncertainty: int = 0, diversity: int = 0, random: int = 0, seed: int = 0
    ) -> SamplingPolicy:
        return SamplingPolicy(
            name="test",
            version=1,
            batch_size=uncertainty + diversity + random,
            arms=(
                ArmQuota(arm=ArmKind.UNCERTAINTY, records=uncertainty),
                ArmQuota(arm=ArmKind.DIVERSITY, records=diversity),
                ArmQuota(arm=ArmKind.RANDOM, records=random),
            ),
            seed=seed,
        )

    return make
