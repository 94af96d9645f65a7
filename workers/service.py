"""Runs a worker until the process is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine

import structlog
from temporalio.worker import Worker

log = structlog.get_logger(__name__)


async def serve(worker: Worker, once_polling: Coroutine[None, None, None] | None = None) -> None:
    """Polls for work until SIGTERM or SIGINT, then lets running activities finish or time out.

    `once_polling` is done meanwhile; the worker stops with its error if it raises one.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    log.info("working", task_queue=worker.task_queue)
    async with worker:
        await _until(told, once_polling)
        log.info("stopping", task_queue=worker.task_queue)


async def _until(told: asyncio.Event, beside: Coroutine[None, None, None] | None) -> None:
    if beside is None:
        await told.wait()
        return
    doing, waiting = asyncio.create_task(beside), asyncio.create_task(told.wait())
    await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if doing.done():
        doing.result()
        await waiting
    else:
        doing.cancel()
