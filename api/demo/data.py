"""The digits: what is imported, what the simulated reviewers alone know, and what people are told.

scikit-learn ships 1,797 handwritten digits of 8×8 pixels (E. Alpaydin, C. Kaynak (1998), "Optical
Recognition of Handwritten Digits"). Every fifth is the frozen test set, a few are labelled for a
start, and the rest is a pool whose labels no table of Labelwright holds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

POOL = "digits"
TEST_EVERY = 5
SEEDS_PER_DIGIT = 3
SIDE = 8
WHITE = 255 / 16
"""The set has grey values from 0 to 16; a page shows 0 to 255."""

Role = Literal["test", "train"]

_SHAPES = {
    "0": "One closed loop, nothing inside.",
    "1": "One stroke, perhaps with a flag on top or a foot below.",
    "2": "Open to the left, a flat line at the bottom.",
    "3": "Two bows, both open to the left.",
    "4": "Open or closed on top, one long stroke down the right.",
    "5": "A flat top, then one bow that is open to the left.",
    "6": "One closed loop, below.",
    "7": "A flat top and one stroke down, crossed or not.",
    "8": "Two closed loops.",
    "9": "One closed loop, above.",
}

SCHEMA: Mapping[str, Any] = {
    "name": POOL,
    "classes": [{"label": label, "meaning": meaning} for label, meaning in _SHAPES.items()],
}

GUIDELINE: Mapping[str, Any] = {
    "name": POOL,
    "text": (
        "Say which digit the writer **meant**, not which one the pixels come closest to.\n\n"
        "- Look at the closed loops first: 0, 6, 8 and 9 have them, 3 and 5 do not.\n"
        "- A crossed 7 is a 7, however short its top is.\n"
        "- A 1 may have a foot and a flag; a 7 has no foot.\n"
        "- If two digits are equally likely, say “ambiguous” and name both.\n"
    ),
    "examples": [
        {"content": "one closed loop above a straight stroke", "label": "9"},
        {"content": "a flat top, then a bow open to the left", "label": "5"},
    ],
}

BATCH = 120
LEFT_TO_A_PERSON = 20
"""Digits of the round that is left to a person: forty answers, a few minutes by keyboard."""


def policy_document(*, seed: int) -> str:
    """The sampling policy as Ada writes it, in YAML."""
    text = (files(__package__) / f"{POOL}.yaml").read_text(encoding="utf-8")
    return f"{text}seed: {seed}\n"


@dataclass(frozen=True, kw_only=True)
class Digit:
    record_id: str
    pixels: list[list[int]]
    """8 rows of 8 grey values from 0, blank, to 255, full ink."""
    truth: str
    role: Role | None
    """None for the pool: its label is not imported."""

    def row(self) -> dict[str, Any]:
        """As the file to import has it: a label only where its use is known."""
        known = {} if self.role is None else {"label": self.truth, "role": self.role}
        return {"id": self.record_id, "pixels": self.pixels, "source": "scikit-learn"} | known


@dataclass(frozen=True, kw_only=True)
class Digits:
    digits: list[Digit]
    truth: dict[str, str] = field(repr=False)
    """Record id → digit, for the simulated people and the report; never sent."""

    def jsonl(self) -> bytes:
        return b"".join(json.dumps(digit.row()).encode() + b"\n" for digit in self.digits)

    def count(self, role: Role | None) -> int:
        return sum(digit.role == role for digit in self.digits)


def load_digits(*, seed: int) -> Digits:
    """All digits with their roles; `seed` draws the labelled start, as many of each digit."""
    import numpy as np
    from sklearn.datasets import load_digits as bundled

    vectors, targets = bundled(return_X_y=True)
    images = (np.asarray(vectors).reshape(-1, SIDE, SIDE) * WHITE).round().astype(int).tolist()
    truth = [str(label) for label in np.asarray(targets).tolist()]
    started = _start(truth, seed=seed)
    digits = [
        Digit(
            record_id=f"digit-{number:04}",
            pixels=pixels,
            truth=label,
            role="test" if _tests(number) else "train" if number in started else None,
        )
        for number, (pixels, label) in enumerate(zip(images, truth, strict=True))
    ]
    return Digits(digits=digits, truth={digit.record_id: digit.truth for digit in digits})


def _tests(number: int) -> bool:
    return number % TEST_EVERY == 0


def _start(truth: list[str], *, seed: int) -> set[int]:
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated, not a secret
    started: set[int] = set()
    for label in sorted(set(truth)):
        candidates = [
            number for number, each in enumerate(truth) if each == label and not _tests(number)
        ]
        started.update(chance.sample(candidates, SEEDS_PER_DIGIT))
    return started
