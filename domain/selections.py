"""What a selection says: why each record is in the batch, and how the batch compares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from domain.canonical import Sha256, digest_lines
from domain.ids import RecordId
from domain.policy import Measure


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Why one record is in the batch."""

    ordinal: int
    """Place in the batch, from 0."""
    record_id: RecordId
    arm: str
    """Its name in the policy; `random` is the baseline."""
    rank: int
    """Place within the arm, from 0."""
    score: float | None
    """The arm's own score in [0, 1], or the distance where the arm has no signals; none for the
    random arm."""
    propensity: float | None
    """Probability that a uniform draw would have included the record; random arm only."""
    reason: str
    predicted: str | None = None
    """What the model took the record for; none at a cold start."""


def batch_digest(selections: Iterable[Selection]) -> Sha256:
    """SHA-256 over the selections in review order, one canonical row a line."""
    return digest_lines(sorted(selections, key=attrgetter("ordinal")))


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """A demand of the policy that the batch does not meet."""

    demand: str
    """In words: `at least 20 with language = de`."""
    wanted: int
    got: int


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One column of the batch against what it was drawn from."""

    column: str
    values: tuple[str, ...]
    """The most frequent ones, most frequent in the pool first; the others are counted together
    under the last, `other`; records without a value under `missing`."""
    batch: tuple[int, ...]
    pool: tuple[int, ...]
    labelled: tuple[int, ...]
    production: tuple[int, ...] = ()
    """Empty when the policy does not say what production is."""
    distances: dict[str, float] = field(default_factory=dict)
    """`pool`, `labelled`, `production` → Jensen-Shannon distance in [0, 1] from the batch."""


@dataclass(frozen=True, kw_only=True)
class GateResult:
    measure: Measure
    value: float
    at_least: float | None
    at_most: float | None
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is known of a batch before anybody works on it."""

    excluded: dict[str, int]
    """Reason → records that the policy leaves out, besides those that the snapshot does."""
    shortfalls: tuple[Shortfall, ...] = ()
    composition: tuple[Distribution, ...] = ()
    gates: tuple[GateResult, ...] = ()
    alarms: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be done as written, and what was done instead."""

    @property
    def failed_gates(self) -> tuple[GateResult, ...]:
        return tuple(gate for gate in self.gates if not gate.passed)
