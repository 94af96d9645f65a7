"""Selects the batch from the scored snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from temporalio import activity

from activities.heartbeat import beating
from activities.snapshot import ELIGIBLE
from domain.arms import RANDOM_ARM
from domain.errors import ImpossibleConstraints
from domain.ids import RecordId
from domain.policy import SamplingPolicy
from domain.roles import LABELLED_ROLES, DatasetRole, DatasetRow
from domain.rounds import Batch, Partition, RoundPlan, Snapshot
from domain.selections import Findings, Selection, batch_digest
from storage.artifacts import ArtifactStore
from storage.dataset_rows import read_rows

if TYPE_CHECKING:
    from learning.selection import Candidates
    from learning.selection.tables import KnownRecord, Part

BATCH = pa.schema(
    [
        ("ordinal", pa.int32()),
        ("record_id", pa.string()),
        ("arm", pa.string()),
        ("rank", pa.int32()),
        ("score", pa.float64()),
        ("propensity", pa.float64()),
        ("reason", pa.string()),
        ("predicted", pa.string()),
        ("content_digest", pa.string()),
    ]
)

_MARKS = ["record_id", "content_digest", "metadata", "eligibility"]
_MEASURING = LABELLED_ROLES - {DatasetRole.TRAIN}
"""Roles that measure a model: the choice may keep away from such records, but not lean on them."""


@dataclass(frozen=True, kw_only=True)
class SelectBatch:
    plan: RoundPlan
    snapshot: Snapshot
    scores: tuple[Partition, ...]
    """Scored partitions, in the order of the snapshot's."""
    classes: tuple[str, ...]
    """Of the model that scored, in the order of its probabilities."""


class SelectionActivities:
    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    @activity.defn
    def select_batch(self, request: SelectBatch) -> Batch:
        """Chooses among the eligible records as the plan's policy says.

        A batch without records, where the policy says to stop at what cannot be. Raises
        BatchExceedsPool and MissingColumn when the policy does not fit the pool.
        """
        from learning.selection import select

        plan, digests = request.plan, dict[str, str]()
        with beating():
            try:
                selected = select(
                    self._candidates(request, digests),
                    plan.policy,
                    records=plan.records,
                    turn=request.snapshot.parent_version or 0,
                )
            except ImpossibleConstraints as error:
                # Nobody works on an empty batch: the round waits for a person's decision.
                return self._batch(plan.policy, [], error.findings, digests)
            return self._batch(plan.policy, selected.selections, selected.findings, digests)

    def _batch(
        self,
        policy: SamplingPolicy,
        selections: list[Selection],
        findings: Findings,
        digests: dict[str, str],
    ) -> Batch:
        arms = Counter(selection.arm for selection in selections)
        return Batch(
            digest=batch_digest(selections),
            artifact=self._store.put_table(_table(selections, digests)),
            records=len(selections),
            arms={arm.name: arms[arm.name] for arm in policy.arms if arms[arm.name]},
            findings=findings,
            policy_digest=policy.digest,
        )

    def _candidates(self, request: SelectBatch, digests: dict[str, str]) -> Candidates:
        """The eligible records; `digests` takes the content digest of each."""
        from learning.selection.tables import gather

        settled = read_rows(self._store, request.snapshot.settled)
        return gather(
            self._parts(request, digests),
            eligible=request.snapshot.eligible,
            classes=request.classes,
            known=self._known(request, settled),
            ambiguous=[row.record_id for row in settled.values() if row.role is DatasetRole.HELD],
            now=datetime.fromisoformat(request.plan.requested_at),
        )

    def _parts(self, request: SelectBatch, digests: dict[str, str]) -> Iterator[Part]:
        from learning.selection.tables import Part

        pairs = zip(request.snapshot.partitions, request.scores, strict=True)
        for partition, scored in pairs:
            marks = self._store.get_table(partition.artifact, columns=_MARKS)
            eligible = pc.equal(marks["eligibility"], ELIGIBLE)
            chosen = marks.filter(eligible)
            digests.update(
                zip(
                    chosen["record_id"].to_pylist(),
                    chosen["content_digest"].to_pylist(),
                    strict=True,
                )
            )
            yield Part(
                scores=self._store.get_table(scored.artifact),
                metadata=marks["metadata"],
                eligible=eligible.to_numpy(),
            )

    def _known(
        self, request: SelectBatch, settled: dict[RecordId, DatasetRow]
    ) -> dict[str, KnownRecord]:
        from learning.selection.tables import KnownRecord

        table = self._store.get_table(request.snapshot.predictions)
        predicted = dict(
            zip(table["record_id"].to_pylist(), table["predicted"].to_pylist(), strict=True)
        )
        return {
            row.record_id: KnownRecord(
                label=row.label,
                for_test=row.role in _MEASURING,
                predicted=predicted.get(row.record_id),
                round_number=0 if row.arm in (None, RANDOM_ARM) else row.round_number,
            )
            for row in settled.values()
            if row.role is not DatasetRole.HELD
        }


def _table(selections: list[Selection], digests: dict[str, str]) -> pa.Table:
    rows = [
        asdict(selection) | {"content_digest": digests[selection.record_id]}
        for selection in selections
    ]
    return pa.Table.from_pylist(rows, schema=BATCH)
