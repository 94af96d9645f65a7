"""Scores one partition of the snapshot, a slice at a time, going on where a dead worker stopped."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import structlog
from temporalio import activity

from activities.heartbeat import beating
from domain.canonical import Sha256
from domain.rounds import Partition
from storage.artifacts import ArtifactStore

SLICE_ROWS = 500
"""The work that a killed worker loses at the most."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ScorePartition:
    partition: Partition
    model: Sha256
    earlier: tuple[Sha256, ...] = ()
    """Models of earlier rounds to compare with, newest first."""


class ScoringActivities:
    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    @activity.defn
    def score_partition(self, request: ScorePartition) -> Partition:
        """The scores of a partition, in the order of its rows."""
        from learning.models import Model
        from learning.scoring import score

        model = Model.from_bytes(self._store.get(request.model))
        earlier = [Model.from_bytes(self._store.get(each)) for each in request.earlier]
        table = self._store.get_table(
            request.partition.artifact, columns=["record_id", "content"]
        ).combine_chunks()
        finished = self._resume(request)
        # Also within a slice: 500 long documents take more time than a silent worker is given.
        with beating(lambda: [[request.model, *finished]]):
            for start in range(len(finished) * SLICE_ROWS, table.num_rows, SLICE_ROWS):
                [batch] = table.slice(start, SLICE_ROWS).combine_chunks().to_batches()
                scored = pa.Table.from_batches([score(batch, model, earlier)])
                finished.append(self._store.put_table(scored))
                activity.heartbeat([request.model, *finished])
        scores = pa.concat_tables([self._store.get_table(part) for part in finished])
        return Partition(artifact=self._store.put_table(scores), rows=scores.num_rows)

    def _resume(self, request: ScorePartition) -> list[Sha256]:
        """The slices that an earlier attempt has stored, if it was about the same model."""
        details = activity.info().heartbeat_details
        if not details or details[0][:1] != [request.model]:
            return []
        slices = [Sha256(part) for part in details[0][1:]]
        if not all(self._store.exists(part) for part in slices):
            return []
        _log.info(
            "goes on where a dead worker stopped",
            partition=request.partition.artifact,
            rows=len(slices) * SLICE_ROWS,
        )
        return slices
