"""The orchestration worker: workflows, and the light activities that they wait for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

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
from temporalio.worker import Worker

from activities.archive import ArchiveActivities
from activities.errors import ErrorTranslation
from activities.review import ReviewActivities
from activities.rounds import RoundActivities
from activities.routing import RoutingActivities
from domain.ids import ORCHESTRATION_QUEUE
from storage.artifacts import ArtifactStore
from storage.database import engine as connect_database
from workers.client import connect_patiently
from workers.sandbox import workflow_runner
from workers.service import serve
from workers.settings import Settings
from workflows.archive import ArchiveWorkflow
from workflows.rounds import RoundWorkflow
from workflows.shards import ReviewShardWorkflow

MAX_ACTIVITIES = 16
GRACE = timedelta(seconds=10)
"""For running activities to finish in when the process is told to stop."""

ARCHIVE_SCHEDULE = "archive-sweep"
ARCHIVE_EVERY = timedelta(minutes=1)


async def run(settings: Settings) -> None:
    """Works until the process is told to stop, then finishes what it has begun."""
    client = await connect_patiently(settings)
    await ensure_archive_schedule(client)
    engine = connect_database(settings.database_url)
    await serve(orchestration_worker(client, engine, ArtifactStore(settings.artifacts)))


def orchestration_worker(client: Client, engine: Engine, store: ArtifactStore) -> Worker:
    """The worker of the queue `orchestration`."""
    rounds = RoundActivities(engine)
    review = ReviewActivities(engine, store)
    routing = RoutingActivities(engine, store)
    return Worker(
        client,
        task_queue=ORCHESTRATION_QUEUE,
        workflows=[RoundWorkflow, ReviewShardWorkflow, ArchiveWorkflow],
        activities=[
            rounds.project_round,
            rounds.close_round,
            review.load_shard,
            review.project_shard,
            review.store_outcomes,
            routing.route_batch,
            routing.route_again,
            ArchiveActivities(engine, store, client).archive_ended_rounds,
        ],
        activity_executor=ThreadPoolExecutor(MAX_ACTIVITIES),
        max_concurrent_activities=MAX_ACTIVITIES,
        graceful_shutdown_timeout=GRACE,
        interceptors=[ErrorTranslation()],
        workflow_runner=workflow_runner(),
    )


async def ensure_archive_schedule(client: Client) -> None:
    """Creates the schedule of the archive sweep where it does not exist yet."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ArchiveWorkflow.run, id="archive-sweep", task_queue=ORCHESTRATION_QUEUE
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=ARCHIVE_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(ARCHIVE_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:
        return
