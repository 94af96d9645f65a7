"""Types of the shared fixtures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.policy import SamplingPolicy
from domain.records import Content


@dataclass(frozen=True, kw_only=True)
class Digits:
    """1,797 handwritten digits of 8 × 8 pixels, shuffled once."""

    contents: list[Content]
    labels: list[str]


class PolicyMaker(Protocol):
    """A policy with these quotas."""

    def __call__(
        self, *, uncertainty: int = 0, diversity: int = 0, random: int = 0, seed: int = 0
    ) -> SamplingPolicy: ...
