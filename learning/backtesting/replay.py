"""Rounds replayed: pick, label, train, measure, and again, for each seed and strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from domain.arms import NEEDS_COMMITTEE, Signal
from learning.backtesting.learner import Fitted, Learner
from learning.backtesting.records import (
    Int64,
    LabelledRecords,
    Plan,
    Split,
    as_reviewed,
    checked,
    derived,
    split_by,
)
from learning.backtesting.strategies import EARLIER, Moment, Strategy, disagreements
from learning.selection import Candidates, Known

NO_ANSWER = -1

Progress = Callable[[str], None]
"""Told what is done next, once for each of `steps`."""


def _quietly(doing: str) -> None:
    del doing


@dataclass(frozen=True, kw_only=True, eq=False)
class Trail:
    """What one strategy came to with one seed."""

    answers: NDArray[np.int64]
    """(rounds, t) classes that the model of each round gives the test records, or NO_ANSWER."""
    spent: list[int]
    """Labels after each round."""
    held: int = 0
    """Batches that a gate of the policy would have held for a decision."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Replayed:
    """One seed: the same split and the same reviewers for every strategy."""

    seed: int
    test: Int64
    """(t,) rows of the records that measured."""
    truth: Int64
    """(t,) their true classes, as places in the sorted names."""
    full: Int64
    """(t,) what a model of the whole pool's labels answers."""
    pool: int
    trails: dict[str, Trail] = field(default_factory=dict)


def steps(plan: Plan, strategies: int) -> int:
    """How often `replay` reports progress."""
    return plan.seeds * (2 + strategies * plan.rounds)


def replay(
    records: LabelledRecords,
    strategies: Sequence[Strategy],
    plan: Plan,
    *,
    progress: Progress = _quietly,
) -> list[Replayed]:
    """Every strategy's rounds on every seed's split.

    Raises InvalidTraining and BatchExceedsPool where there is nothing to replay, and what
    `learning.selection.select` raises where a policy cannot be followed.
    """
    checked(records, plan)
    # One BLAS thread: the order in which threads add up would show in the last digits.
    with threadpool_limits(limits=1, user_api="blas"):
        return [
            _Replay(records, plan, plan.seed + number, progress).run(strategies)
            for number in range(plan.seeds)
        ]


