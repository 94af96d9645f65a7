"""What a shard has decided, written into the read model in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.gold import Paused
from domain.round_notices import outcomes_changed
from domain.tasks import Projection
from storage.directing import lock_delegates, project_directions
from storage.gold import judge_reviewers
from storage.notices import tell
from storage.reviews import project_outcomes, project_reviews, withdraw_outcomes
from storage.tasks import close_tasks, open_tasks
from storage.waiting import hurry, move_deadlines, waiting_records


def project_shard(
    connection: Connection, projection: Projection, *, announce: bool = True
) -> list[Paused]:
    """Opens and closes tasks, writes reviews and outcomes, tells whom they concern. Repeating it
    changes nothing.

    Reviews come before closings: a task that was answered is done, not closed. Outcomes come after
    closings: no task of a record that is settled waits for anybody. Returns who is paused anew.
    `announce` is left out where it was told before.
    """
    round_id, shard, at = projection.round_id, projection.shard, projection.at
    lock_delegates(connection, projection.directed)
    open_tasks(
        connection,
        round_id=round_id,
        shard=shard,
        openings=projection.opened,
        at=at,
        look=projection.look,
    )
    project_reviews(
        connection,
        round_id=round_id,
        shard=shard,
        decided=projection.reviews,
        retracted=projection.retracted,
        at=at,
    )
    # After reviews: what was answered is not handed on.
    directed = project_directions(connection, projection.directed, round_id=round_id, shard=shard)
    close_tasks(connection, projection.closed, at=at)
    withdraw_outcomes(
        connection, projection.withdrawn, round_id=round_id, look=projection.look, at=at
    )
    # One that comes late, a second time, concludes nothing that was withdrawn since.
    waiting = waiting_records(
        connection,
        [outcome.record_id for outcome in projection.outcomes],
        round_id=round_id,
        shard=shard,
    )
    project_outcomes(
        connection,
        round_id=round_id,
        shard=shard,
        outcomes_=[each for each in projection.outcomes if each.record_id not in waiting],
        at=at,
    )
    move_deadlines(connection, round_id=round_id, shard=shard, moved=projection.deadlines)
    hurry(connection, round_id=round_id, shard=shard, urgencies=projection.urgencies)
    paused = judge_reviewers(connection, projection)
    changed = outcomes_changed(
        shard, withdrawn=projection.withdrawn, reached=projection.outcomes, at=at
    )
    if announce:
        tell(connection, [*projection.notices, *directed, *changed], round_id=round_id, at=at)
    return paused
