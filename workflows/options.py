"""How long activities may take and how they are tried again.

Every activity is safe to repeat, so that faults of machines and networks are retried without end:
a round waits for its database rather than fail. Errors that a repetition cannot mend are raised as
non-retryable by the activity itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy

from domain.ids import COMPUTE_QUEUE, ORCHESTRATION_QUEUE

RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=15),
)


class ActivityOptions(TypedDict, total=False):
    task_queue: str
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


LIGHT = ActivityOptions(
    task_queue=ORCHESTRATION_QUEUE,
    start_to_close_timeout=timedelta(seconds=15),
    retry_policy=RETRY,
)
"""A few statements against the database.

They do not heartbeat, so this is also how long people wait when a worker dies in the middle of one.
"""

BULK = ActivityOptions(
    task_queue=ORCHESTRATION_QUEUE,
    start_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=timedelta(seconds=20),
    retry_policy=RETRY,
)
"""A row for each record of a batch: too many for the time of a light one, so it heartbeats."""

HEAVY = ActivityOptions(
    task_queue=COMPUTE_QUEUE,
    start_to_close_timeout=timedelta(hours=4),
    heartbeat_timeout=timedelta(seconds=20),
    retry_policy=RETRY,
)
"""Passes over data. A heartbeat that stays out means a dead worker, and another one goes on."""
