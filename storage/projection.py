"""What a shard has decided, written into the read model in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.tasks import Projection
from storage.reviews import project_outcomes, project_reviews
from storage.tasks import close_tasks, extend_deadline, open_tasks


def project_shard(connection: Connection, projection: Projection) -> None:
    """Opens and closes tasks, writes reviews and outcomes. Repeating it changes nothing.

    Reviews come before closings: a task that was answered is done, not closed.
    """
    round_id, shard, at = projection.round_id, projection.shard, projection.at
    open_tasks(
        connection,
        round_id=round_id,
        shard=shard,
        openings=projection.opened,
        deadline=projection.deadline,
        at=at,
    )
    project_reviews(connection, round_id=round_id, shard=shard, decided=projection.reviews)
    close_tasks(connection, projection.closed, at=at)
    project_outcomes(
        connection, round_id=round_id, shard=shard, outcomes_=projection.outcomes, at=at
    )
    extend_deadline(connection, round_id=round_id, shard=shard, deadline=projection.deadline)
