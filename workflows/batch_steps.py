"""The steps up to a batch that people may work on, and what they may decide about it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Literal

from temporalio import workflow

from workflows.ledger import RoundLedger
from workflows.options import HEAVY, LIGHT
from workflows.reception import Reception
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.rounds import RoundActivities, RoundProjection
    from activities.scoring import ScorePartition, ScoringActivities
    from activities.selection import SelectBatch, SelectionActivities
    from activities.snapshot import SnapshotActivities
    from activities.training import TrainingActivities, TrainModel
    from domain.arms import NEEDS_COMMITTEE, NEEDS_EARLIER_VERSIONS, Signal
    from domain.canonical import Sha256
    from domain.ids import Document
    from domain.policy import SamplingPolicy
    from domain.records import Json
    from domain.rounds import (
        ApprovalDecided,
        Batch,
        BatchDecided,
        Partition,
        Phase,
        Published,
        RoundPlan,
        Snapshot,
        TrainedModel,
    )


SHOWN = 20
"""Shortfalls told with what is awaited: a limit on each value of a column can have thousands."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The pool as a model sees it."""

    model: TrainedModel
    partitions: tuple[Partition, ...]
    """In the order of the snapshot's."""
    by: frozenset[frozenset[Signal]]
    """The groups of signals for which other models were asked too."""


