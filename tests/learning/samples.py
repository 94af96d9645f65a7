"""Types of the shared fixtures."""

from __future__ import annotations

from dataclasses import dataclass

from domain.records import Content


@dataclass(frozen=True, kw_only=True)
class Digits:
    """1,797 handwritten digits of 8 × 8 pixels, shuffled once."""

    contents: list[Content]
    labels: list[str]
