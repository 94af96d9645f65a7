"""Who sees which record: by the condition of the queries, and by PostgreSQL beneath it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, select, text, true, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from domain.access import HIDDEN
from domain.accounts import Role
from domain.canonical import Sha256
from domain.errors import DatabaseUnavailable, NotFound
from domain.ids import AccountId, RecordId, Timestamp
from domain.notices import Audience, Notice, NoticeKind
from domain.profiles import Profile
from domain.routing import Clearance
from storage import (
    accounts,
    approval,
    claims,
    datasets,
    gold,
    notices,
    pools,
    profiles,
    queues,
    reviews,
    rounds,
    tables,
    tasks,
    visibility,
    waiting,
)
from storage.database import engine as connect
from storage.database import transaction
from storage.datasets import DatasetVersion
from storage.hidden import hidden_records
from storage.visibility import API_ROLE, as_system, everything, is_enforced, seeing
from tests.storage.samples import BOTH, LEASE, NOON, POOL, import_lines, person
from tests.storage.secret_records import (
    LEVELS,
    R1,
    line,
    make_secrets,
    opening,
    row,
    secret,
    task_of,
)

GUARDED = (
    tables.records,
    tables.batch_records,
    tables.tasks,
    tables.reviews,
    tables.outcomes,
)


@pytest.fixture(scope="module")
def guarded(storage_engine: Engine) -> Iterator[Engine]:
    """As the API has it, over the same database."""
    engine = connect(storage_engine.url.render_as_string(hide_password=False), connections=3)
    yield visibility.guard(engine)
    engine.dispose()


def up_to(level: Clearance) -> set[str]:
    return {secret(each) for each in LEVELS if each.level <= level.level}


@pytest.mark.parametrize("clearance", LEVELS)
def test_raw_sql_under_the_apis_role_sees_no_row_above_its_clearance(
    engine: Engine, guarded: Engine, clearance: Clearance
) -> None:
    make_secrets(engine)
    import_lines(engine, [line(each, each.value, text=f"anew {each}") for each in LEVELS])
    with seeing(clearance), guarded.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == API_ROLE
        assert is_enforced(connection)
        for table in (*GUARDED, tables.superseded_records):
            statement = text(f"SELECT record_id FROM {table.name}")  # noqa: S608
            assert set(connection.scalars(statement)) == up_to(clearance), table.name


def test_where_nobody_is_named_only_what_is_public_is_seen(engine: Engine, guarded: Engine) -> None:
    make_secrets(engine)
    with guarded.begin() as connection:
        assert set(connection.scalars(text("SELECT record_id FROM records"))) == {"t-public"}
        connection.execute(text("SELECT set_config('labelwright.clearance', '', true)"))
        assert set(connection.scalars(text("SELECT record_id FROM tasks"))) == {"t-public"}


def test_a_transaction_does_not_inherit_the_clearance_of_the_one_before(
    engine: Engine, guarded: Engine
) -> None:
    make_secrets(engine)
    with seeing(Clearance.RESTRICTED), guarded.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM records")) == 4
    with guarded.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM records")) == 1


def test_a_query_that_forgets_the_condition_leaks_nothing(
    engine: Engine, guarded: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets(engine)
    for module in (pools, rounds, reviews, tasks, approval):
        monkeypatch.setattr(module, "visible", lambda _connection, _table: true())
    with seeing(Clearance.INTERNAL), guarded.begin() as connection:
        assert {each.record_id for each in pools.list_records(connection, POOL)} == up_to(
            Clearance.INTERNAL
        )
        assert len(rounds.get_batch(connection, R1)) == 2
        assert len(reviews.reviews_of(connection, R1)) == 2
        assert len(reviews.outcomes_of(connection, R1)) == 2
        with pytest.raises(NotFound):
            pools.get_record(connection, POOL, secret(Clearance.CONFIDENTIAL))


def test_the_condition_holds_by_itself_where_the_policies_are_off(
    engine: Engine, guarded: Engine
) -> None:
    """As on a server whose administrator has not made the role."""
    author = make_secrets(engine)
    seen = up_to(Clearance.INTERNAL)
    with seeing(Clearance.INTERNAL), guarded.connect() as connection:
        connection.execute(text("RESET ROLE"))
        assert not is_enforced(connection)
        assert {each.record_id for each in pools.list_records(connection, POOL)} == seen
        assert pools.get_pool(connection, POOL).records == 2
        batch = rounds.get_batch(connection, R1)
        assert {each.selection.record_id for each in batch} == seen
        assert {each.record_id for each in reviews.reviews_of(connection, R1)} == seen
        assert {each.record_id for each in _latest(connection, author.account_id)} == seen
        decided = reviews.outcomes_of(connection, R1)
        assert {each.outcome.record_id for each in decided} == seen
        checked = approval.outcomes_to_check(connection, R1, approval.Show.ALL)
        assert {each.outcome.record_id for each in checked} == seen
        assert approval.count_outcomes(connection, R1)[approval.Show.ALL] == 2
        assert set(approval.batch_contents(connection, R1, list(map(secret, LEVELS)))) == seen
        assert sum(each.tasks for each in tasks.backlog(connection, R1)) == 2
        for hidden in (Clearance.CONFIDENTIAL, Clearance.RESTRICTED):
            _refuses(pools.get_record, connection, POOL, secret(hidden))
            _refuses(rounds.batch_record, connection, R1, secret(hidden))
            _refuses(tasks.get_task, connection, task_of(hidden))
            _refuses(tasks.find_task, connection, task_of(hidden))
            _refuses(claims.locked_task, connection, task_of(hidden))
            assert reviews.get_outcome(connection, R1, secret(hidden)) is None
        connection.rollback()
        # The role is the connection's, and this one goes back to its pool.
        connection.invalidate()


def test_a_hidden_record_and_one_that_is_not_there_are_told_alike(
    engine: Engine, guarded: Engine
) -> None:
    make_secrets(engine)
    with seeing(Clearance.INTERNAL), guarded.begin() as connection:
        with pytest.raises(NotFound) as hidden:
            pools.get_record(connection, POOL, secret(Clearance.RESTRICTED))
        with pytest.raises(NotFound) as missing:
            pools.get_record(connection, POOL, RecordId("nowhere"))
    assert (hidden.value.message, hidden.value.hint) == (missing.value.message, missing.value.hint)
    assert hidden.value.context.keys() == missing.value.context.keys()


def test_nobody_is_offered_a_task_above_their_clearance_though_the_lane_lets_them(
    engine: Engine, guarded: Engine
) -> None:
    make_secrets(engine)
    with engine.begin() as connection:
        ben = person(connection, "Ben").account_id
        tasks.open_tasks(
            connection,
            round_id=R1,
            shard=0,
            openings=[opening(each, slot=1) for each in (Clearance.PUBLIC, Clearance.INTERNAL)],
            at=NOON,
        )
    # The record turns out to be confidential while its task waits in a lower lane.
    import_lines(engine, [line(Clearance.INTERNAL, "confidential")])
    with engine.begin() as connection:
        wanted = Profile(account_id=ben, clearance=Clearance.INTERNAL)
        profiles.put_profile(connection, wanted, changed_by=ben, reason="as it is")
    with seeing(Clearance.INTERNAL), guarded.begin() as connection:
        assert queues.queue_facts(connection, ben, BOTH).claimable == 1
        waits = waiting.waiting_tasks(connection, R1)
        assert {each.record_id for each in waits} == {secret(Clearance.PUBLIC)}
        first = claims.claim_task(connection, ben, kinds=BOTH, lease=LEASE)
        assert first is not None
        assert first.record_id == secret(Clearance.PUBLIC)
        assert claims.claim_task(connection, ben, kinds=BOTH, lease=LEASE) is None
    with seeing(Clearance.CONFIDENTIAL), guarded.begin() as connection:
        assert claims.claim_task(connection, ben, kinds=BOTH, lease=LEASE) is not None


def test_a_record_that_becomes_secret_is_hidden_wherever_it_stands(engine: Engine) -> None:
    make_secrets(engine)
    import_lines(engine, [line(Clearance.PUBLIC, "restricted")])
    with engine.begin() as connection:
        for table in GUARDED:
            level = select(table.c.level).where(table.c.record_id == secret(Clearance.PUBLIC))
            assert connection.scalars(level).all() == [3], table.name
        before = tables.superseded_records
        assert connection.scalars(select(before.c.level)).all() == [3]
    # It is public once more; what the round says of it stays where it was.
    import_lines(engine, [line(Clearance.PUBLIC, "public", text="harmless")])
    with engine.begin() as connection:
        levels = select(tables.records.c.level).where(
            tables.records.c.record_id == secret(Clearance.PUBLIC)
        )
        assert connection.scalar(levels) == 0
        for table in GUARDED[1:]:
            level = select(table.c.level).where(table.c.record_id == secret(Clearance.PUBLIC))
            assert connection.scalars(level).all() == [3], table.name


def test_words_that_nobody_knows_count_as_the_highest_and_the_import_says_so(
    engine: Engine,
) -> None:
    make_secrets(engine)
    report = import_lines(engine, [line(Clearance.PUBLIC, "hush"), line(Clearance.INTERNAL, "low")])
    assert report.unknown_words == ("sensitivity: hush",)
    with engine.begin() as connection:
        level = select(tables.records.c.level).where(
            tables.records.c.record_id == secret(Clearance.PUBLIC)
        )
        assert connection.scalar(level) == 3


def test_the_database_refuses_a_record_in_a_lane_below_its_level(engine: Engine) -> None:
    make_secrets(engine)
    import_lines(engine, [line(Clearance.RESTRICTED, "restricted") | {"id": "t-another"}])
    with engine.connect() as connection:
        found = row(connection, Clearance.RESTRICTED, lane=0)
        connection.execute(tables.tasks.delete())
        connection.execute(
            tables.batch_records.delete().where(
                tables.batch_records.c.record_id == secret(Clearance.RESTRICTED)
            )
        )
        with pytest.raises(IntegrityError, match="above the clearance of lane 0"):
            rounds.put_batch(connection, R1, [found])


def test_the_database_refuses_to_move_a_task_into_a_lane_below_its_records_level(
    engine: Engine,
) -> None:
    make_secrets(engine)
    move = update(tables.tasks).where(tables.tasks.c.task_id == task_of(Clearance.CONFIDENTIAL))
    with engine.begin() as connection:
        connection.execute(move.values(lane=3))
    with engine.connect() as connection, pytest.raises(IntegrityError, match="lane 1"):
        connection.execute(move.values(lane=1))


def test_a_task_of_a_record_that_became_secret_may_wait_where_its_record_does(
    engine: Engine,
) -> None:
    """Otherwise the round would stand for ever, for its lanes are pinned."""
    make_secrets(engine)
    import_lines(engine, [line(Clearance.PUBLIC, "restricted")])
    with engine.begin() as connection:
        opened = tasks.open_tasks(
            connection, round_id=R1, shard=0, openings=[opening(Clearance.PUBLIC, slot=1)], at=NOON
        )
        assert opened == 1
        level = select(tables.tasks.c.level).where(tables.tasks.c.slot == 1)
        assert connection.scalar(level) == 3


def test_a_version_takes_the_clearance_of_the_highest_of_its_records(engine: Engine) -> None:
    make_secrets(engine)
    with engine.begin() as connection:
        datasets.insert_version(connection, _version())
        assert datasets.get_version(connection, "tickets", 1).level == 3


def test_what_a_round_needs_of_every_record_is_found_whoever_asks(
    engine: Engine, guarded: Engine
) -> None:
    make_secrets(engine)
    with guarded.begin() as connection:
        assert pools.count_eligible(connection, POOL) == 4
        assert tasks.shards_of(connection, R1) == [0]
        hidden = hidden_records(connection, R1, Clearance.INTERNAL)
        assert hidden == {secret(Clearance.CONFIDENTIAL), secret(Clearance.RESTRICTED)}
        # And the transaction sees no more afterwards than before.
        assert connection.scalar(text("SELECT count(*) FROM records")) == 1
        with everything(connection):
            assert connection.scalar(text("SELECT count(*) FROM records")) == 4
    with as_system(), guarded.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM records")) == 4


def test_nobody_writes_a_record_that_they_could_not_see(engine: Engine, guarded: Engine) -> None:
    make_secrets(engine)
    with seeing(Clearance.INTERNAL), guarded.connect() as connection:
        found = connection.execute(
            update(tables.records)
            .where(tables.records.c.record_id == secret(Clearance.RESTRICTED))
            .values(content="{}")
        )
        assert found.rowcount == 0
        raised = update(tables.records).values(level=3)
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(raised)


def test_gold_is_calibrated_with_by_those_who_are_cleared_for_it(
    engine: Engine, guarded: Engine
) -> None:
    author = make_secrets(engine)
    import_lines(engine, [line(Clearance.RESTRICTED, "restricted", label="billing", role="gold")])

    def asked(clearance: Clearance) -> object:
        with seeing(clearance), guarded.begin() as connection:
            schema = rounds.get_round(connection, R1).plan.schema
            return gold.next_to_calibrate(connection, author.account_id, POOL, schema)

    assert asked(Clearance.CONFIDENTIAL) is None
    assert asked(Clearance.RESTRICTED) is not None


def test_every_change_of_an_account_is_noted_with_who_and_why(
    engine: Engine, guarded: Engine
) -> None:
    lead = AccountId("acc-lead")
    with seeing(Clearance.PUBLIC, lead), guarded.begin() as connection:
        made = accounts.create_account(connection, name="Ben", roles={Role.REVIEWER})
        accounts.set_roles(connection, made.account_id, {Role.APPROVER})
        accounts.set_roles(connection, made.account_id, {Role.APPROVER})
        accounts.disable(connection, made.account_id)
    changes = tables.account_changes
    with engine.begin() as connection:
        found = connection.execute(select(changes).order_by(changes.c.change_id)).all()
    assert [(each.changed_by, each.before, each.after) for each in found] == [
        (lead, None, {"roles": ["reviewer"], "disabled": False}),
        (
            lead,
            {"roles": ["reviewer"], "disabled": False},
            {"roles": ["approver"], "disabled": False},
        ),
        (
            lead,
            {"roles": ["approver"], "disabled": False},
            {"roles": ["approver"], "disabled": True},
        ),
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}", "TRUNCATE {}"]
)
@pytest.mark.parametrize("table", ["account_changes", "profile_changes"])
def test_what_was_changed_about_a_person_is_never_changed_itself(
    engine: Engine, table: str, statement: str
) -> None:
    with (
        engine.connect() as connection,
        pytest.raises(ProgrammingError, match="only ever added to"),
    ):
        connection.execute(text(statement.format(table)))


def test_a_webhook_is_told_of_no_record_by_name_that_is_not_public(engine: Engine) -> None:
    make_secrets(engine)
    said = Notice(
        notice_id="reached",
        kind=NoticeKind.OUTCOMES_REACHED,
        audience=Audience(),
        subject="shard 0",
        text="Records have their outcome.",
        detail={
            "shard": 0,
            "records": 4,
            "outcomes": [{"record_id": secret(each), "how": "agreement"} for each in LEVELS],
        },
    )
    with engine.begin() as connection:
        connection.execute(
            tables.webhooks.insert().values(
                webhook_id="w1",
                url="https://example.org",
                description="",
                kinds=[],
                sealed_secret="x",
                created_by="acc-lead",
            )
        )
        notices.tell(connection, [said], round_id=R1, at=NOON)
        [data] = connection.scalars(select(tables.events.c.data))
    told = [each["record_id"] for each in data["outcomes"]]
    assert told == [secret(Clearance.PUBLIC), HIDDEN, HIDDEN, HIDDEN]
    assert data["round_id"] == R1


def test_a_notice_does_not_name_a_record_that_its_reader_may_not_see(
    engine: Engine, guarded: Engine
) -> None:
    ada = make_secrets(engine).account_id
    with engine.begin() as connection:
        for level in LEVELS:
            said = Notice(
                notice_id=f"given/{level}",
                kind=NoticeKind.TASK_ASSIGNED,
                audience=Audience(accounts=(ada,)),
                subject=task_of(level),
                text=f"Lea gave you record {secret(level)}: “{level} matters”.",
                detail={"record_id": secret(level)},
            )
            notices.tell(connection, [said], round_id=R1, at=NOON)
    with seeing(Clearance.INTERNAL), guarded.begin() as connection:
        texts = [each.text for each in notices.inbox(connection, ada)]
    assert len(texts) == 4
    assert {level for level in LEVELS if any(secret(level) in text for text in texts)} == {
        Clearance.PUBLIC,
        Clearance.INTERNAL,
    }
    assert not any("restricted matters" in text for text in texts)


def _latest(connection: Connection, account_id: AccountId) -> list[reviews.Review]:
    return reviews.latest_of(connection, account_id, limit=10)


def _refuses(look: Callable[..., object], *asked: object) -> None:
    with pytest.raises(NotFound):
        look(*asked)


def _version() -> DatasetVersion:
    return DatasetVersion(
        dataset="tickets",
        version=1,
        digest=Sha256("a" * 64),
        parent_version=None,
        round_id=R1,
        manifest={},
        manifest_sha256=Sha256("b" * 64),
        path="/nowhere",
        rows=4,
        roles={},
        ledger_head=Sha256("c" * 64),
        approved_by=AccountId("acc-approver"),
        published_at=Timestamp(NOON),
    )


def test_what_goes_wrong_while_everything_is_seen_leaves_no_clearance_behind(
    engine: Engine, guarded: Engine
) -> None:
    make_secrets(engine)
    with guarded.begin() as connection:
        with pytest.raises(NotFound), everything(connection):
            pools.get_record(connection, POOL, RecordId("nowhere"))
        assert connection.scalar(text("SELECT count(*) FROM records")) == 1


def test_a_connection_that_has_died_is_told_as_one_and_the_next_one_works(
    guarded: Engine, engine: Engine
) -> None:
    with guarded.connect() as connection:
        process = connection.scalar(text("SELECT pg_backend_pid()"))
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
    with pytest.raises(DatabaseUnavailable), transaction(guarded) as connection:
        connection.execute(text("SELECT 1"))
    with transaction(guarded) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
