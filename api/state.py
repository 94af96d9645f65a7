"""What every route may reach: settings, database, Temporal, the keys, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, Engine

from api.temporal import Temporal
from domain.ids import Timestamp
from storage import database
from storage.artifacts import ArtifactStore
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

    async def in_transaction(self, work: Callable[[Connection], _Answer]) -> _Answer:
        """What `work` returns, done in one transaction on a thread: the event loop stays free.

        Raises DatabaseUnavailable.
        """

        def within() -> _Answer:
            with database.transaction(self.engine) as connection:
                return work(connection)

        return await run_in_threadpool(within)


def state_of(request: Request) -> State:
    state: State = request.app.state.labelwright
    return state


Parts = Annotated[State, Depends(state_of)]


def now() -> Timestamp:
    return Timestamp(datetime.now(UTC).isoformat(timespec="microseconds"))
