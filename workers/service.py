"""Runs a worker until the process is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog
from temporalio.worker import Worker

log = structlog.get_logger(__name__)


async def serve(worker: Worker) -> None:
    """Polls for work until SIGTERM or SIGINT, then lets running activities finish or time out."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    log.info("working", task_queue=worker.task_queue)
    async with worker:
        await told.wait()
        log.info("stopping", task_queue=worker.task_queue)
