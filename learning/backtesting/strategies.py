"""Who picks the next batch of a backtest: a policy, followed by the engine, or a baseline.

A baseline keeps to the policy's exclusions, for records that may not be used are no choice, and to
nothing else of it:

    random      a uniform draw
    stratified  a uniform draw within each stratum, as many from each as it has of the pool: the
                segment where there is one, else the class that the model predicts
    margin      the records that the model is least sure of; the first batch is drawn at random
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from domain.arms import RANDOM_ARM, Arm, ArmKind, Diversity, Signal
from domain.errors import BatchExceedsPool
from domain.policy import Exclusions, NearDuplicates, SamplingPolicy
from learning.backtesting.learner import Fitted
from learning.backtesting.records import Int64, derived
from learning.selection import Candidates, Selected, select
from learning.selection.exclusions import eligible
from learning.selection.scores import Signals, coded
from learning.signals.disagreement import (
    aligned,
    committee_divergence,
    instability,
    version_divergence,
    vote_entropy,
)

RANDOM, STRATIFIED, MARGIN = "random", "stratified", "margin"
BASELINES = (RANDOM, STRATIFIED, MARGIN)
EARLIER = 2
"""Models of earlier rounds that the present one is compared with, as in a round."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """What a strategy may know before a round: everything but labels not asked for."""

    candidates: Candidates
    """The pool without what is labelled, and the labelled records as known."""
    segments: pa.Array | None
    """(n,) of the candidates; None where results are not told apart."""
    count: int
    turn: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Picked:
    record_ids: list[str]
    failed_gates: int = 0
    """Gates of the policy that would have held the batch for a decision."""
    notes: tuple[str, ...] = ()


class Strategy(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def signals(self) -> frozenset[Signal]:
        """What it looks at, so that nothing else is computed."""
        ...

    def pick(self, moment: Moment) -> Picked:
        """Up to `moment.count` candidates; fewer when no more may be chosen."""
        ...


@dataclass(frozen=True, kw_only=True)
class ByPolicy:
    name: str
    policy: SamplingPolicy
    first: SamplingPolicy | None = None
    """Followed in the first round instead."""

    @property
    def signals(self) -> frozenset[Signal]:
        return self.policy.signals

    def pick(self, moment: Moment) -> Picked:
        policy = self.first if self.first is not None and not moment.turn else self.policy
        # Its own random numbers for each seed of the backtest.
        policy = replace(policy, seed=derived(policy.seed, moment.seed))
        found = _selected(moment, policy)
        if found is None:
            return Picked(record_ids=[])
        return Picked(
            record_ids=[each.record_id for each in found.selections],
            failed_gates=len(found.findings.failed_gates),
            notes=found.findings.notes,
        )


def _selected(moment: Moment, policy: SamplingPolicy) -> Selected | None:
    if not len(moment.candidates):
        return None
    try:
        return select(moment.candidates, policy, records=moment.count, turn=moment.turn)
    except BatchExceedsPool as error:
        # The last batch takes what is left.
        left = int(str(error.context["available"]))
        return select(moment.candidates, policy, records=left, turn=moment.turn) if left else None


@dataclass(frozen=True, kw_only=True)
class Stratified:
    exclusions: Exclusions
    name: str = STRATIFIED
    signals: frozenset[Signal] = frozenset()

    def pick(self, moment: Moment) -> Picked:
        pool = moment.candidates
        policy = _uniform(self.exclusions)
        may, _ = eligible(pool, policy, Signals(pool, policy, seed=0))
        rows = np.flatnonzero(may)
        strata = _strata(moment)[rows]
        seed = derived(moment.seed, STRATIFIED, moment.turn)
        # Raw 64-bit words: NumPy promises their stream for ever, but not that of distributions.
        keys = np.random.PCG64(seed).random_raw(len(rows))
        names, sizes = np.unique(strata, return_counts=True)
        quotas = proportional(sizes, min(moment.count, len(rows)))
        chosen = [
            inside[np.argsort(keys[inside], kind="stable")[:quota]]
            for name, quota in zip(names, quotas, strict=True)
            for inside in [np.flatnonzero(strata == name)]
        ]
        picked = rows[np.concatenate(chosen)] if chosen else rows
        return Picked(record_ids=pool.record_ids.take(pa.array(picked)).to_pylist())


def _strata(moment: Moment) -> Int64:
    """(n,) stratum of each candidate; one for all at a cold start without segments."""
    if moment.segments is not None:
        return coded(moment.segments)[0].astype(np.int64)
    predicted = moment.candidates.predicted
    if predicted is None:
        return np.zeros(len(moment.candidates), dtype=np.int64)
    return predicted.astype(np.int64)


def proportional(sizes: Int64, count: int) -> Int64:
    """How many of `count` go to strata of these sizes (s,): in proportion, by largest remainder,
    of equals to the first. No stratum gets more than it has."""
    total = int(sizes.sum())
    if not total:
        return np.zeros(len(sizes), dtype=np.int64)
    quotas = sizes * count // total
    remainders = sizes * count % total
    order = np.argsort(-remainders, kind="stable")
    quotas[order[: count - int(quotas.sum())]] += 1
    return quotas


def by_policy(policy: SamplingPolicy, *, first: SamplingPolicy | None = None) -> Strategy:
    """A strategy that follows a policy in each round, or `first` in the first."""
    return ByPolicy(name=policy.name, policy=policy, first=first)


def baseline(name: str, *, exclusions: Exclusions) -> Strategy:
    """One of BASELINES. Raises KeyError for any other name."""
    uniform = _uniform(exclusions)
    match name:
        case "random":
            return ByPolicy(name=RANDOM, policy=uniform)
        case "stratified":
            return Stratified(exclusions=exclusions)
        case "margin":
            return ByPolicy(name=MARGIN, policy=_least_sure(exclusions), first=uniform)
        case _:
            raise KeyError(name)


def _uniform(exclusions: Exclusions) -> SamplingPolicy:
    return SamplingPolicy(
        name=RANDOM,
        batch_size=1,
        arms=(Arm(name=RANDOM_ARM, kind=ArmKind.RANDOM, share=1.0),),
        near_duplicates=NearDuplicates(text=None, embedding=None),
        exclusions=exclusions,
    )


def _least_sure(exclusions: Exclusions) -> SamplingPolicy:
    return replace(
        _uniform(exclusions),
        name=MARGIN,
        arms=(
            Arm(
                name=MARGIN,
                kind=ArmKind.UNCERTAIN,
                share=1.0,
                signals={Signal.MARGIN: 1.0},
                diversity=Diversity.NONE,
            ),
            Arm(name=RANDOM_ARM, kind=ArmKind.RANDOM, share=0.0),
        ),
    )


def disagreements(
    wanted: frozenset[Signal], models: Sequence[Fitted], rows: Int64
) -> dict[Signal, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Signals of committee and earlier versions that are wanted and known, of `rows` of the pool.

    `models` are those of the rounds so far, newest first.
    """
    found = {}
    newest = models[0] if models else None
    if newest is not None and newest.committee is not None:
        members = newest.committee[rows]
        if Signal.VOTE_ENTROPY in wanted:
            found[Signal.VOTE_ENTROPY] = vote_entropy(members)
        if Signal.COMMITTEE_DIVERGENCE in wanted:
            found[Signal.COMMITTEE_DIVERGENCE] = committee_divergence(members)
    known = [
        (model.classes, model.probabilities[rows])
        for model in models[: 1 + EARLIER]
        if model.probabilities is not None
    ]
    if len(known) > 1 and wanted & {Signal.VERSION_DIVERGENCE, Signal.INSTABILITY}:
        versions = aligned(known)
        if Signal.VERSION_DIVERGENCE in wanted:
            found[Signal.VERSION_DIVERGENCE] = version_divergence(versions)
        if Signal.INSTABILITY in wanted:
            found[Signal.INSTABILITY] = instability(versions)
    return found
