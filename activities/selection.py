"""Selects the batch from the scored snapshot."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from temporalio import activity

from activities.heartbeat import beating
from activities.rows import read_rows
from activities.snapshot import ELIGIBLE
from domain.policy import ArmKind, Selection, batch_digest
from domain.roles import DatasetRole
from domain.rounds import Batch, Partition, RoundPlan, Snapshot
from storage.artifacts import ArtifactStore

if TYPE_CHECKING:
    from learning.candidates import Candidates

BATCH = pa.schema(
    [
        ("ordinal", pa.int32()),
        ("record_id", pa.string()),
        ("arm", pa.string()),
        ("rank", pa.int32()),
        ("score", pa.float64()),
        ("propensity", pa.float64()),
        ("reason", pa.string()),
        ("content_digest", pa.string()),
    ]
)


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
        """Chooses among the eligible records. Raises BatchExceedsPool when there are too few."""
        from learning.selection import select

        with beating():
            policy = request.plan.policy
            pool = self._pool(request)
            selections = select(pool.candidates(request.classes), policy)
            arms = Counter(selection.arm for selection in selections)
            return Batch(
                digest=batch_digest(selections),
                artifact=self._store.put_table(pool.batch(selections)),
                records=len(selections),
                arms={arm.value: arms[arm] for arm in ArmKind if arms[arm]},
                notes=tuple(
                    f"the {arm} arm has {arms[arm]} of the {policy.quota(arm)} records it asked for"
                    for arm in ArmKind
                    if arms[arm] != policy.quota(arm)
                ),
            )

    def _pool(self, request: SelectBatch) -> _Pool:
        settled = read_rows(self._store, request.snapshot.settled)
        labelled = pa.array(
            [row.record_id for row in settled.values() if row.role is not DatasetRole.TEST],
            pa.string(),
        )
        pool = _Pool()
        for partition, scored in zip(request.snapshot.partitions, request.scores, strict=True):
            marks = self._store.get_table(
                partition.artifact, columns=["record_id", "content_digest", "eligibility"]
            )
            scores = self._store.get_table(scored.artifact).append_column(
                "content_digest", marks["content_digest"]
            )
            pool.eligible.append(scores.filter(pc.equal(marks["eligibility"], ELIGIBLE)))
            pool.labelled.append(scores.filter(pc.is_in(scores["record_id"], labelled)))
        return pool


@dataclass
class _Pool:
    """The scores of the records that may be chosen, and of those that are labelled."""

    eligible: list[pa.Table] = field(default_factory=list)
    labelled: list[pa.Table] = field(default_factory=list)

    def candidates(self, classes: tuple[str, ...]) -> Candidates:
        from learning.candidates import Candidates

        return Candidates.from_scores(
            pa.concat_tables(self.eligible),
            labelled=pa.concat_tables(self.labelled),
            classes=classes,
        )

    def batch(self, selections: list[Selection]) -> pa.Table:
        table = pa.concat_tables(self.eligible)
        digests = dict(
            zip(table["record_id"].to_pylist(), table["content_digest"].to_pylist(), strict=True)
        )
        rows = [
            asdict(selection) | {"content_digest": digests[selection.record_id]}
            for selection in selections
        ]
        return pa.Table.from_pylist(rows, schema=BATCH)
