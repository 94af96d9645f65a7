"""Following a policy: random first, then one arm after another, then what the limits demand.

The random arm comes first, so that its records are a fair draw from all that is eligible, whatever
the limits say; it counts towards them. Each other arm picks from what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from domain.arms import NEEDS_MODEL, RANDOM_ARM, Arm
from domain.errors import BatchExceedsPool, EmptyPool, ImpossibleConstraints
from domain.policy import SamplingPolicy, WhenImpossible
from domain.selections import Findings, Selection, Shortfall
from learning.selection.arms import ArmPicker, ArmPicks
from learning.selection.candidates import Candidates, Mask
from learning.selection.exclusions import eligible
from learning.selection.findings import alarms, composition, gates
from learning.selection.minima import exchange
from learning.selection.picks import Pick, by_priority, in_review_order
from learning.selection.reasons import reasons, score_of
from learning.selection.rules import BatchRules, Group, groups_of
from learning.selection.scores import Signals

MOST_SHORTFALLS = 100
"""Of demands that are not met, the first ones are told: findings travel in messages."""

Progress = Callable[[str], None]
"""Told what is being done, for people who wait."""


def _quietly(doing: str) -> None:
    del doing


@dataclass(frozen=True, kw_only=True)
class Selected:
    selections: list[Selection]
    """In the order in which they are to be reviewed."""
    findings: Findings


def select(
    candidates: Candidates,
    policy: SamplingPolicy,
    *,
    records: int | None = None,
    turn: int = 0,
    progress: Progress = _quietly,
) -> Selected:
    """The batch of `records` (or the policy's batch size) that `policy` asks for, and its findings.

    Arms are interleaved by quota, so that whoever stops early has seen each in proportion. `turn`
    tells the rounds of one dataset apart, so that each draws its own random numbers. Raises
    EmptyPool, BatchExceedsPool, MissingColumn, InvalidExpression, InvalidMetadata, InvalidScores,
    and ImpossibleConstraints where the policy says to stop.
    """
    size = policy.batch_size if records is None else records
    if not len(candidates):
        raise EmptyPool(
            "there is no record to select from",
            hint="import records, or look at what the round's exclusions leave over",
        )
    progress("ordering records")
    return _Selecting(candidates.ordered(), policy, size, turn, progress).run()


class _Selecting:
    def __init__(
        self,
        pool: Candidates,
        policy: SamplingPolicy,
        size: int,
        turn: int,
        progress: Progress,
    ) -> None:
        self.pool, self.policy, self.progress = pool, policy, progress
        self.wanted = self.size = size
        self.seed = _stream_seed(policy.seed, str(turn))
        self.signals = Signals(pool, policy, seed=self.seed)
        self.notes: list[str] = []
        self.picks: list[Pick] = []

    def run(self) -> Selected:
        self.progress("leaving records out")
        may, excluded = eligible(self.pool, self.policy, self.signals)
        self._cut_to(int(np.count_nonzero(may)), excluded)
        groups = groups_of(self.pool, self.policy, self.signals, self.size)
        quotas = self.policy.quotas(self.size)
        rules = self._random(may, groups, quotas[RANDOM_ARM])
        rules = self._arms(rules, groups, quotas, may)
        self.progress("describing the batch")
        selected = self._selected(groups, may, excluded, self._shortfalls(rules))
        self._stop_short(selected.findings)
        return selected

    def _cut_to(self, available: int, excluded: dict[str, int]) -> None:
        """Makes do with the records that the exclusions leave, if the policy says so."""
        left_out = ", ".join(f"{reason}: {count:,}" for reason, count in excluded.items())
        relaxed = self.policy.when_impossible is WhenImpossible.RELAX and available > 0
        if self.wanted > available and not (relaxed and self.wanted <= len(self.pool)):
            raise BatchExceedsPool(
                f"the batch wants {self.wanted:,} records and the pool has {available:,} to choose "
                "from" + (f" (left out: {left_out})" if left_out else ""),
                hint="lower the batch size or import more records",
                batch_size=self.wanted,
                available=available,
                excluded=excluded,
            )
        self.size = min(self.wanted, available)

    # -- arms ---------------------------------------------------------------------------------

    def _random(self, may: Mask, groups: Sequence[Group], quota: int) -> BatchRules:
        """A uniform draw without replacement: the eligible records with the smallest of n keys."""
        rules = BatchRules(self.pool, self.policy, groups, may)
        rows = np.flatnonzero(may)
        # Raw 64-bit words: NumPy promises their stream for ever, but not that of distributions.
        keys = np.random.PCG64(_stream_seed(self.seed, "random arm")).random_raw(len(may))[rows]
        for row in rows[np.argsort(keys, kind="stable")[:quota]].tolist():
            rules.take(row)
            self.picks.append(
                Pick(
                    row=row,
                    arm=RANDOM_ARM,
                    propensity=quota / len(rows),
                    reason=f"drawn at random: one of {quota:,} from {len(rows):,}",
                )
            )
        return rules

    def _arms(
        self, rules: BatchRules, groups: Sequence[Group], quotas: dict[str, int], may: Mask
    ) -> BatchRules:
        arms = [arm for arm in self.policy.arms if arm.name != RANDOM_ARM]
        picker = self._picker(rules)
        for arm in arms:
            self.progress(f"picking: {arm.name}")
            found = self._pick(picker, arm, quotas[arm.name])
            if found < quotas[arm.name]:
                self.notes.append(f"{arm.name} found {found:,} of {quotas[arm.name]:,} records")
        self._fill(picker, arms, rules)
        return self._exchange(rules, groups, arms, may)

    def _picker(self, rules: BatchRules) -> ArmPicker:
        return ArmPicker(self.pool, self.signals, rules, seed=self.seed)

    def _pick(
        self,
        picker: ArmPicker,
        arm: Arm,
        count: int,
        *,
        among: Mask | None = None,
        because: str = "",
    ) -> int:
        """How many records the arm found of `count`."""
        picks = picker.pick(arm, count, among=among)
        whys = reasons(self.pool, self.signals, arm, picks)
        for place, (row, why) in enumerate(zip(picks.rows.tolist(), whys, strict=True)):
            self.picks.append(
                Pick(
                    row=row,
                    arm=arm.name,
                    score=score_of(picks, place, picks.score),
                    reason=f"{why}; {because}" if because else why or _NO_REASON,
                )
            )
        self._note_stand_in(arm, picks)
        return len(picks.rows)

    def _note_stand_in(self, arm: Arm, picks: ArmPicks) -> None:
        cold = NEEDS_MODEL & set(arm.weighted_signals) and picks.score is None
        if picks.method is not arm.method:
            self._note(f"{arm.name} picked by {picks.method} instead of {arm.method}: no model yet")
        elif cold and self.pool.probabilities is None:
            self._note(f"{arm.name} picked by variety alone: no model yet")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _fill(self, picker: ArmPicker, arms: Sequence[Arm], rules: BatchRules) -> None:
        """Gives the places that some arms could not fill to others; at last past the maxima."""
        by_share = sorted(arms, key=lambda arm: -arm.share)
        for lifted in (False, True):
            if len(rules.rows) < self.size and lifted:
                if self.policy.when_impossible is WhenImpossible.STOP:
                    return
                rules.lift_maxima()
            for arm in by_share:
                if (left := self.size - len(rules.rows)) > 0:
                    self._pick(picker, arm, left, because="in a place that other arms left")

    def _exchange(
        self, rules: BatchRules, groups: Sequence[Group], arms: Sequence[Arm], may: Mask
    ) -> BatchRules:
        """Exchanges picks for ones that the limits demand; the random arm's stay."""
        if not rules.shortfalls() or not arms:
            return rules
        self.progress("meeting the limits")
        in_order = by_priority(self.picks)
        plan = exchange(
            [pick.row for pick in in_order],
            fixed=[pick.arm == RANDOM_ARM for pick in in_order],
            groups=groups,
            eligible=may,
        )
        if plan is None:
            return rules
        dropped = set(plan.drop)
        self.picks = [pick for place, pick in enumerate(in_order) if place not in dropped]
        unlimited = [replace(group, at_most=self.size) for group in groups]
        rules = BatchRules(self.pool, self.policy, unlimited, may)
        for pick in self.picks:
            rules.take(pick.row)
        picker = self._picker(rules)
        freed = [in_order[place].arm for place in plan.drop]
        for among, count in plan.take:
            left = count
            for arm in arms:
                wanted = min(left, freed.count(arm.name))
                found = self._pick(picker, arm, wanted, among=among, because="chosen for a limit")
                for _ in range(found):
                    freed.remove(arm.name)
                left -= found
        rules = _judged_by(rules, self.pool, self.policy, groups, may)
        self._fill(self._picker(rules), arms, rules)
        return rules

    # -- what came of it ----------------------------------------------------------------------

    def _shortfalls(self, rules: BatchRules) -> list[Shortfall]:
        found = rules.shortfalls()
        if len(rules.rows) < self.wanted:
            demand = f"{self.wanted:,} records, none excluded and no two nearly the same"
            found.insert(0, Shortfall(demand=demand, wanted=self.wanted, got=len(rules.rows)))
        return found

    def _stop_short(self, findings: Findings) -> None:
        if findings.shortfalls and self.policy.when_impossible is WhenImpossible.STOP:
            missing = "; ".join(f"{each.demand}: {each.got:,}" for each in findings.shortfalls)
            raise ImpossibleConstraints(
                f"the batch cannot be as the policy demands: {missing}",
                hint="change the limits, or say when_impossible: relax",
                findings=findings,
            )

    def _selected(
        self,
        groups: Sequence[Group],
        may: Mask,
        excluded: dict[str, int],
        shortfalls: list[Shortfall],
    ) -> Selected:
        rows = [pick.row for pick in self.picks]
        chosen = [pick.row for pick in self.picks if pick.arm != RANDOM_ARM]
        distributions = composition(self.pool, rows, may, self.policy)
        bounds = sum((group.at_least > 0) + (group.at_most < self.size) for group in groups)
        findings = Findings(
            excluded=excluded,
            shortfalls=tuple(shortfalls[:MOST_SHORTFALLS]),
            composition=distributions,
            gates=gates(
                self.pool,
                rows,
                policy=self.policy,
                eligible=may,
                at_random=len(rows) - len(chosen),
                bounds=bounds,
                shortfalls=shortfalls,
                distributions=distributions,
            ),
            alarms=alarms(self.pool, chosen, self.policy),
            notes=tuple(self.signals.notes + self.notes),
        )
        return Selected(
            selections=in_review_order(self.picks, self.pool, self.policy), findings=findings
        )


_NO_REASON = "as good as any other that is left"


def _judged_by(
    rules: BatchRules,
    pool: Candidates,
    policy: SamplingPolicy,
    groups: Sequence[Group],
    may: Mask,
) -> BatchRules:
    """The same batch, judged by the groups' real bounds."""
    judged = BatchRules(pool, policy, groups, may)
    for row in rules.rows:
        judged.take(row)
    return judged


def _stream_seed(seed: int, stream: str) -> int:
    """A seed for one use of a policy's seed: no two uses see the same random numbers."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:8])
