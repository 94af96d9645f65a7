"""Accounts and their secrets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from domain.accounts import Role
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import AccountId
from storage import accounts
from storage.tables import api_tokens, one_time_passwords, sessions
from tests.storage.samples import person

HOUR = timedelta(hours=1)


def test_an_empty_system_gets_one_admin_even_when_two_ask_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(2) as threads:
        tokens = list(threads.map(accounts.ensure_admin, [engine, engine]))
    assert sorted(token is None for token in tokens) == [False, True]
    [token] = [token for token in tokens if token is not None]
    with engine.begin() as connection:
        [admin] = accounts.accounts_for_tokens(connection, [token])
    assert admin is not None
    assert (admin.name, admin.roles) == ("admin", frozenset({Role.ADMIN, Role.REQUESTER}))
    assert accounts.ensure_admin(engine) is None


def test_only_the_digest_of_a_token_is_stored(connection: Connection) -> None:
    ada = person(connection, "Ada")
    token = accounts.issue_token(connection, ada.account_id, "laptop")
    [row] = connection.execute(select(api_tokens)).all()
    assert token.startswith("lw_")
    assert all(token not in str(cell) for cell in row)
    assert accounts.accounts_for_tokens(connection, [token]) == [ada]
    assert accounts.accounts_for_tokens(connection, [token + "x"]) == [None]
    assert accounts.accounts_for_tokens(connection, ["\ud800"]) == [None]
    accounts.revoke_token(connection, token)
    assert accounts.accounts_for_tokens(connection, [token]) == [None]


def test_a_disabled_account_is_shut_out_everywhere(connection: Connection) -> None:
    ada = person(connection, "Ada")
    token = accounts.issue_token(connection, ada.account_id, "laptop")
    password = accounts.issue_one_time_password(connection, ada.account_id, HOUR)
    redeemed = accounts.redeem_one_time_password(connection, "Ada", password, HOUR)
    assert redeemed is not None
    unused = accounts.issue_one_time_password(connection, ada.account_id, HOUR)

    assert accounts.disable(connection, ada.account_id).disabled_at is not None

    assert accounts.accounts_for_tokens(connection, [token]) == [None]
    assert accounts.accounts_for_sessions(connection, [redeemed[0]]) == [None]
    assert accounts.redeem_one_time_password(connection, "Ada", unused, HOUR) is None


def test_a_password_signs_in_once_and_only_its_own_account(connection: Connection) -> None:
    ada, _ben = person(connection, "Ada"), person(connection, "Ben")
    password = accounts.issue_one_time_password(connection, ada.account_id, HOUR)
    assert accounts.redeem_one_time_password(connection, "Ben", password, HOUR) is None

    as_typed = password.replace("-", " ").upper()
    redeemed = accounts.redeem_one_time_password(connection, "Ada", as_typed, HOUR)

    assert redeemed is not None
    secret, account = redeemed
    assert account == ada
    assert accounts.accounts_for_sessions(connection, [secret]) == [ada]
    assert accounts.redeem_one_time_password(connection, "Ada", password, HOUR) is None
    accounts.end_session(connection, secret)
    assert accounts.accounts_for_sessions(connection, [secret]) == [None]


def test_a_new_password_ends_the_earlier_ones_of_that_account_only(
    connection: Connection,
) -> None:
    ada, ben = person(connection, "Ada"), person(connection, "Ben")
    lost = accounts.issue_one_time_password(connection, ada.account_id, HOUR)
    bens = accounts.issue_one_time_password(connection, ben.account_id, HOUR)
    newer = accounts.issue_one_time_password(connection, ada.account_id, HOUR)

    assert accounts.redeem_one_time_password(connection, "Ada", lost, HOUR) is None
    assert accounts.redeem_one_time_password(connection, "Ada", newer, HOUR) is not None
    assert accounts.redeem_one_time_password(connection, "Ben", bens, HOUR) is not None


def test_passwords_and_sessions_run_out(connection: Connection) -> None:
    ada = person(connection, "Ada")
    late = accounts.issue_one_time_password(connection, ada.account_id, HOUR)
    connection.execute(update(one_time_passwords).values(expires_at=func.now()))
    assert accounts.redeem_one_time_password(connection, "Ada", late, HOUR) is None

    password = accounts.issue_one_time_password(connection, ada.account_id, HOUR)
    redeemed = accounts.redeem_one_time_password(connection, "Ada", password, HOUR)
    assert redeemed is not None
    connection.execute(update(sessions).values(expires_at=func.now()))
    assert accounts.accounts_for_sessions(connection, [redeemed[0]]) == [None]


def test_names_are_one_of_a_kind_and_can_be_read(connection: Connection) -> None:
    person(connection, "Ada")
    with pytest.raises(Conflict):
        person(connection, "Ada")
    for name in ("", " Ada", "A\x00da", "x" * 101):
        with pytest.raises(InvalidInput):
            person(connection, name)


def test_accounts_are_listed_by_name_and_change_their_roles(connection: Connection) -> None:
    for name in ("Cleo", "Ada", "Ben"):
        person(connection, name)
    first = accounts.list_accounts(connection, limit=2)
    rest = accounts.list_accounts(connection, after=first[-1].name)
    assert [each.name for each in (*first, *rest)] == ["Ada", "Ben", "Cleo"]
    changed = accounts.set_roles(connection, first[0].account_id, {Role.AUDITOR})
    assert accounts.account_named(connection, "Ada") == changed
    assert changed.roles == {Role.AUDITOR}
    with pytest.raises(NotFound):
        accounts.set_roles(connection, AccountId("acc-nobody"), {Role.AUDITOR})
