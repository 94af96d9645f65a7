"""What accounts prove themselves with, and that it ends when it should."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event, func, select, update

from domain.credentials import Patience, SignedInBy, TokenScope
from domain.errors import Conflict, NotFound
from domain.ids import AccountId, Timestamp
from storage import accounts, attempts, identities, sessions, tokens
from storage.account_rows import Account
from storage.attempts import Counted
from storage.database import transaction
from storage.identities import Identity
from storage.tables import api_tokens, failed_attempts, one_time_passwords, sign_ins
from storage.tables import sessions as sessions_table
from tests.storage.samples import person

HOUR = timedelta(hours=1)
LONG_AGO = Timestamp("2026-01-01T00:00:00.000000+00:00")


def holder(connection: Connection, token: str) -> Account | None:
    [use] = tokens.uses_of_tokens(connection, [token])
    return None if use is None else use.account


def visitor(connection: Connection, secret: str, *, idle: timedelta = HOUR) -> Account | None:
    [use] = sessions.uses_of_sessions(connection, [secret], idle=idle)
    return None if use is None else use.account


# -- tokens -----------------------------------------------------------------------------------


def test_only_the_digest_of_a_token_is_stored(connection: Connection) -> None:
    ada = person(connection, "Ada")
    token = tokens.issue_token(connection, ada.account_id, "laptop")
    [row] = connection.execute(select(api_tokens)).all()
    assert token.startswith("lw_")
    assert all(token not in str(cell) for cell in row)
    assert holder(connection, token) == ada
    assert holder(connection, token + "x") is None
    assert holder(connection, "\ud800") is None


def test_one_token_is_revoked_and_its_neighbour_is_not(connection: Connection) -> None:
    ada, ben = person(connection, "Ada"), person(connection, "Ben")
    first, second = (
        tokens.issue(connection, ada.account_id, label=label) for label in ("laptop", "job")
    )
    with pytest.raises(NotFound):
        tokens.revoke(connection, first.token.token_id, of=ben.account_id)
    tokens.revoke(connection, first.token.token_id, of=ada.account_id)
    assert holder(connection, first.secret) is None
    assert holder(connection, second.secret) == ada
    assert [each.label for each in tokens.list_tokens(connection, ada.account_id)] == ["job"]
    tokens.revoke(connection, second.token.token_id, of=None)
    assert tokens.list_tokens(connection, ada.account_id) == []


def test_a_token_ends_by_itself_and_says_when_it_was_used(connection: Connection) -> None:
    ada = person(connection, "Ada")
    over = tokens.issue(connection, ada.account_id, label="over", expires_at=LONG_AGO)
    good = tokens.issue(connection, ada.account_id, label="good", scope=TokenScope.READ)
    assert holder(connection, over.secret) is None
    [use] = tokens.uses_of_tokens(connection, [good.secret])
    assert use is not None
    assert (use.scope, use.last_network) == (TokenScope.READ, None)
    tokens.note_network(connection, use.token_id, "192.0.2.0/24")
    [listed] = tokens.list_tokens(connection, ada.account_id)
    assert listed.last_used_at is not None
    assert listed.last_network == "192.0.2.0/24"


# -- shutting out -----------------------------------------------------------------------------


def test_what_an_account_had_when_it_was_shut_out_never_works_again(
    connection: Connection,
) -> None:
    ada = person(connection, "Ada")
    token = tokens.issue_token(connection, ada.account_id, "laptop")
    session = sessions.start_session(connection, ada.account_id, longest=HOUR)
    unused = sessions.issue_one_time_password(connection, ada.account_id, HOUR)

    assert accounts.disable(connection, ada.account_id).disabled_at is not None
    for _ in range(2):
        assert holder(connection, token) is None
        assert visitor(connection, session) is None
        assert sessions.redeem_one_time_password(connection, "Ada", unused) is None
        accounts.enable(connection, ada.account_id)

    fresh = tokens.issue_token(connection, ada.account_id, "new")
    assert holder(connection, fresh) is not None


def test_an_account_that_is_shut_out_is_issued_nothing(connection: Connection) -> None:
    ada = person(connection, "Ada")
    accounts.disable(connection, ada.account_id)
    identity = Identity(issuer="https://id.example", subject="ada")
    with pytest.raises(Conflict):
        tokens.issue_token(connection, ada.account_id, "laptop")
    with pytest.raises(Conflict):
        sessions.start_session(connection, ada.account_id, longest=HOUR)
    with pytest.raises(Conflict):
        sessions.issue_one_time_password(connection, ada.account_id, HOUR)
    with pytest.raises(Conflict):
        identities.link(connection, ada.account_id, identity, linked_by="admin")


def test_a_session_that_begins_while_its_account_is_shut_out_does_not_outlive_it(
    engine: Engine,
) -> None:
    """Whichever of the two is first, nothing is left when both are done."""
    with transaction(engine) as connection:
        people = [person(connection, f"Person {number}").account_id for number in range(12)]

    def sign_in(account_id: AccountId) -> str | None:
        try:
            with transaction(engine) as connection:
                return sessions.start_session(connection, account_id, longest=HOUR)
        except Conflict:
            return None

    def shut_out(account_id: AccountId) -> None:
        with transaction(engine) as connection:
            accounts.disable(connection, account_id)

    with ThreadPoolExecutor(4) as threads:
        begun = [(threads.submit(sign_in, each), threads.submit(shut_out, each)) for each in people]
        secrets = [each.result() for each, _ in begun]
        for _, done in begun:
            done.result()
    with transaction(engine) as connection:
        for account_id in people:
            accounts.enable(connection, account_id)
        for secret in filter(None, secrets):
            assert visitor(connection, secret) is None


# -- passwords and sessions -------------------------------------------------------------------


def test_a_password_signs_in_once_and_only_its_own_account(connection: Connection) -> None:
    ada, _ben = person(connection, "Ada"), person(connection, "Ben")
    password = sessions.issue_one_time_password(connection, ada.account_id, HOUR)
    assert sessions.redeem_one_time_password(connection, "Ben", password) is None
    as_typed = password.replace("-", " ").upper()
    assert sessions.redeem_one_time_password(connection, "Ada", as_typed) == ada
    assert sessions.redeem_one_time_password(connection, "Ada", password) is None


def test_a_new_password_ends_the_earlier_ones_of_that_account_only(
    connection: Connection,
) -> None:
    ada, ben = person(connection, "Ada"), person(connection, "Ben")
    lost = sessions.issue_one_time_password(connection, ada.account_id, HOUR)
    bens = sessions.issue_one_time_password(connection, ben.account_id, HOUR)
    newer = sessions.issue_one_time_password(connection, ada.account_id, HOUR)

    assert sessions.redeem_one_time_password(connection, "Ada", lost) is None
    assert sessions.redeem_one_time_password(connection, "Ada", newer) == ada
    assert sessions.redeem_one_time_password(connection, "Ben", bens) == ben


def test_an_unknown_name_is_as_much_work_as_a_wrong_password(connection: Connection) -> None:
    ada = person(connection, "Ada")
    sessions.issue_one_time_password(connection, ada.account_id, HOUR)
    statements: list[str] = []
    event.listen(
        connection, "before_cursor_execute", lambda *given: statements.append(str(given[2]))
    )
    for name in ("Ada", "Nobody"):
        assert sessions.redeem_one_time_password(connection, name, "bcdf-bcdf-bcdf") is None
    known, unknown = statements
    assert known == unknown


def test_passwords_and_sessions_run_out(connection: Connection) -> None:
    ada = person(connection, "Ada")
    late = sessions.issue_one_time_password(connection, ada.account_id, HOUR)
    connection.execute(update(one_time_passwords).values(expires_at=func.now()))
    assert sessions.redeem_one_time_password(connection, "Ada", late) is None

    secret = sessions.start_session(connection, ada.account_id, longest=HOUR)
    assert visitor(connection, secret) == ada
    connection.execute(update(sessions_table).values(expires_at=func.now()))
    assert visitor(connection, secret) is None


def test_a_session_that_nobody_uses_ends_before_its_time(connection: Connection) -> None:
    ada = person(connection, "Ada")
    secret = sessions.start_session(connection, ada.account_id, longest=24 * HOUR)
    half_past = func.now() - timedelta(minutes=30)
    connection.execute(update(sessions_table).values(last_seen_at=half_past))
    assert visitor(connection, secret) == ada  # which keeps it alive
    assert sessions.list_sessions(connection, ada.account_id, idle=timedelta(minutes=10)) != []
    connection.execute(update(sessions_table).values(last_seen_at=func.now() - 2 * HOUR))
    assert visitor(connection, secret) is None
    assert sessions.list_sessions(connection, ada.account_id, idle=HOUR) == []


def test_one_session_or_all_of_an_account_are_ended(connection: Connection) -> None:
    ada, ben = person(connection, "Ada"), person(connection, "Ben")
    secrets = [
        sessions.start_session(connection, ada.account_id, longest=HOUR, signed_in_by=how)
        for how in (SignedInBy.PASSWORD, SignedInBy.OIDC, SignedInBy.PASSWORD)
    ]
    bens = sessions.start_session(connection, ben.account_id, longest=HOUR)
    uses = sessions.uses_of_sessions(connection, secrets, idle=HOUR)
    first, kept, _ = (use.session_id for use in uses if use is not None)
    with pytest.raises(NotFound):
        sessions.end_named(connection, first, of=ben.account_id)
    sessions.end_named(connection, first, of=ada.account_id)
    assert visitor(connection, secrets[0]) is None
    assert sessions.end_all(connection, ada.account_id, but=kept) == 1
    assert [visitor(connection, each) for each in secrets] == [None, ada, None]
    assert sessions.end_all(connection, ada.account_id, signed_in_by=SignedInBy.OIDC) == 1
    assert visitor(connection, bens) == ben


# -- identities -------------------------------------------------------------------------------

ADA = Identity(issuer="https://id.example", subject="ada")


def test_an_identity_belongs_to_one_account(connection: Connection) -> None:
    ada, ben = person(connection, "Ada"), person(connection, "Ben")
    link = identities.link(connection, ada.account_id, ADA, linked_by="admin")
    assert identities.link(connection, ada.account_id, ADA, linked_by="again") == link
    with pytest.raises(Conflict):
        identities.link(connection, ben.account_id, ADA, linked_by="admin")
    other = Identity(issuer="https://other.example", subject="ada")
    assert identities.accounts_for_identities(connection, [ADA, other]) == [ada, None]


def test_an_identity_that_is_taken_away_takes_its_sessions_along(connection: Connection) -> None:
    ada = person(connection, "Ada")
    link = identities.link(connection, ada.account_id, ADA, linked_by="admin")
    by_oidc, by_password = (
        sessions.start_session(connection, ada.account_id, longest=HOUR, signed_in_by=how)
        for how in (SignedInBy.OIDC, SignedInBy.PASSWORD)
    )
    identities.unlink(connection, ada.account_id, link.identity_id)
    assert identities.accounts_for_identities(connection, [ADA]) == [None]
    assert visitor(connection, by_oidc) is None
    assert visitor(connection, by_password) == ada
    with pytest.raises(NotFound):
        identities.unlink(connection, ada.account_id, link.identity_id)


def test_a_state_is_good_once_for_one_browser_and_a_while(connection: Connection) -> None:
    def begin(state: str) -> None:
        identities.begin_sign_in(
            connection, state=state, browser="mine", next_path="/rounds", valid_for=HOUR
        )

    begin("one")
    assert identities.end_sign_in(connection, state="one", browser="another's") is None
    assert identities.end_sign_in(connection, state="one", browser="mine") == "/rounds"
    assert identities.end_sign_in(connection, state="one", browser="mine") is None
    begin("two")
    connection.execute(update(sign_ins).values(expires_at=func.now() - HOUR))
    assert identities.end_sign_in(connection, state="two", browser="mine") is None
    begin("three")
    assert connection.scalar(select(func.count()).select_from(sign_ins)) == 1


# -- attempts ---------------------------------------------------------------------------------

FEW = Patience(free=3, first=timedelta(minutes=1), longest=timedelta(minutes=15))


def counted(name: str) -> Counted:
    return Counted(what="test", parts=(name,), patience=FEW)


def test_waits_grow_with_every_failure_up_to_the_longest() -> None:
    waits = [FEW.wait_after(failures).total_seconds() for failures in range(1, 9)]
    assert waits == [0, 0, 60, 120, 240, 480, 900, 900]


def test_attempts_are_refused_after_some_and_let_in_again_after_the_wait(
    connection: Connection,
) -> None:
    ada = counted("ada")
    assert [attempts.count_attempt(connection, [ada]) for _ in range(4)] == [None, None, None, 60]
    assert attempts.seconds_to_wait(connection, ada) == 60
    assert attempts.count_attempt(connection, [counted("ben")]) is None
    connection.execute(update(failed_attempts).values(refused_until=func.now() - HOUR))
    assert attempts.count_attempt(connection, [ada]) is None
    assert attempts.count_attempt(connection, [ada]) == 120
    attempts.forget(connection, ada)
    assert attempts.count_attempt(connection, [ada]) is None


def test_failures_are_forgotten_after_a_quiet_hour(connection: Connection) -> None:
    ada = counted("ada")
    for _ in range(3):
        attempts.count_attempt(connection, [ada])
    past = func.now() - timedelta(minutes=61)
    connection.execute(update(failed_attempts).values(last_at=past, refused_until=past))
    assert [attempts.count_attempt(connection, [ada]) for _ in range(3)] == [None, None, None]
    connection.execute(update(failed_attempts).values(last_at=func.now() - 25 * HOUR))
    attempts.count_attempt(connection, [counted("ben")])
    assert connection.scalar(select(func.count()).select_from(failed_attempts)) == 1


def test_of_many_attempts_at_once_no_more_are_looked_at_than_may_fail(engine: Engine) -> None:
    """As several processes of the API would: each has a connection of its own."""

    def attempt(_number: int) -> int | None:
        with transaction(engine) as connection:
            return attempts.count_attempt(connection, [counted("ada"), counted("here")])

    with ThreadPoolExecutor(8) as threads:
        let_in = [wait for wait in threads.map(attempt, range(24)) if wait is None]
    assert len(let_in) == FEW.free


def test_what_is_counted_by_is_not_written_down(connection: Connection) -> None:
    attempts.count_attempt(connection, [counted("my-password-in-the-wrong-field")])
    [row] = connection.execute(select(failed_attempts)).all()
    assert "my-password" not in str(row)
