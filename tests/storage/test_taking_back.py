"""What a shard takes back, the read model takes back too, however late a projection comes again."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from domain.directing import Direction
from domain.tasks import TaskKind
from storage import reviews
from storage.claims import claim_named
from storage.projection import project_shard
from storage.tables import participations, tasks
from tests.storage.samples import LEASE
from tests.storage.shard_in_tables import RECORDS, Projected, task


def test_an_answer_that_is_taken_back_leaves_the_task_with_its_author(
    projected: Projected,
) -> None:
    ann = projected.accounts[0]
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.review(0, 0, 0, "billing")
    projected.project()
    projected.undo(0, 0, "0/review-0/0")
    projected.project()
    row = projected.connection.execute(select(tasks).where(tasks.c.task_id == task(0, 0))).one()
    assert (row.status, row.holder, row.review_id) == ("claimed", ann, None)
    [review] = reviews.reviews_of(projected.connection, projected.shard.rules.round_id)
    assert (review.status, review.retracted_at) == ("undone", projected.at)
    projected.check()


def test_who_took_an_answer_back_keeps_their_part_in_the_record(projected: Projected) -> None:
    ann = projected.accounts[0]
    claim_named(projected.connection, ann, task(0, 0), LEASE)
    projected.review(0, 0, 0, "billing")
    projected.project()
    projected.undo(0, 0, "0/review-0/0")
    projected.project()
    parts = projected.connection.scalars(
        select(participations.c.part).where(participations.c.account_id == ann)
    )
    assert parts.all() == [TaskKind.REVIEW]


@pytest.mark.parametrize("seed", range(8))
def test_after_anything_in_any_order_the_tables_say_what_the_shard_says(
    projected: Projected, seed: int
) -> None:
    """Now and then an earlier projection comes again, as from an attempt that was given up."""
    chance = random.Random(seed)
    given: list[tuple[int, int, str]] = []
    for _ in range(60):
        ordinal, slot, who = chance.randrange(RECORDS), chance.randrange(3), chance.randrange(4)
        label = chance.choice(["billing", "other"])
        named = f"{len(projected.shard.state.seen)}"
        match chance.choice("rrrrraauuuucextdd"):
            case "r":
                projected.review(ordinal, slot, who, label, review_id=named)
                given.append((ordinal, who, named))
            case "a":
                projected.adjudicate(ordinal, who, label)
                given.append((ordinal, who, f"{ordinal}/adjudication/{who}"))
            case "u" if given:
                projected.undo(*chance.choice(given))
            case "c" if given:
                ordinal, who, earlier = chance.choice(given)
                projected.review(ordinal, slot, who, label, review_id=named, corrects=earlier)
                given.append((ordinal, who, named))
            case "e":
                projected.extend()
            case "d":
                projected.direct(ordinal, slot, chance.choice(list(Direction)), who)
            case "t":
                projected.rest(chance.choice([10.0, 120.0, 600.0]))
        if chance.random() < 0.6:
            projected.project()
            before = projected.rows()
            project_shard(projected.connection, chance.choice(projected.projections))
            assert projected.rows() == before
            projected.check()
