"""Policies in the database: approved once and by another person, and those of the product."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, update
from sqlalchemy.exc import IntegrityError

from domain.accounts import PRODUCT, RELEASE, Role
from domain.errors import DutiesNotSeparate, InvalidPolicy, NotFound, PolicyNotApproved
from domain.ids import AccountId
from domain.policy import SamplingPolicy
from storage import accounts, policies
from storage.policies import GovernedPolicy
from storage.tables import policies as table
from tests.storage.samples import plan

ANN, BOB = AccountId("acc-ann"), AccountId("acc-bob")
POLICY = plan().policy


def put(connection: Connection, policy: SamplingPolicy = POLICY) -> GovernedPolicy:
    return policies.put_policy(connection, policy, ANN, source="# why\n")


def approve(connection: Connection, version: int, by: AccountId = BOB) -> GovernedPolicy:
    return policies.approve_policy(connection, "plain", version, approver=by, reason="good")


def test_a_version_waits_until_another_person_approves_it(connection: Connection) -> None:
    assert put(connection).approval is None
    with pytest.raises(PolicyNotApproved, match="plain@1 waits"):
        policies.get_approved(connection, "plain")
    with pytest.raises(DutiesNotSeparate):
        approve(connection, 1, by=ANN)
    approved = approve(connection, 1)
    assert approved.approval is not None
    assert (approved.approval.account_id, approved.approval.reason) == (BOB, "good")
    assert policies.get_approved(connection, "plain") == approved
    assert approve(connection, 1, by=AccountId("acc-eve")) == approved


def test_the_database_lets_no_author_approve(connection: Connection) -> None:
    put(connection)
    values = {"approved_by": ANN, "approved_at": plan().requested_at, "approval_reason": "mine"}
    with pytest.raises(IntegrityError, match="approved_by_another_than_the_author"):
        connection.execute(update(table).values(values))


def test_the_database_wants_an_approval_whole(connection: Connection) -> None:
    put(connection)
    with pytest.raises(IntegrityError, match="approval_with_time_and_reason"):
        connection.execute(update(table).values(approved_by=BOB))


def test_the_latest_approved_version_is_the_one_to_go_by(connection: Connection) -> None:
    put(connection)
    approve(connection, 1)
    put(connection, replace(POLICY, batch_size=5))
    assert policies.get_policy(connection, "plain").policy.version == 2
    assert policies.get_approved(connection, "plain").policy.version == 1
    with pytest.raises(PolicyNotApproved):
        policies.get_approved(connection, "plain", 2)
    assert [each.policy.version for each in policies.list_approved(connection)] == [1]
    approve(connection, 2)
    assert policies.get_approved(connection, "plain").policy.batch_size == 5
    assert [each.policy.version for each in policies.list_approved(connection)] == [2]
    with pytest.raises(NotFound, match="policy “plain@3”"):
        policies.get_approved(connection, "plain", 3)


def test_versions_are_listed_newest_first_with_their_people(connection: Connection) -> None:
    ann = accounts.create_account(connection, name="ann", roles={Role.REQUESTER})
    for size in (1, 2, 3):
        wanted = replace(POLICY, batch_size=size)
        policies.put_policy(connection, wanted, ann.account_id, source="")
    found = policies.list_versions(connection, "plain")
    assert [each.policy.batch_size for each in found] == [3, 2, 1]
    assert {each.author_name for each in found} == {"ann"}
    older = policies.list_versions(connection, "plain", before=3, limit=1)
    assert [each.policy.version for each in older] == [2]


def test_what_cannot_be_followed_is_not_stored(connection: Connection) -> None:
    with pytest.raises(InvalidPolicy):
        put(connection, replace(POLICY, batch_size=0))
    with pytest.raises(NotFound):
        policies.get_policy(connection, "plain")


# -- those that come with the product ---------------------------------------------------------


def ship(connection: Connection, policy: SamplingPolicy = POLICY) -> GovernedPolicy:
    policies.put_ready_made(connection, policy, source="# shipped\n")
    return policies.get_policy(connection, "plain")


def test_a_ready_made_policy_is_put_in_place_once(connection: Connection) -> None:
    first = ship(connection)
    assert (first.author, first.author_name) == (PRODUCT, "labelwright")
    assert first.approval is not None
    assert first.approval.account_id == RELEASE
    assert ship(connection) == first
    later = ship(connection, replace(POLICY, batch_size=9))
    assert later.policy.version == 2
    assert later.approval is not None
    assert ship(connection, replace(POLICY, batch_size=9)) == later


def test_a_later_release_does_not_take_the_place_of_what_a_team_decided(
    connection: Connection,
) -> None:
    ship(connection)
    put(connection, replace(POLICY, batch_size=5))
    approve(connection, 2)
    waiting = ship(connection, replace(POLICY, batch_size=9))
    assert (waiting.policy.version, waiting.approval) == (3, None)
    assert policies.get_approved(connection, "plain").policy.batch_size == 5
    assert ship(connection, replace(POLICY, batch_size=9)) == waiting
    assert approve(connection, 3, by=ANN).approval is not None


def test_processes_that_start_at_once_put_one_version_in_place(engine: Engine) -> None:
    def start(_number: int) -> int:
        with engine.begin() as connection:
            return ship(connection).policy.version

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(start, range(4))) == {1}
