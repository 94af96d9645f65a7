"""What every route may reach: settings, database, Temporal, the keys, the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, Engine

from api.oidc.provider import Provider
from api.temporal import Temporal
from api.together import Together
from domain.ids import ReviewId, Timestamp
from storage import database, submissions
from storage.artifacts import ArtifactStore
from storage.visibility import as_system
from workers.sealing import Sealer
from workers.settings import Settings
from workers.signing import Signer

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class State:
    settings: Settings
    engine: Engine
    store: ArtifactStore
    temporal: Temporal
    signer: Signer
    sealer: Sealer
    provider: Provider | None
    """The identity provider; none where people sign in with one-time passwords alone."""
    acknowledgements: Together[ReviewId, None] = field(init=False)
    """Notes that Temporal has a review, before its 202."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "acknowledgements", Together(self._acknowledge))

    async def in_transaction(self, work: Callable[[Connection], _Answer]) -> _Answer:
        """What `work` returns, done in one transaction on a thread: the event loop stays free.

        It sees the records that whoever asks may see, and acts in their name. Raises
        DatabaseUnavailable.
        """

        def within() -> _Answer:
            with database.transaction(self.engine) as connection:
                return work(connection)

        return await run_in_threadpool(within)

    async def _acknowledge(self, review_ids: Sequence[ReviewId]) -> Sequence[None]:
        # For many callers at once, so for none of them.
        with as_system():
            await self.in_transaction(
                lambda connection: submissions.acknowledge(connection, review_ids)
            )
        return [None] * len(review_ids)


async def state_of(request: Request) -> State:
    state: State = request.app.state.labelwright
    return state


Parts = Annotated[State, Depends(state_of)]


def now() -> Timestamp:
    return Timestamp(datetime.now(UTC).isoformat(timespec="microseconds"))
