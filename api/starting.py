"""What an API process does beside answering: it makes the key known that it signs with, starts the
rounds that were written down and not started, and puts the policies in place that come with the
product.

A process died between the two, or Temporal was away. Any number of API processes may do so at once:
a round starts once, and a policy is put in place once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy.exc import ProgrammingError
from temporalio.service import RPCError

from api.policies import ready_made
from api.state import State
from domain.errors import Unavailable
from storage import rounds, signing_keys
from storage.visibility import is_enforced

EVERY_SECONDS = 5.0
OLDER_THAN = timedelta(seconds=10)
"""Younger ones are being started by the request that wrote them down."""

AT_ONCE = 20
_log = structlog.get_logger(__name__)


async def make_key_known(state: State) -> None:
    """Once, as soon as the database answers and has its tables. Raises Conflict for a retired key,
    with which no process of the API may go on."""
    while True:
        try:
            await state.in_transaction(
                lambda connection: signing_keys.make_known(connection, state.signer.public_key)
            )
        except (Unavailable, ProgrammingError) as error:
            _log.warning("the signing key waits for the database", error=str(error))
            await asyncio.sleep(EVERY_SECONDS)
        else:
            return


async def put_policies_in_place(state: State) -> None:
    """Once, as soon as the database answers and has its tables."""
    while True:
        try:
            await state.in_transaction(ready_made.put_in_place)
        except (Unavailable, ProgrammingError) as error:
            _log.warning("the ready-made policies wait for the database", error=str(error))
            await asyncio.sleep(EVERY_SECONDS)
        else:
            break
    if not await state.in_transaction(is_enforced):
        _log.warning("row-level security is not in effect: labelwright doctor says what mends it")


async def start_written_rounds(state: State) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await start_waiting(state, older_than=OLDER_THAN)
        except (Unavailable, RPCError) as error:
            _log.warning("rounds wait to be started", error=str(error))


async def start_waiting(state: State, *, older_than: timedelta) -> int:
    """Starts what waits and says how many there were. Raises Unavailable."""
    waiting = await state.in_transaction(
        lambda connection: rounds.never_started(connection, older_than=older_than, limit=AT_ONCE)
    )
    for round_ in waiting:
        await state.temporal.start_round(round_.plan)
        _log.info("started a round that was written down", round_id=round_.round_id)
    return len(waiting)
