"""Accounts: who there is, and what they may do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine

from domain.accounts import Role
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import AccountId
from storage import accounts, tokens
from tests.storage.samples import person


def test_an_empty_system_gets_one_admin_even_when_two_ask_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(accounts.ensure_admin, [engine, engine]))
    assert sorted(token is None for token in made) == [False, True]
    [token] = [token for token in made if token is not None]
    with engine.begin() as connection:
        [use] = tokens.uses_of_tokens(connection, [token])
    assert use is not None
    assert (use.account.name, use.account.roles) == (
        "admin",
        frozenset({Role.ADMIN, Role.REQUESTER}),
    )
    assert accounts.ensure_admin(engine) is None


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
