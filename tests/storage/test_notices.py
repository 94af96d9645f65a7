"""Inboxes: who is told, once, and what only they can read."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, select

from domain.accounts import Role
from domain.errors import NotFound
from domain.ids import AccountId, RoundId
from domain.notices import Audience, Notice, NoticeKind
from domain.profiles import Profile
from domain.routing import Lane, Requirement
from storage import accounts, lanes, notices, profiles
from storage.notices import tell
from storage.tables import events
from storage.tables import notices as notices_table
from tests.storage.samples import NOON, make_round, person, schema

ROUND = RoundId("r1")


def said(name: str = "n1", **audience: object) -> Notice:
    return Notice(
        notice_id=name,
        kind=NoticeKind.DEADLINE_NEAR,
        audience=Audience(**audience),  # type: ignore[arg-type]
        subject="shard 0",
        text=f"Notice {name}.",
        detail={"tasks": 3},
    )


@pytest.fixture
def connection(engine: Engine, connection: Connection) -> Connection:
    make_round(engine)
    return connection


def texts(connection: Connection, account_id: AccountId) -> list[str]:
    return [each.text for each in notices.inbox(connection, account_id)]


def test_accounts_roles_and_lanes_add_up_and_nobody_is_told_twice(connection: Connection) -> None:
    rita = person(connection, "rita")
    owner = accounts.create_account(connection, name="owner", roles={Role.APPROVER})
    other = accounts.create_account(connection, name="other", roles={Role.AUDITOR})
    notice = said(accounts=(rita.account_id,), roles=("approver",), lanes=(0,))
    tell(connection, [notice], round_id=ROUND, at=NOON)
    assert texts(connection, rita.account_id) == ["Notice n1."]
    assert texts(connection, owner.account_id) == ["Notice n1."]
    assert texts(connection, other.account_id) == []


def test_a_lane_names_those_who_bring_what_it_demands(connection: Connection) -> None:
    rita, ravi = person(connection, "rita").account_id, person(connection, "ravi").account_id
    german = Requirement(languages=("de",))
    lanes.put_lanes(connection, ROUND, [Lane(number=1, requirement=german)], schema=schema().name)
    profile = Profile(account_id=rita, languages=("de",))
    profiles.put_profile(connection, profile, changed_by=ravi, reason="speaks it")
    tell(connection, [said(lanes=(1,))], round_id=ROUND, at=NOON)
    assert len(texts(connection, rita)) == 1
    assert texts(connection, ravi) == []


def test_saying_it_twice_tells_it_once_and_another_round_is_another_occurrence(
    connection: Connection,
) -> None:
    rita = person(connection, "rita")
    notice = said(accounts=(rita.account_id,))
    for round_id in (ROUND, ROUND, None):
        tell(connection, [notice], round_id=round_id, at=NOON)
    assert len(texts(connection, rita.account_id)) == 2


def test_who_is_shut_out_is_told_nothing(connection: Connection) -> None:
    rita = person(connection, "rita")
    accounts.disable(connection, rita.account_id)
    notice = said(accounts=(rita.account_id,), roles=("reviewer",), lanes=(0,))
    tell(connection, [notice], round_id=ROUND, at=NOON)
    assert texts(connection, rita.account_id) == []


def test_what_nobody_is_told_is_not_kept(connection: Connection) -> None:
    tell(connection, [said()], round_id=ROUND, at=NOON)
    assert connection.execute(select(notices_table)).all() == []
    assert connection.execute(select(events)).all() == []


def test_pages_follow_each_other_from_the_newest_on(connection: Connection) -> None:
    rita = person(connection, "rita").account_id
    for number in range(5):
        tell(connection, [said(f"n{number}", accounts=(rita,))], round_id=ROUND, at=NOON)
    first = notices.inbox(connection, rita, limit=2)
    assert [each.text for each in first] == ["Notice n4.", "Notice n3."]
    rest = notices.inbox(connection, rita, after=first[-1].notice_id)
    assert [each.text for each in rest] == ["Notice n2.", "Notice n1.", "Notice n0."]


def test_reading_marks_what_was_named_or_what_was_seen(connection: Connection) -> None:
    rita = person(connection, "rita").account_id
    for number in range(4):
        tell(connection, [said(f"n{number}", accounts=(rita,))], round_id=ROUND, at=NOON)
    newest, second, *_ = notices.inbox(connection, rita)
    assert notices.unread(connection, rita) == 4
    notices.mark_read(connection, rita, [newest.notice_id])
    notices.mark_read(connection, rita, [newest.notice_id])
    assert notices.unread(connection, rita) == 3
    tell(connection, [said("late", accounts=(rita,))], round_id=ROUND, at=NOON)
    notices.mark_read_through(connection, rita, second.notice_id)
    assert [each.text for each in notices.inbox(connection, rita) if not each.read_at] == [
        "Notice late."
    ]


def test_another_persons_notice_is_not_there(connection: Connection) -> None:
    rita, ravi = person(connection, "rita").account_id, person(connection, "ravi").account_id
    tell(connection, [said("hers", accounts=(rita,))], round_id=ROUND, at=NOON)
    tell(connection, [said("his", accounts=(ravi,))], round_id=ROUND, at=NOON)
    [hers], [his] = notices.inbox(connection, rita), notices.inbox(connection, ravi)
    with pytest.raises(NotFound):
        notices.get_notice(connection, ravi, hers.notice_id)
    with pytest.raises(NotFound):
        notices.mark_read(connection, ravi, [his.notice_id, hers.notice_id])
    with pytest.raises(NotFound):
        notices.mark_read_through(connection, ravi, hers.notice_id)
    assert notices.unread(connection, rita) == notices.unread(connection, ravi) == 1
