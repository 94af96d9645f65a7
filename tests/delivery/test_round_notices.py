"""What a round's phases say, to whom, and that saying it again says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from activities.rounds import CloseRound, RoundActivities, RoundProjection
from domain.accounts import Role
from domain.canonical import Sha256
from domain.ids import AccountId, RoundId, Timestamp
from domain.rounds import Phase
from storage import accounts, notices, rounds
from storage.database import engine as connect
from tests.storage.samples import NOON, make_pool, plan

ROUND = RoundId("r1")


class People:
    """One account of each role that is told something, and what is in their inboxes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.activities = RoundActivities(engine)
        with engine.begin() as connection:
            self._ids = {
                role: accounts.create_account(connection, name=role, roles={role}).account_id
                for role in (Role.APPROVER, Role.ADMIN, Role.REVIEWER)
            }

    def inbox(self, role: Role) -> list[notices.InboxNotice]:
        with self._engine.connect() as connection:
            return notices.inbox(connection, AccountId(self._ids[role]))

    def show(self, phase: Phase, *, minute: int = 0, **facts: Any) -> None:
        """Projects the phase, twice, as a retried activity does."""
        projection = RoundProjection(
            round_id=ROUND,
            phase=phase,
            at=Timestamp(NOON.replace("12:00", f"12:{minute:02}")),
            summary=facts.get("summary", {}),
            awaiting=facts.get("awaiting"),
        )
        for _ in range(2):
            self.activities.project_round(projection)

    def end(self, phase: Phase, failure: dict[str, object] | None) -> None:
        """As a workflow does that is spoken to in its last moment: again, with a longer ledger."""
        for length in (3, 4):
            self.activities.close_round(
                CloseRound(
                    round_id=ROUND,
                    phase=phase,
                    at=NOON,
                    ledger_head=Sha256("c" * 64),
                    ledger_length=length,
                    failure=failure,
                )
            )


@pytest.fixture
def people(database: str) -> Iterator[People]:
    engine = connect(database)
    make_pool(engine)
    with engine.begin() as connection:
        rounds.create_round(connection, plan())
    yield People(engine)
    engine.dispose()


def test_approvers_are_told_once_that_a_batch_is_held_and_again_of_the_next_one(
    people: People,
) -> None:
    held = {"who": "approver", "batch_digest": "abc", "failed_gates": [{}, {}]}
    people.show(Phase.CHECKING, minute=1, awaiting=held)
    people.show(Phase.SELECTING, minute=2)
    people.show(Phase.CHECKING, minute=3, awaiting=held | {"failed_gates": []})
    second, first = people.inbox(Role.APPROVER)
    assert first.text == (
        "The batch of round r1 failed 2 of its policy’s gates, "
        "and waits for an approver’s decision."
    )
    assert "falls short of its policy" in second.text
    assert people.inbox(Role.REVIEWER) == people.inbox(Role.ADMIN) == []


def test_approvers_are_told_of_a_dataset_with_its_size(people: People) -> None:
    people.show(
        Phase.APPROVAL,
        awaiting={"who": "approver", "dataset_digest": "abc"},
        summary={"candidate": {"records": 1_234}},
    )
    [notice] = people.inbox(Role.APPROVER)
    assert notice.text == "Dataset tickets of round r1, 1,234 records, waits for approval."


def test_admins_are_told_that_a_round_failed_and_why(people: People) -> None:
    people.end(Phase.FAILED, {"code": "empty_pool", "message": "the pool is empty."})
    [notice] = people.inbox(Role.ADMIN)
    assert notice.text == "Round r1 failed: the pool is empty."
    assert notice.detail == {"phase": "failed", "code": "empty_pool"}


def test_admins_are_not_told_of_a_round_that_went_well(people: People) -> None:
    people.end(Phase.CLOSED, None)
    assert people.inbox(Role.ADMIN) == []
