"""What is forgotten in time, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, Table, func, insert, select, update

from activities.retention import apply_retention
from domain.accounts import Role
from domain.ids import AccountId, RoundId, Timestamp
from domain.notices import Audience, Notice, NoticeKind
from domain.retention import FOR_EVER, SAYS, Kept, Retention, Rule
from storage import accounts, tokens
from storage.idempotency import recall, remember
from storage.notices import inbox, tell
from storage.retention import forget, list_runs
from storage.tables import (
    api_tokens,
    deliveries,
    events,
    idempotency_keys,
    notices,
    pools,
    records,
    rounds,
    sessions,
    superseded_records,
    webhooks,
)
from storage.tables.columns import timestamp
from tests.storage.samples import make_round
from workers.settings import Settings

ROUND = RoundId("r1")
LONG_AGO = timestamp(datetime.now(UTC) - timedelta(days=100))
LATELY = timestamp(datetime.now(UTC) - timedelta(days=10))
MONTH = 30


def counted(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def rule(kept: Kept, days: int = MONTH) -> Rule:
    return Rule(kept=kept, days=days)


def rita(connection: Connection) -> AccountId:
    return accounts.create_account(connection, name="rita", roles={Role.REVIEWER}).account_id


def tell_rita(connection: Connection, account_id: AccountId, name: str, at: Timestamp) -> None:
    notice = Notice(
        notice_id=name,
        kind=NoticeKind.DEADLINE_NEAR,
        audience=Audience(accounts=(account_id,)),
        subject="shard 0",
        text=name,
        detail={"tasks": 1},
    )
    tell(connection, [notice], round_id=ROUND, at=at)


def close(connection: Connection) -> None:
    connection.execute(update(rounds).values(closed_at=func.now(), phase="closed"))


def test_an_old_answer_to_a_request_is_forgotten_and_a_recent_one_is_not(
    connection: Connection,
) -> None:
    account_id = rita(connection)
    for key, at in (("old", LONG_AGO), ("new", LATELY)):
        remember(
            connection,
            account_id=account_id,
            key=key,
            route="rounds",
            request_digest="d",  # type: ignore[arg-type]
            status=201,
            response={},
        )
        connection.execute(
            update(idempotency_keys).where(idempotency_keys.c.key == key).values(created_at=at)
        )
    assert forget(connection, rule(Kept.REQUESTS)) == 1
    asked = {"account_id": account_id, "route": "rounds", "request_digest": "d"}
    assert recall(connection, key="old", **asked) is None  # type: ignore[arg-type]
    assert recall(connection, key="new", **asked) is not None  # type: ignore[arg-type]


def test_notices_of_an_open_round_stay_however_old(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    account_id = rita(connection)
    tell_rita(connection, account_id, "old", LONG_AGO)
    tell_rita(connection, account_id, "new", LATELY)
    assert forget(connection, rule(Kept.NOTICES)) == 0
    close(connection)
    assert forget(connection, rule(Kept.NOTICES)) == 1
    assert [each.text for each in inbox(connection, account_id)] == ["new"]


def test_an_event_that_a_webhook_waits_for_stays_however_old(connection: Connection) -> None:
    account_id = rita(connection)
    connection.execute(
        insert(webhooks).values(
            webhook_id="w",
            url="u",
            description="",
            kinds=[],
            sealed_secret="s",
            created_by=account_id,
        )
    )
    for name, state in (("delivered", "delivered"), ("waiting", "pending")):
        connection.execute(
            insert(events).values(
                event_id=name,
                stream="r",
                kind="k",
                source="s",
                subject="s",
                place="p",
                data={},
                at=LONG_AGO,
            )
        )
        connection.execute(
            insert(deliveries).values(
                webhook_id="w",
                event_id=name,
                stream="r",
                sequence=1,
                state=state,
                delivered_at=LONG_AGO if state == "delivered" else None,
            )
        )
    assert forget(connection, rule(Kept.NOTICES)) == 1
    assert connection.scalars(select(events.c.event_id)).all() == ["waiting"]
    assert counted(connection, notices) == 0


def test_sign_ins_go_once_they_have_ended_and_not_before(connection: Connection) -> None:
    account_id = rita(connection)
    kept = tokens.issue_token(connection, account_id, "in use since long ago")
    revoked = tokens.issue(connection, account_id, label="revoked")
    tokens.revoke(connection, revoked.token.token_id, of=None)
    tokens.issue(connection, account_id, label="over", expires_at=LONG_AGO)
    connection.execute(update(api_tokens).values(created_at=LONG_AGO))
    connection.execute(
        update(api_tokens).where(api_tokens.c.revoked_at.is_not(None)).values(revoked_at=LONG_AGO)
    )
    for name, until in (("over", LONG_AGO), ("current", timestamp(datetime.now(UTC)))):
        connection.execute(
            insert(sessions).values(session_digest=name, account_id=account_id, expires_at=until)
        )
    assert forget(connection, rule(Kept.SIGN_INS)) == 3
    assert connection.scalars(select(sessions.c.session_digest)).all() == ["current"]
    assert tokens.uses_of_tokens(connection, [kept]) != [None]


def test_what_a_record_was_stays_while_a_round_of_its_pool_is_open(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    pool_id = connection.scalar(select(rounds.c.pool_id))
    assert pool_id == connection.scalar(select(pools.c.pool_id))
    record_id = connection.scalar(select(records.c.record_id))
    connection.execute(
        insert(superseded_records).values(
            pool_id=pool_id,
            record_id=record_id,
            record_digest="d",
            content="{}",
            content_digest="c",
            metadata="{}",
            superseded_at=LONG_AGO,
        )
    )
    assert forget(connection, rule(Kept.SUPERSEDED)) == 0
    close(connection)
    assert forget(connection, rule(Kept.SUPERSEDED, days=0)) == 0
    assert forget(connection, rule(Kept.SUPERSEDED)) == 1
    assert counted(connection, superseded_records) == 0


def test_much_is_forgotten_bit_by_bit(connection: Connection) -> None:
    account_id = rita(connection)
    for number in range(5):
        connection.execute(
            insert(sessions).values(
                session_digest=f"s{number}", account_id=account_id, expires_at=LONG_AGO
            )
        )
    gone = [forget(connection, rule(Kept.SIGN_INS), limit=2) for _ in range(4)]
    assert gone == [2, 2, 1, 0]


def test_a_run_is_written_down_with_the_rules_that_it_went_by(engine: Engine) -> None:
    with engine.begin() as connection:
        account_id = rita(connection)
        connection.execute(
            insert(sessions).values(session_digest="s", account_id=account_id, expires_at=LONG_AGO)
        )
    retention = Retention(rules=(rule(Kept.SIGN_INS), rule(Kept.NOTICES, days=0)))
    assert apply_retention(engine, retention).rows == {"sign_ins": 1, "notices": 0}
    apply_retention(engine, retention)
    with engine.connect() as connection:
        newest, first = list_runs(connection)
    assert first.forgotten == {Kept.SIGN_INS: 1, Kept.NOTICES: 0}
    assert newest.forgotten == {Kept.SIGN_INS: 0, Kept.NOTICES: 0}
    assert first.days == {Kept.SIGN_INS: MONTH, Kept.NOTICES: 0}


@pytest.mark.parametrize("kept", Kept)
def test_every_kind_has_a_rule_and_words(kept: Kept) -> None:
    assert Settings().retention.days(kept) > 0
    assert SAYS[kept]
    assert FOR_EVER
