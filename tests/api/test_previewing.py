"""Previews over HTTP, where nobody works them off."""

from __future__ import annotations

import asyncio

from api.temporal import MOST_PREVIEWS
from tests.api.team import Team, add_policy, code, define

PREVIEWS = "/api/v1/policies/weekly/1/previews"


async def test_only_so_many_previews_are_worked_on_at_once(team: Team) -> None:
    define(team)
    await add_policy(team, approved=False)
    started: list[str] = []
    client = await team.state.temporal.client()
    try:
        # Temporal may count the last few late.
        for _ in range(MOST_PREVIEWS + 20):
            answer = await team.requester.post(PREVIEWS, json={"pool": "mail"})
            if answer.status_code != 202:
                break
            started.append(answer.json()["preview_id"])
            await asyncio.sleep(0.2)
        assert len(started) >= MOST_PREVIEWS
        assert code(answer) == "too_many_previews"
        assert answer.json()["hint"] == "wait until one is done"
        waiting = await team.requester.get(f"{PREVIEWS}/mail/{started[0]}")
        assert waiting.json()["done"] is False
    finally:
        for preview_id in started:
            handle = client.get_workflow_handle(f"preview/weekly@1/mail/{preview_id}")
            await handle.terminate("a test")
