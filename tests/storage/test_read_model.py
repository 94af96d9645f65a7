"""Rounds, definitions, dataset versions, models, histories and remembered answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, update

from domain.canonical import Sha256
from domain.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    InvalidSchema,
    NotFound,
)
from domain.ids import AccountId, PoolId, RoundId, Timestamp
from domain.labels import Guideline, LabelClass, LabelSchema
from domain.records import ContentKind
from domain.rounds import Phase
from storage import (
    datasets,
    definitions,
    histories,
    idempotency,
    models,
    policies,
    pools,
    rounds,
    tasks,
)
from storage.accounts import create_account
from storage.datasets import DatasetVersion
from storage.histories import ArchivedHistory
from storage.idempotency import Remembered
from storage.models import ModelPart, ModelVersion
from storage.tables import idempotency_keys
from storage.tables import rounds as round_table
from tests.storage.samples import (
    BODY,
    NOON,
    ONE_O_CLOCK,
    POOL,
    make_pool,
    make_round,
    plan,
    record,
    sha,
)

R1 = RoundId("r1")
TEAM = AccountId("acc-team")


# -- definitions ------------------------------------------------------------------------------


def test_a_definition_that_says_the_same_is_no_new_version(connection: Connection) -> None:
    first = LabelSchema(name="topics", version=99, classes=_classes("a", "b"))
    assert definitions.put_schema(connection, first, TEAM).version == 1
    assert definitions.put_schema(connection, first, TEAM).version == 1
    changed = replace(first, classes=_classes("a", "b", "c"))
    assert definitions.put_schema(connection, changed, TEAM).version == 2
    assert definitions.get_schema(connection, "topics").labels == ("a", "b", "c")
    assert definitions.get_schema(connection, "topics", 1).labels == ("a", "b")
    # Back to what it said first: a new decision, hence a new version.
    assert definitions.put_schema(connection, first, TEAM).version == 3
    with pytest.raises(NotFound, match="label schema “topics@9”"):
        definitions.get_schema(connection, "topics", 9)


def test_every_definition_comes_back_as_it_was(connection: Connection) -> None:
    guideline = Guideline(name="plain", version=1, text="# Read", examples=(("x", "a"), ("y", "b")))
    assert definitions.put_guideline(connection, guideline, TEAM) == guideline
    assert definitions.get_guideline(connection, "plain") == guideline
    policy = plan().policy
    policies.put_policy(connection, policy, TEAM, source="")
    assert policies.get_policy(connection, "plain", 1).policy == policy
    assert [each.policy for each in policies.list_policies(connection)] == [policy]
    assert definitions.list_guidelines(connection, after="plain") == []


def test_two_who_define_at_once_get_two_versions(engine: Engine) -> None:
    def put(label: str) -> int:
        wanted = LabelSchema(name="topics", version=0, classes=_classes("a", label))
        with engine.begin() as connection:
            return definitions.put_schema(connection, wanted, TEAM).version

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(put, "bcde")) == [1, 2, 3, 4]


def test_what_cannot_be_used_is_not_stored(connection: Connection) -> None:
    with pytest.raises(InvalidSchema):
        definitions.put_schema(
            connection, LabelSchema(name="one", version=1, classes=_classes("a")), TEAM
        )
    with pytest.raises(InvalidInput):
        definitions.put_guideline(
            connection, Guideline(name="../plain", version=1, text="text"), TEAM
        )
    with pytest.raises(InvalidInput):
        pools.create_pool(
            connection, PoolId("../x"), kind=ContentKind.TEXT, schema=None, created_by=TEAM
        )


def test_a_pool_is_made_once(connection: Connection, engine: Engine) -> None:
    make_pool(engine)
    again = pools.create_pool(
        connection, POOL, kind=ContentKind.TEXT, schema=("topics", 1), created_by=TEAM
    )
    assert pools.list_pools(connection) == [again]
    with pytest.raises(Conflict):
        pools.create_pool(
            connection, POOL, kind=ContentKind.IMAGE, schema=("topics", 1), created_by=TEAM
        )


# -- rounds -----------------------------------------------------------------------------------


def test_a_plan_comes_back_with_its_digest(engine: Engine, connection: Connection) -> None:
    made = make_round(engine)
    found = rounds.get_round(connection, R1)
    assert found.plan == made
    assert found.plan.digest == made.digest
    assert rounds.create_round(connection, made) == found
    with pytest.raises(Conflict):
        rounds.create_round(connection, replace(made, purpose="another"))


def test_a_late_projection_never_turns_a_round_back(engine: Engine, connection: Connection) -> None:
    make_round(engine)
    awaiting = {"who": "approver"}

    def project(phase: Phase, at: Timestamp) -> None:
        rounds.project_phase(
            connection, R1, phase, summary={phase: {"at": at}}, awaiting=dict(awaiting), at=at
        )

    project(Phase.APPROVAL, ONE_O_CLOCK)
    project(Phase.REVIEWING, NOON)
    found = rounds.get_round(connection, R1)
    assert (found.phase, found.awaiting) == (Phase.APPROVAL, awaiting)
    assert found.summary == {"approval": {"at": ONE_O_CLOCK}}
    project(Phase.PUBLISHING, ONE_O_CLOCK)
    assert set(rounds.get_round(connection, R1).summary) == {"approval", "publishing"}


def test_a_closed_round_has_no_open_task_and_waits_for_its_archive(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    for _ in range(2):
        rounds.close_round(
            connection,
            R1,
            Phase.CANCELLED,
            ledger_head=BODY,
            ledger_length=3,
            failure={"code": "cancelled"},
            at=ONE_O_CLOCK,
        )
    found = rounds.get_round(connection, R1)
    assert (found.phase, found.ledger_length) == (Phase.CANCELLED, 3)
    assert [each.status for each in tasks.backlog(connection, R1)] == ["closed"]
    assert rounds.open_rounds_without_archive(connection, 10) == [R1]
    rounds.mark_archived(connection, R1)
    assert rounds.open_rounds_without_archive(connection, 10) == []


def test_rounds_are_listed_newest_first_page_by_page(
    engine: Engine, connection: Connection
) -> None:
    make_pool(engine)
    for n in range(5):
        rounds.create_round(connection, plan(f"r{n}"))
        connection.execute(
            update(round_table)
            .where(round_table.c.round_id == f"r{n}")
            .values(created_at=f"2026-03-01T12:0{n // 2}:00+00:00")
        )
    listed: list[RoundId] = []
    while page := rounds.list_rounds(connection, after=listed[-1] if listed else None, limit=2):
        listed += [each.round_id for each in page]
    assert listed == ["r4", "r3", "r2", "r1", "r0"]
    assert rounds.list_rounds(connection, pool_id=PoolId("another")) == []
    assert len(rounds.list_rounds(connection, only_open=True)) == 5


def test_a_batch_is_stored_once_and_follows_a_later_look(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine, records=3)
    batch = rounds.get_batch(connection, R1)
    assert [row.selection.ordinal for row in batch] == [0, 1, 2]
    assert rounds.put_batch(connection, R1, batch) == 0
    assert rounds.put_batch(connection, R1, []) == 0
    assert rounds.put_batch(connection, R1, [replace(batch[1], shard=1)]) == 1
    assert rounds.batch_record(connection, R1, record(1)).shard == 1
    assert rounds.get_batch(connection, R1, after=1) == [batch[2]]


# -- results ----------------------------------------------------------------------------------


def test_versions_follow_one_another_and_a_round_publishes_once(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    for round_id in ("r2", "r3"):
        rounds.create_round(connection, plan(round_id))
    datasets.lock_dataset(connection, "tickets")
    first = _version(1, "r1")
    assert datasets.insert_version(connection, first) == first
    assert datasets.insert_version(connection, first) == first
    with pytest.raises(Conflict, match="another round"):
        datasets.insert_version(connection, _version(1, "r2"))
    with pytest.raises(Conflict, match="has published"):
        datasets.insert_version(connection, _version(2, "r1"))
    second = datasets.insert_version(connection, _version(2, "r2"))
    assert datasets.latest_version(connection, "tickets") == second
    assert datasets.list_versions(connection, "tickets", before=2) == [first]
    assert datasets.list_datasets(connection) == [second]
    assert datasets.version_of_round(connection, RoundId("r3")) is None
    with pytest.raises(NotFound):
        datasets.get_version(connection, "tickets", 3)


def test_the_model_of_one_round_may_be_the_first_of_the_next(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    rounds.create_round(connection, plan("r2"))
    after = ModelVersion(
        digest=sha("model"),
        artifact=sha("model"),
        round_id=R1,
        part=ModelPart.AFTER,
        dataset="tickets",
        dataset_version=1,
        kind="logistic regression",
        classes=("billing", "other"),
        labelled=10,
        created_at=NOON,
    )
    before = replace(after, round_id=RoundId("r2"), part=ModelPart.BEFORE, created_at=ONE_O_CLOCK)
    for model in (after, after, before):
        models.put_model(connection, model)
    assert models.get_model(connection, after.digest) == after
    assert models.models_of(connection, RoundId("r2")) == {ModelPart.BEFORE: before}
    assert models.list_models(connection) == [before, after]
    models.put_evaluation(connection, R1, "lift", {"value": 0.1})
    models.put_evaluation(connection, R1, "lift", {"value": 0.2})
    assert models.evaluations_of(connection, R1) == {"lift": {"value": 0.2}}


def test_a_history_that_grew_replaces_the_older_export(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    history = ArchivedHistory(
        workflow_id="round/r1",
        run_id="run",
        round_id=R1,
        workflow_type="RoundWorkflow",
        events=10,
        sha256=sha("ten"),
        bytes=100,
        status="running",
        archived_at=NOON,
    )
    grown = replace(history, events=20, sha256=sha("twenty"), status="completed")
    for each in (history, grown, history):
        histories.record_history(connection, each)
    assert histories.histories_of(connection, R1) == [grown]


# -- remembered answers -----------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer(engine: Engine) -> None:
    with engine.begin() as connection:
        account_id = create_account(connection, name="Ada", roles=set()).account_id

    def ask(request: str = "one") -> Remembered | None:
        with engine.begin() as connection:
            found = idempotency.recall(
                connection,
                account_id=account_id,
                key="k",
                route="pools",
                request_digest=sha(request),
            )
            if found is None:
                idempotency.remember(
                    connection,
                    account_id=account_id,
                    key="k",
                    route="pools",
                    request_digest=sha(request),
                    status=201,
                    response={"pool": "tickets"},
                )
            return found

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ask(), range(4)))
    assert answers.count(None) == 1
    assert ask() == Remembered(status=201, response={"pool": "tickets"})
    with pytest.raises(IdempotencyConflict):
        ask("another")
    with engine.begin() as connection:
        connection.execute(update(idempotency_keys).values(created_at=NOON))
        assert idempotency.forget_older(connection, timedelta(days=1)) == 1
    assert ask("another") is None


def _classes(*labels: str) -> tuple[LabelClass, ...]:
    return tuple(LabelClass(label=label) for label in labels)


def _version(number: int, round_id: str) -> DatasetVersion:
    return DatasetVersion(
        dataset="tickets",
        version=number,
        digest=sha(f"rows {number}"),
        parent_version=number - 1 or None,
        round_id=RoundId(round_id),
        manifest={"version": number},
        manifest_sha256=Sha256(sha("manifest")),
        path=f"datasets/tickets/v{number}",
        rows=10,
        roles={"train": 10},
        ledger_head=BODY,
        approved_by=AccountId("acc-approver"),
        published_at=ONE_O_CLOCK,
    )
