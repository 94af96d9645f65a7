"""Calls that come at the same time, answered together: one transaction for many requests."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST = 100
"""Items in one call."""


class Together(Generic[Item, Answer]):
    """Hands items to `answer_all` as a list, as soon as no earlier call is under way.

    Nothing waits for company: a lone item is answered at once. What comes while a call is under
    way is answered by the next one, so that the busier the process, the less each item costs.
    `answer_all` gives an answer for each item, in order; what it raises, all of them raise.
    """

    def __init__(self, answer_all: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._answering: asyncio.Task[None] | None = None

    async def answer(self, item: Item) -> Answer:
        """Raises what `answer_all` raises."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._answering is None:
            # In a context of its own: nobody is answered in the name of whoever came first.
            self._answering = asyncio.create_task(
                self._answer_waiting(), context=contextvars.Context()
            )
        return await answer

    async def _answer_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._answer_all([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - raised again in each request
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        self._answering = None
