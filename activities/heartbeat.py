"""Keeps an activity's heart beating while a library works that cannot do it by itself."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from temporalio import activity

EVERY_SECONDS = 4.0


@contextmanager
def beating(details: Callable[[], Sequence[object]] = tuple) -> Iterator[None]:
    """Heartbeats from a thread beside the work; a killed process stops it at once.

    `details` is what each beat carries, for the attempt after it.
    """
    if not activity.in_activity():
        yield
        return
    done = threading.Event()

    def beat() -> None:
        while not done.wait(EVERY_SECONDS):
            activity.heartbeat(*details())

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(beat,), daemon=True, name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
