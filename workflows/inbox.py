"""What people have decided and the round has not settled yet, in the order of its coming in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from temporalio import workflow

Decision = TypeVar("Decision")
Waiting = TypeVar("Waiting")


class Inbox(Generic[Decision, Waiting]):
    """Decisions of one kind, each of which is settled once.

    `settle` is told the decision and what waits for one, if anything does; it writes the decision
    down, and says whether it counts.
    """

    def __init__(self, settle: Callable[[Decision, Waiting | None], bool]) -> None:
        self._settle = settle
        self._unsettled: list[Decision] = []

    def add(self, decision: Decision) -> None:
        self._unsettled.append(decision)

    async def first(self, waiting: Waiting) -> Decision:
        """The first decision that counts, however long it takes."""
        while True:
            await workflow.wait_condition(lambda: bool(self._unsettled))
            decision = self._unsettled.pop(0)
            if self._settle(decision, waiting):
                return decision

    def refuse(self) -> None:
        """Settles those that came when nothing waited for them."""
        unsettled, self._unsettled = self._unsettled, []
        for decision in unsettled:
            self._settle(decision, None)
