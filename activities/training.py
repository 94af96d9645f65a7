"""Trains a model on what is labelled so far, before a round's own labels or after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy import Connection, Engine
from temporalio import activity

from activities.clock import asked_at
from activities.contents import contents_of, earlier_files, parse
from activities.heartbeat import beating
from domain.arms import NEEDS_COMMITTEE, NEEDS_EARLIER_VERSIONS
from domain.canonical import Sha256
from domain.records import Content
from domain.roles import DatasetRole
from domain.rounds import RoundPlan, Snapshot, TrainedModel
from storage import models
from storage.artifacts import ArtifactStore
from storage.dataset_rows import read_rows

COMMITTEE = 5
"""Members of the committee whose disagreement a policy may look at."""
EARLIER_MODELS = 2
"""Models of earlier rounds that the present one is compared with, where a policy asks."""
MAX_FEATURE_ROWS = 20_000
"""Records that the features are learnt from; the scores do not get better with more."""


@dataclass(frozen=True, kw_only=True)
class TrainModel:
    plan: RoundPlan
    snapshot: Snapshot
    rows: Sha256
    """Artifact of the dataset rows to learn from; those with role train are used."""
    version: int | None
    """The dataset version that these rows are, where they are one."""
    part: Literal["before", "after", "preview"]
    """A model for a preview belongs to no round, and is written down for none."""


class TrainingActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def train_model(self, request: TrainModel) -> TrainedModel:
        """Fits features on a sample of the pool and a classifier on the training rows, if any."""
        from learning.models import Model

        plan, snapshot = request.plan, request.snapshot
        labels = {
            row.content_digest: row.label
            for row in read_rows(self._store, request.rows).values()
            if row.role is DatasetRole.TRAIN and row.label is not None
        }
        with beating():
            earlier = earlier_files(self._engine, snapshot, plan.dataset, request.version)
            contents = contents_of(self._store, snapshot, labels.keys(), earlier=earlier)
            labelled = sorted(labels)
            sample = self._sample(snapshot, seed=plan.policy.seed)
            model = Model.fit(
                plan.kind,
                [*(parse(contents[each]) for each in labelled), *sample],
                [*(labels[each] for each in labelled), *(None for _ in sample)],
                seed=plan.policy.seed,
                committee=COMMITTEE if plan.policy.signals & NEEDS_COMMITTEE else 0,
            )
            data = model.to_bytes()
        with self._engine.begin() as connection:
            trained = TrainedModel(
                digest=self._store.put(data),
                classes=model.classes,
                labelled=len(labelled),
                earlier=_earlier(connection, plan),
            )
            if request.part != "preview":
                models.put_model(
                    connection,
                    models.ModelVersion(
                        digest=trained.digest,
                        artifact=trained.digest,
                        round_id=plan.round_id,
                        part=models.ModelPart(request.part),
                        dataset=plan.dataset,
                        dataset_version=request.version,
                        kind=plan.kind,
                        classes=trained.classes,
                        labelled=trained.labelled,
                        created_at=asked_at(),
                    ),
                )
        return trained

    def _sample(self, snapshot: Snapshot, *, seed: int) -> list[Content]:
        """Up to MAX_FEATURE_ROWS contents of the pool, the same ones for the same seed."""
        chosen = np.arange(snapshot.records)
        if snapshot.records > MAX_FEATURE_ROWS:
            generator = np.random.Generator(np.random.PCG64(seed))
            chosen = np.sort(generator.choice(chosen, MAX_FEATURE_ROWS, replace=False))
        sample: list[Content] = []
        start = 0
        for partition in snapshot.partitions:
            inside = chosen[(chosen >= start) & (chosen < start + partition.rows)] - start
            table = self._store.get_table(partition.artifact, columns=["content"])
            sample.extend(map(parse, table.take(inside)["content"].to_pylist()))
            start += partition.rows
        return sample


def _earlier(connection: Connection, plan: RoundPlan) -> tuple[Sha256, ...]:
    if not plan.policy.signals & NEEDS_EARLIER_VERSIONS:
        return ()
    found = models.choosing_models(
        connection, plan.dataset, besides=plan.round_id, limit=EARLIER_MODELS
    )
    return tuple(found)