class _Replay:
    """One seed."""

    def __init__(self, records: LabelledRecords, plan: Plan, seed: int, progress: Progress) -> None:
        progress(f"seed {seed}: fitting features")
        self.plan, self.seed, self.progress = plan, seed, progress
        self.names = records.classes
        self.split = split_by(records.labels, plan.test_share, seed=seed)
        self.learner = Learner(records, self.split, self.names, seed=derived(seed, "features"))
        given = as_reviewed(records.labels, plan.error_rate, seed=seed)
        self.pool = _Pool(records, self.split, [given[row] for row in self.split.pool.tolist()])
        places = {name: place for place, name in enumerate(self.names)}
        self.truth = np.array([places[records.labels[row]] for row in self.split.test.tolist()])

    def run(self, strategies: Sequence[Strategy]) -> Replayed:
        self.progress(f"seed {self.seed}: learning from all labels")
        everything = np.arange(len(self.split.pool))
        full = self.learner.fit(everything, self.pool.given)
        return Replayed(
            seed=self.seed,
            test=self.split.test,
            truth=self.truth,
            full=full.answers,
            pool=len(self.split.pool),
            trails={strategy.name: self._trail(strategy) for strategy in strategies},
        )

    def _trail(self, strategy: Strategy) -> Trail:
        asked = _Asked()
        models: list[Fitted] = []
        answers, spent, held = [], [], 0
        notes: dict[str, None] = {}
        wants_committee = bool(strategy.signals & NEEDS_COMMITTEE)
        for turn in range(self.plan.rounds):
            self.progress(f"seed {self.seed}: {strategy.name}, round {turn + 1}")
            picked = strategy.pick(self._moment(strategy.signals, turn, asked, models))
            held += picked.failed_gates > 0
            notes |= dict.fromkeys(picked.notes)
            rows = self.pool.rows(picked.record_ids)
            asked.add(rows, _guesses(models, rows), turn + 1)
            if rows:
                labels = [self.pool.given[row] for row in asked.rows]
                fitted = self.learner.fit(np.array(asked.rows), labels, committee=wants_committee)
                models = [fitted, *models[:EARLIER]]
            answers.append(models[0].answers if models else np.full(len(self.truth), NO_ANSWER))
            spent.append(len(asked.rows))
        return Trail(answers=np.stack(answers), spent=spent, held=held, notes=tuple(notes))

    def _moment(
        self, signals: frozenset[Signal], turn: int, asked: _Asked, models: Sequence[Fitted]
    ) -> Moment:
        free = np.ones(len(self.split.pool), dtype=np.bool_)
        free[asked.rows] = False
        left = np.flatnonzero(free)
        probabilities = models[0].probabilities if models else None
        candidates = Candidates(
            record_ids=pa.array([self.pool.ids[row] for row in left.tolist()], pa.string()),
            embeddings=self.learner.embeddings[left],
            probabilities=None if probabilities is None else probabilities[left],
            classes=() if probabilities is None else models[0].classes,
            metadata=self.pool.metadata_of(left),
            signals=disagreements(signals, models, left),
            signatures=self.pool.signatures(left),
            known=self._known(asked),
        )
        return Moment(
            candidates=candidates,
            segments=self.pool.segments_of(left),
            count=self.plan.batch,
            turn=turn,
            seed=self.seed,
        )

    def _known(self, asked: _Asked) -> Known:
        return Known(
            record_ids=[self.pool.ids[row] for row in asked.rows],
            embeddings=self.learner.embeddings[asked.rows],
            labels=[self.pool.given[row] for row in asked.rows],
            for_test=np.zeros(len(asked.rows), dtype=np.bool_),
            signatures=self.pool.signatures(asked.rows),
            predicted=list(asked.guesses),
            rounds=list(asked.rounds),
            metadata=self.pool.metadata_of(asked.rows),
        )


class _Asked:
    """The rows of the pool that were labelled so far, in order, and how it came to that."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.guesses: list[str | None] = []
        self.rounds: list[int] = []

    def add(self, rows: list[int], guesses: list[str | None], number: int) -> None:
        self.rows += rows
        self.guesses += guesses
        self.rounds += [number] * len(rows)


class _Pool:
    """The records of a split that may be labelled, by their place in it."""

    def __init__(self, records: LabelledRecords, split: Split, given: list[str]) -> None:
        self.given = given
        """Labels as the simulated reviewers give them."""
        self.ids = [records.record_ids[row] for row in split.pool.tolist()]
        self._places = {name: place for place, name in enumerate(self.ids)}
        self._metadata = records.metadata
        if records.metadata.num_columns:
            self._metadata = records.metadata.take(pa.array(split.pool)).combine_chunks()
        self._signatures = records.signatures
        if records.signatures is not None:
            self._signatures = records.signatures[split.pool]
        self._segments = None
        if records.segments:
            self._segments = pa.array([records.segments[row] for row in split.pool.tolist()])

    def rows(self, record_ids: Sequence[str]) -> list[int]:
        return [self._places[record_id] for record_id in record_ids]

    def signatures(self, rows: Sequence[int] | Int64) -> NDArray[np.uint16] | None:
        return None if self._signatures is None else self._signatures[rows]

    def metadata_of(self, rows: Sequence[int] | Int64) -> pa.Table:
        if not self._metadata.num_columns:
            return self._metadata
        return self._metadata.take(pa.array(rows, pa.int64()))

    def segments_of(self, rows: Int64) -> pa.Array | None:
        return None if self._segments is None else self._segments.take(pa.array(rows))


def _guesses(models: Sequence[Fitted], rows: Sequence[int]) -> list[str | None]:
    """What the model of the time took the rows for, before their labels were known."""
    newest = models[0] if models else None
    if newest is None or newest.probabilities is None:
        return [None] * len(rows)
    best = newest.probabilities[list(rows)].argmax(axis=1) if rows else []
    return [newest.classes[place] for place in best]
