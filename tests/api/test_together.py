"""Calls that come at the same time are answered together, each with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from api.together import Together
from tests.api.team import Team


class Doubling:
    """Doubles numbers, when it is let; refuses every batch with a 13 in it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.let = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.let.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


async def test_what_comes_during_a_call_is_answered_by_the_next_one() -> None:
    doubling = Doubling()
    together = Together(doubling)
    first = asyncio.create_task(together.answer(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(together.answer(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    assert doubling.batches == [[1]]

    doubling.let.set()

    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert doubling.batches == [[1], [2, 3, 4]]
    assert await together.answer(5) == 10


async def test_an_error_reaches_those_who_asked_together_and_nobody_else() -> None:
    doubling = Doubling()
    doubling.let.set()
    together = Together(doubling)
    answers = await asyncio.gather(together.answer(12), together.answer(13), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]
    assert await together.answer(14) == 28


async def test_who_goes_away_leaves_the_others_their_answers() -> None:
    doubling = Doubling()
    together = Together(doubling)
    gone, stays = (asyncio.create_task(together.answer(number)) for number in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    doubling.let.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_requests_that_come_together_are_each_their_own_callers(team: Team) -> None:
    stranger = team.client(Authorization="Bearer lw_nobody")
    members = [team.rita, team.ravi, team.ada, stranger, team.approver, team.nobody] * 3

    answers = await asyncio.gather(*(each.get("/api/v1/me") for each in members))

    names = [answer.json().get("name", answer.status_code) for answer in answers]
    assert names == ["rita", "ravi", "ada", 401, "approver", 401] * 3


async def test_a_role_that_is_taken_away_counts_at_the_next_request(team: Team) -> None:
    account = team.accounts["rita"].account_id
    assert (await team.rita.post("/api/v1/tasks/claim", json={})).status_code == 200
    changed = await team.admin.patch(f"/api/v1/accounts/{account}", json={"roles": ["auditor"]})
    assert changed.status_code == 200, changed.text
    assert (await team.rita.post("/api/v1/tasks/claim", json={})).status_code == 403
