"""Where records must not be named at all."""

from __future__ import annotations

from domain.ids import round_workflow_id
from storage import rounds
from tests.api.team import Team, start_reviewing

TEMPORALS_OWN = {"BuildIds", "TemporalWorkflowVersioningBehavior"}
"""What the server itself notes of workers."""


async def test_temporal_is_given_nothing_to_search_rounds_by(team: Team) -> None:
    """Search attributes and memos are neither encrypted nor guarded."""
    reviewing = await start_reviewing(team)
    with team.state.engine.begin() as connection:
        plan = rounds.get_round(connection, reviewing.round_id).plan
    await team.state.temporal.start_round(plan)
    client = await team.state.temporal.client()
    handle = client.get_workflow_handle(round_workflow_id(reviewing.round_id))
    description = await handle.describe()
    assert await description.memo() == {}
    named = {pair.key.name for pair in description.typed_search_attributes}
    assert named <= TEMPORALS_OWN
    await handle.terminate()
