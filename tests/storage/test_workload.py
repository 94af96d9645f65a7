"""What reviewers have before them and behind them is what the tables say."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.accounts import Role
from storage import accounts
from storage.claims import claim_named
from storage.workload import Workload, workloads
from tests.storage.samples import LEASE
from tests.storage.shard_in_tables import Projected, task


def behind(world: Projected, at: datetime) -> dict[str, Workload]:
    return {each.account_id: each for each in workloads(world.connection, at=at)}


def test_only_answers_that_stand_are_counted_and_only_of_the_last_days(
    projected: Projected,
) -> None:
    ann, ben = projected.accounts[:2]
    projected.review(0, 0, 0, "billing")
    projected.review(1, 0, 0, "billing")
    projected.review(0, 0, 1, "shipping")  # that slot is taken
    projected.project()
    now = datetime.fromisoformat(projected.at)
    found = behind(projected, now)
    assert (found[ann].today, found[ann].week, found[ann].median_seconds) == (2, 2, 1.0)
    assert (found[ben].today, found[ben].week, found[ben].median_seconds) == (0, 0, None)
    tomorrow = behind(projected, now + timedelta(days=1))[ann]
    assert (tomorrow.today, tomorrow.week) == (0, 2)
    later = behind(projected, now + timedelta(days=8))[ann]
    assert (later.today, later.week, later.median_seconds) == (0, 0, None)


def test_what_somebody_holds_is_counted_and_since_when_it_is_open(projected: Projected) -> None:
    ann, ben = projected.accounts[:2]
    for ordinal in (0, 1):
        claim_named(projected.connection, ann, task(ordinal, 0), LEASE)
    found = behind(projected, datetime.fromisoformat(projected.at))
    assert (found[ann].held, found[ann].oldest_held) == (2, projected.task(0, 0).opened_at)
    assert (found[ben].held, found[ben].oldest_held) == (0, None)


def test_whoever_judges_nothing_or_is_shut_out_is_not_listed(projected: Projected) -> None:
    connection, ann = projected.connection, projected.accounts[0]
    lead = accounts.create_account(connection, name="Lea", roles={Role.REQUESTER}).account_id
    accounts.disable(connection, ann)
    found = behind(projected, datetime.fromisoformat(projected.at))
    assert set(found) == set(projected.accounts[1:])
    assert lead not in found
