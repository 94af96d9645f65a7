"""All that the histories of one round say: what was recorded, and the ledgers that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from temporalio.client import WorkflowHistory

from domain.canonical import Sha256
from domain.ids import Timestamp
from domain.ledger import GENESIS, Entry
from domain.policy import SamplingPolicy
from domain.records import Json
from domain.reviews import signed_part
from domain.rounds import BatchDecided, RoundPlan, RoundResult, ShardPlan
from domain.tree_heads import ROUND
from workers.audit.findings import Finding, FindingKind
from workers.audit.recorded import RecordedRun, Signal, UnreadableHistory, recorded
from workers.audit.replay import Replayed, ReplayedRun

__all__ = ["ROUND", "Evidence", "LedgerLine", "Run", "evidence_of"]


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """One decision, as an auditor reads it."""

    source: str
    """`round`, or `shard 3`: whose ledger it is in."""
    sequence: int
    at: Timestamp
    kind: str
    actor: str
    account_id: str
    authenticated_by: str
    subject: str
    detail: dict[str, Json]
    reason: str
    hash: Sha256


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: as Temporal recorded it, and as it replays."""

    recorded: RecordedRun
    replayed: ReplayedRun

    @property
    def began_at(self) -> tuple[Sha256, int]:
        """Head and length of the ledger that the run went on from."""
        plan = self.recorded.plan
        if isinstance(plan, ShardPlan) and plan.carried is not None:
            return plan.carried.ledger_head, plan.carried.ledger_length
        return GENESIS, 0

    @property
    def head(self) -> Sha256:
        entries = self.replayed.entries
        return entries[-1].hash if entries else self.began_at[0]

    @property
    def length(self) -> int:
        return self.began_at[1] + len(self.replayed.entries)


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The signals of one source beside the decisions of its ledger."""

    undecided: list[tuple[Run, Signal]]
    """Those that have no decision."""
    unfounded: list[str]
    """Digests of messages that have a decision and came with no signal."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    runs: tuple[Run, ...]
    """The round's first, then its shards', in the order in which they followed each other."""
    unreadable: tuple[Finding, ...]

    @cached_property
    def by_source(self) -> dict[str, list[Run]]:
        sources: dict[str, list[Run]] = {}
        for run in self.runs:
            sources.setdefault(run.recorded.source, []).append(run)
        return sources

    @cached_property
    def matched(self) -> dict[str, Matched]:
        return {source: self._matched(source) for source in self.by_source}

    @property
    def round_run(self) -> Run | None:
        return next(iter(self.by_source.get(ROUND, ())), None)

    @property
    def plan(self) -> RoundPlan | None:
        run = self.round_run
        plan = run.recorded.plan if run else None
        return plan if isinstance(plan, RoundPlan) else None

    @property
    def result(self) -> RoundResult | None:
        """How the round ended; none while it is open."""
        run = self.round_run
        result = run.recorded.result if run else None
        return result if isinstance(result, RoundResult) else None

    @cached_property
    def policies(self) -> tuple[SamplingPolicy, ...]:
        """Those that the round selected by, one after another: the plan's, then each amendment."""
        run, plan = self.round_run, self.plan
        if run is None or plan is None:
            return ()
        amendments = {
            signal.digest: signal.message.policy
            for signal in run.recorded.signals
            if isinstance(signal.message, BatchDecided)
        }
        found = [
            amendments.get(Sha256(str(entry.decision.detail["message_digest"])))
            for entry in run.replayed.entries
            if entry.decision.kind == "batch_amended"
        ]
        return (plan.policy, *(policy for policy in found if policy is not None))

    @cached_property
    def shards(self) -> dict[int, list[Run]]:
        return {
            run.recorded.plan.shard: self.by_source[run.recorded.source]
            for run in self.runs
            if isinstance(run.recorded.plan, ShardPlan)
        }

    @cached_property
    def shard_plans(self) -> dict[int, ShardPlan]:
        return {
            run.recorded.plan.shard: run.recorded.plan
            for run in reversed(self.runs)
            if isinstance(run.recorded.plan, ShardPlan)
        }

    def _matched(self, source: str) -> Matched:
        left = Counter(
            str(entry.decision.detail["message_digest"])
            for entry in self.entries(source)
            if "message_digest" in entry.decision.detail
        )
        if source == ROUND and self.plan is not None:
            left[signed_part(self.plan)] -= 1
        undecided = []
        for run in self.by_source[source]:
            for signal in run.recorded.signals:
                digest = signal.digest or ""
                if left[digest] > 0:
                    left[digest] -= 1
                else:
                    undecided.append((run, signal))
        unfounded = [digest for digest, count in left.items() if count > 0]
        return Matched(undecided=undecided, unfounded=unfounded)

    def entries(self, source: str) -> list[Entry]:
        """The whole ledger of the round or a shard, over all its runs."""
        return [entry for run in self.by_source.get(source, ()) for entry in run.replayed.entries]

    def replays(self, source: str) -> bool:
        """Whether each run of the source could be replayed, so that its ledger can be relied on."""
        return not any(run.replayed.failure for run in self.by_source.get(source, ()))

    def is_newer(self, shard: int, at: str) -> bool:
        """Whether the shard goes on, and may have decided something at `at` that is not here."""
        runs = self.shards.get(shard)
        if runs is None or runs[-1].recorded.status != "running":
            return False
        return at > runs[-1].recorded.until

    def lines(self) -> Iterator[LedgerLine]:
        """Every decision of the round, by time; of equal times the round's own first."""
        found = [
            _line(source, entry) for source in self.by_source for entry in self.entries(source)
        ]
        places = {source: place for place, source in enumerate(self.by_source)}
        yield from sorted(found, key=lambda line: (line.at, places[line.source], line.sequence))


def evidence_of(
    histories: Sequence[WorkflowHistory],
    replayed: Replayed,
    *,
    without: frozenset[str] = frozenset(),
) -> Evidence:
    """What the histories say. Steps of the names in `without` are left out, to hold less."""
    runs: list[Run] = []
    unreadable: list[Finding] = []
    for history in histories:
        try:
            run = recorded(history, without=without)
        except UnreadableHistory as error:
            unreadable.append(
                Finding(
                    kind=FindingKind.HISTORY_UNREADABLE,
                    subject=f"history {history.workflow_id} run {history.run_id}",
                    message=f"The history of {history.workflow_id} is none of a round: {error}.",
                )
            )
            continue
        runs.append(Run(recorded=run, replayed=replayed.runs[run.run_id]))
    return Evidence(runs=tuple(runs), unreadable=tuple(unreadable))


def _line(source: str, entry: Entry) -> LedgerLine:
    decision = entry.decision
    return LedgerLine(
        source=source,
        sequence=entry.sequence,
        at=decision.at,
        kind=decision.kind,
        actor=decision.actor.name,
        account_id=decision.actor.account_id,
        authenticated_by=decision.actor.authenticated_by,
        subject=decision.subject,
        detail=decision.detail,
        reason=decision.reason,
        hash=entry.hash,
    )
