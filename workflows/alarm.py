"""A durable timer for a moment that may move."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.ids import Timestamp


class Alarm:
    """Rings at the moment that it was last set to. A timer is started only when that changes, so
    that each answer of a busy shard does not leave one in its history."""

    def __init__(self) -> None:
        self._moment: Timestamp | None = None
        self._timer: asyncio.Task[None] | None = None

    def set(self, moment: Timestamp | None) -> None:
        """To ring at `moment`; with none it never does."""
        if moment == self._moment and not self._is_over:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._moment, self._timer = moment, None
        if moment is not None:
            left = datetime.fromisoformat(moment) - workflow.now()
            if left > timedelta(0):
                sleep = workflow.sleep(left, summary="reminder, escalation, undo or deadline")
                self._timer = asyncio.create_task(sleep)

    def rings(self, at: Timestamp) -> bool:
        """Whether it is time. A timer may fire a moment early; who is told so sets it again."""
        return self._is_over or (self._moment is not None and self._moment <= at)

    @property
    def _is_over(self) -> bool:
        return self._timer is not None and self._timer.done()
