"""The compute worker: passes over data, with numpy and scikit-learn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.worker import Worker

# Activities import these when they run, so that the orchestration worker goes without. Two threads
# that do so at once can each find the other's half, so here they are whole before either begins.
import learning.agreement
import learning.evaluation
import learning.models
import learning.scoring
import learning.selection.tables  # noqa: F401
from activities.errors import ErrorTranslation
from activities.evaluation import EvaluationActivities
from activities.publication import PublicationActivities
from activities.quality import QualityActivities
from activities.roles import RoleActivities
from activities.scoring import ScoringActivities
from activities.selection import SelectionActivities
from activities.snapshot import SnapshotActivities
from activities.training import TrainingActivities
from domain.ids import COMPUTE_QUEUE
from storage.artifacts import ArtifactStore
from storage.database import engine as connect_database
from workers.client import connect_patiently
from workers.service import serve
from workers.settings import Settings

MAX_ACTIVITIES = 2
"""Passes over data at a time: each keeps a core busy."""

GRACE = timedelta(seconds=10)
"""For running activities to finish in when the process is told to stop."""

HEARTBEATS_REPORTED_EVERY = timedelta(seconds=2)
"""What is not reported is done again when the worker dies; the SDK's own would be 16 seconds."""


async def run(settings: Settings) -> None:
    """Works until the process is told to stop; what it had begun is tried again elsewhere."""
    client = await connect_patiently(settings)
    engine = connect_database(settings.database_url)
    store = ArtifactStore(settings.artifacts)
    await serve(compute_worker(client, engine, store, Path(settings.datasets)))


def compute_worker(
    client: Client, engine: Engine, store: ArtifactStore, datasets_root: Path
) -> Worker:
    """The worker of the queue `compute`."""
    return Worker(
        client,
        task_queue=COMPUTE_QUEUE,
        activities=[
            SnapshotActivities(engine, store).snapshot_pool,
            TrainingActivities(engine, store).train_model,
            ScoringActivities(store).score_partition,
            SelectionActivities(store).select_batch,
            QualityActivities(store).assess_quality,
            RoleActivities(engine, store).assign_roles,
            PublicationActivities(engine, store, datasets_root).publish,
            EvaluationActivities(engine, store).evaluate_round,
        ],
        activity_executor=ThreadPoolExecutor(MAX_ACTIVITIES),
        max_concurrent_activities=MAX_ACTIVITIES,
        graceful_shutdown_timeout=GRACE,
        max_heartbeat_throttle_interval=HEARTBEATS_REPORTED_EVERY,
        interceptors=[ErrorTranslation()],
    )