class BatchSteps:
    """What a round does, step by step; `phase` is where it is.

    `plan` is the round's, with the policy that is in force: decisions about a batch replace it.
    """

    def __init__(self, plan: RoundPlan, ledger: RoundLedger) -> None:
        self.plan = plan
        self.ledger = ledger
        self.phase = Phase.SNAPSHOT
        self._scored: Scored | None = None
        self.reception: Reception[Any] | None = None
        """Set where the round checks who has signed what it is told."""
        self.overridden: list[Document] = []
        """Decisions for which somebody broke the glass, as they are shown."""
        self._batch_decisions: list[Json] = []
        self._stopped = False

    async def snapshot(self) -> Snapshot:
        await self._enter(Phase.SNAPSHOT)
        snapshot = await workflow.execute_activity_method(
            SnapshotActivities.snapshot_pool, self.plan, **HEAVY
        )
        self.ledger.decide(
            "snapshot_pinned",
            subject=self.plan.pool_id,
            detail={
                "digest": snapshot.digest,
                "records": snapshot.records,
                "eligible": snapshot.eligible,
                "ineligible": dict(snapshot.ineligible),
                "parent_version": snapshot.parent_version,
            },
        )
        return snapshot

    async def train(
        self, snapshot: Snapshot, rows: Sha256, published: Published | None
    ) -> TrainedModel:
        """A model from the labels that there are: before the round's own, or once published."""
        part: Literal["before", "after"] = "before" if published is None else "after"
        if published is None:
            await self._enter(Phase.SCORING)
        else:
            await self._enter(Phase.RETRAINING, {"published": asdict(published)})
        model = await workflow.execute_activity_method(
            TrainingActivities.train_model,
            TrainModel(
                plan=self.plan,
                snapshot=snapshot,
                rows=rows,
                version=None if published is None else published.version,
                part=part,
            ),
            **HEAVY,
        )
        self.ledger.decide(
            "model_trained",
            subject=model.digest,
            detail={"part": part, "classes": len(model.classes), "labelled": model.labelled},
        )
        return model

    async def score(self, snapshot: Snapshot) -> Scored:
        """A model of what is labelled, and what it makes of the pool.

        That serves another policy too, unless it looks at more models. Each partition is an
        activity of its own, so that more workers mean more speed.
        """
        wanted = _other_models(self.plan.policy)
        if self._scored is not None and wanted <= self._scored.by:
            return self._scored
        model = await self.train(snapshot, snapshot.settled, None)
        partitions = await asyncio.gather(
            *(
                workflow.execute_activity_method(
                    ScoringActivities.score_partition,
                    ScorePartition(partition=partition, model=model.digest, earlier=model.earlier),
                    **HEAVY,
                )
                for partition in snapshot.partitions
            )
        )
        self._scored = Scored(model=model, partitions=tuple(partitions), by=wanted)
        self.ledger.decide(
            "pool_scored",
            subject=self.plan.pool_id,
            detail={"model": model.digest, "partitions": [each.artifact for each in partitions]},
        )
        return self._scored

    async def select(self, snapshot: Snapshot, scored: Scored) -> Batch:
        await self._enter(Phase.SELECTING)
        batch = await workflow.execute_activity_method(
            SelectionActivities.select_batch,
            SelectBatch(
                plan=self.plan,
                snapshot=snapshot,
                scores=scored.partitions,
                classes=scored.model.classes,
            ),
            **HEAVY,
        )
        self.ledger.selected(batch, by=self.plan.policy, model=scored.model.digest)
        return batch

    async def hold(self, batch: Batch) -> None:
        """Shows why nobody works on the batch yet, and who decides about it."""
        self.ledger.held(batch)
        await self._enter(
            Phase.CHECKING,
            self._known_of(batch),
            awaiting={
                "who": "approver",
                "batch_digest": batch.digest,
                "failed_gates": [asdict(gate) for gate in batch.findings.failed_gates],
                "shortfalls": [asdict(each) for each in batch.findings.shortfalls[:SHOWN]],
            },
        )

    def override(self, decision: BatchDecided | ApprovalDecided, *, what: str) -> None:
        """Writes down that the glass was broken; the next phase shows and tells it."""
        self.ledger.overridden(decision, what=what)
        self.overridden.append(
            {
                "decision_id": decision.decision_id,
                "what": what,
                "by": decision.actor.name,
                "account_id": decision.actor.account_id,
                "reason": decision.reason,
                "at": decision.submitted_at,
            }
        )

    def follow(self, decision: BatchDecided) -> None:
        """From now on the round is about the policy that the decision names, if it names one."""
        self.plan = self.plan.amended(decision)
        policy = self.plan.policy
        self._batch_decisions.append(
            {
                "action": decision.action,
                "batch_digest": decision.batch_digest,
                "policy": f"{policy.name}@{policy.version}",
                "by": decision.actor.name,
                "reason": decision.reason,
                "at": decision.submitted_at,
            }
        )

    def _known_of(self, batch: Batch) -> dict[str, Json]:
        policy = self.plan.policy
        return {
            "batch": asdict(batch),
            "batch_decisions": list(self._batch_decisions),
            "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
        }

    async def _enter(
        self,
        phase: Phase,
        summary: dict[str, Json] | None = None,
        *,
        awaiting: dict[str, Json] | None = None,
    ) -> None:
        """Shows the phase, and what is known by now, in the read model."""
        self._stop_if_asked()
        self.phase = phase
        await workflow.execute_activity_method(
            RoundActivities.project_round,
            RoundProjection(
                round_id=self.plan.round_id,
                phase=phase,
                at=now(),
                summary=(summary or {}) | self._overrides,
                awaiting=awaiting,
            ),
            **LIGHT,
        )
        self._stop_if_asked()

    @property
    def _overrides(self) -> dict[str, Json]:
        return {"duties_overridden": list(self.overridden)} if self.overridden else {}

    def stop(self) -> None:
        """Nothing further is done, from the next change of phase on at the latest.

        To cancel the task is not enough: where an activity's result comes in together with the
        message that cancels the round, the SDK hands the result on, and the cancellation is lost.
        """
        self._stopped = True

    def _stop_if_asked(self) -> None:
        if self._stopped:
            raise asyncio.CancelledError


def _other_models(policy: SamplingPolicy) -> frozenset[frozenset[Signal]]:
    """Which signals the policy looks at that take more models than the newest one."""
    groups = (NEEDS_COMMITTEE, NEEDS_EARLIER_VERSIONS)
    return frozenset(group for group in groups if group & policy.signals)
