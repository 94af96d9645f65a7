"""The orchestration worker: workflows, and the light activities that they wait for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from prometheus_client import REGISTRY
from sqlalchemy import Engine
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.archive import ArchiveActivities
from activities.delivery import DeliveryActivities
from activities.errors import ErrorTranslation
from activities.keys import KeyActivities
from activities.outbound import Outbound
from activities.retention import RetentionActivities
from activities.review import ReviewActivities
from activities.rounds import RoundActivities
from activities.routing import RoutingActivities
from domain.ids import ORCHESTRATION_QUEUE
from domain.retention import Retention
from storage.artifacts import ArtifactStore
from storage.database import engine as connect_database
from workers import sealing
from workers.archive_health import ArchiveCollector
from workers.client import connect_patiently
from workers.deployment import deployment_config, make_current
from workers.sandbox import workflow_runner
from workers.service import serve
from workers.settings import Settings
from workers.versioning import Versioning
from workflows.archive import ArchiveWorkflow
from workflows.delivery import DeliveryWorkflow
from workflows.previews import PreviewWorkflow
from workflows.retention import RetentionWorkflow
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

MAX_ACTIVITIES = 16
GRACE = timedelta(seconds=10)
"""For running activities to finish in when the process is told to stop."""

ARCHIVE_SCHEDULE = "archive-sweep"
ARCHIVE_EVERY = timedelta(minutes=1)

DELIVERY_SCHEDULE = "webhook-delivery"
DELIVERY_EVERY = timedelta(minutes=1)
"""Shorter than one of them works: the next one waits until the one before has ended."""

RETENTION_SCHEDULE = "retention"
RETENTION_EVERY = timedelta(days=1)


async def run(settings: Settings) -> None:
    """Works until the process is told to stop, then finishes what it has begun."""
    client = await connect_patiently(settings)
    await ensure_schedules(client)
    engine = connect_database(settings.database_url)
    REGISTRY.register(ArchiveCollector(engine))
    delivery = DeliveryActivities(
        engine,
        Outbound(settings.webhook_rules),
        sealing.load_or_create(settings.sealing_key).open,
        public_url=settings.public_url,
    )
    store = ArtifactStore(settings.artifacts)
    versioning = settings.worker_versioning
    worker = orchestration_worker(
        client,
        engine,
        store,
        delivery,
        settings.retention,
        deployment=deployment_config(versioning),
    )
    await serve(worker, make_current(client, versioning))


def orchestration_worker(
    client: Client,
    engine: Engine,
    store: ArtifactStore,
    delivery: DeliveryActivities,
    retention: Retention,
    *,
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """The worker of the queue `orchestration`, of this build, and for rounds of any unless
    `deployment` says otherwise."""
    rounds = RoundActivities(engine)
    review = ReviewActivities(engine, store)
    routing = RoutingActivities(engine, store)
    return Worker(
        client,
        task_queue=ORCHESTRATION_QUEUE,
        workflows=[
            RoundWorkflow,
            ReviewShardWorkflow,
            ArchiveWorkflow,
            PreviewWorkflow,
            DeliveryWorkflow,
            RetentionWorkflow,
        ],
        activities=[
            KeyActivities(engine).signing_keys,
            rounds.project_round,
            rounds.close_round,
            review.load_shard,
            review.project_shard,
            review.store_outcomes,
            routing.route_batch,
            routing.route_again,
            ArchiveActivities(engine, store, client).archive_ended_rounds,
            delivery.deliver_due,
            RetentionActivities(engine, retention).apply_retention,
        ],
        activity_executor=ThreadPoolExecutor(MAX_ACTIVITIES),
        max_concurrent_activities=MAX_ACTIVITIES,
        graceful_shutdown_timeout=GRACE,
        interceptors=[ErrorTranslation()],
        workflow_runner=workflow_runner(),
        deployment_config=deployment or deployment_config(Versioning.OFF),
    )


async def ensure_schedules(client: Client) -> None:
    """Creates the schedules of periodic work that do not exist yet."""
    archive = ScheduleActionStartWorkflow(
        ArchiveWorkflow.run, id="archive-sweep", task_queue=ORCHESTRATION_QUEUE
    )
    delivery = ScheduleActionStartWorkflow(
        DeliveryWorkflow.run, id="webhook-delivery", task_queue=ORCHESTRATION_QUEUE
    )
    await _ensure(client, ARCHIVE_SCHEDULE, archive, ARCHIVE_EVERY, ScheduleOverlapPolicy.SKIP)
    await _ensure(
        client, DELIVERY_SCHEDULE, delivery, DELIVERY_EVERY, ScheduleOverlapPolicy.BUFFER_ONE
    )
    retention = ScheduleActionStartWorkflow(
        RetentionWorkflow.run, id="retention", task_queue=ORCHESTRATION_QUEUE
    )
    await _ensure(
        client, RETENTION_SCHEDULE, retention, RETENTION_EVERY, ScheduleOverlapPolicy.SKIP
    )


async def _ensure(
    client: Client,
    name: str,
    action: ScheduleActionStartWorkflow,
    every: timedelta,
    overlap: ScheduleOverlapPolicy,
) -> None:
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=overlap),
    )
    try:
        # At once too, for a first start is when somebody looks.
        await client.create_schedule(name, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        return
