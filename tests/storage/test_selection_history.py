"""What earlier rounds leave for the selection of the next one: predictions and models."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, Engine

from domain.ids import RecordId, RoundId, Timestamp
from domain.rounds import Phase
from domain.routing import Lane
from storage import lanes, models, rounds
from storage.models import ModelPart, ModelVersion
from tests.storage.samples import NOON, ONE_O_CLOCK, make_round, plan, sha


def close(connection: Connection, round_id: str) -> None:
    rounds.close_round(
        connection,
        RoundId(round_id),
        phase=Phase.CLOSED,
        at=ONE_O_CLOCK,
        ledger_head=sha("head"),
        ledger_length=3,
        failure=None,
    )


def test_predictions_are_those_of_ended_rounds_on_the_same_dataset(
    engine: Engine, connection: Connection
) -> None:
    first = make_round(engine, records=3)
    close(connection, first.round_id)
    rounds.create_round(connection, plan("r2"))
    batch = rounds.get_batch(connection, first.round_id)
    told = [
        replace(row, selection=replace(row.selection, predicted=label))
        for row, label in zip(batch, ["billing", "other", None], strict=True)
    ]
    lanes.put_lanes(connection, RoundId("r2"), [Lane(number=0)], schema="topics")
    rounds.put_batch(connection, RoundId("r2"), told)
    assert rounds.predictions(connection, "tickets") == []
    close(connection, "r2")
    assert rounds.predictions(connection, "tickets") == [
        (RecordId("t0000"), "billing"),
        (RecordId("t0001"), "other"),
    ]
    assert rounds.predictions(connection, "another") == []


def test_models_that_chose_for_a_published_version_come_newest_first(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    cold = ModelVersion(
        digest=sha("cold"),
        artifact=sha("cold"),
        round_id=RoundId("r1"),
        part=ModelPart.BEFORE,
        dataset="tickets",
        dataset_version=None,
        kind="text",
        classes=(),
        labelled=0,
        created_at=NOON,
    )
    models.put_model(connection, cold)
    assert chosen(connection) == []
    for number, round_id in enumerate(("r2", "r3", "r4"), 2):
        rounds.create_round(connection, plan(round_id))
        name = sha(round_id)
        models.put_model(
            connection,
            replace(
                cold,
                digest=name,
                artifact=name,
                round_id=RoundId(round_id),
                classes=("billing", "other"),
                created_at=Timestamp(NOON.replace("12:00", f"12:0{number}")),
            ),
        )
        close(connection, round_id)
    assert chosen(connection) == [sha("r4"), sha("r3")]
    assert chosen(connection, besides="r4") == [sha("r3"), sha("r2")]


def chosen(connection: Connection, *, besides: str = "r9") -> list[str]:
    found = models.choosing_models(connection, "tickets", besides=RoundId(besides), limit=2)
    return list(found)
