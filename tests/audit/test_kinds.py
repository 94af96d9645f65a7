"""Whole rounds of what has parts, verified: sets of labels, and pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from domain.ids import PoolId, RecordId, RoundId
from domain.labels import Choice, LabelClass, LabelSchema
from domain.records import ContentKind
from domain.reviews import Verdict, VerdictKind
from domain.rounds import Phase
from storage import definitions, pools
from storage.formats import Format
from storage.importing import import_records
from storage.readers import Mapping, read_rows
from tests.audit.conftest import Ended
from tests.learning.products import product_pairs, row_of
from tests.signing import SIGNER
from tests.workflows.round_world import WORDS, Answer, World

pytestmark = pytest.mark.slow


def pool_of(
    world: World, kind: ContentKind, schema: LabelSchema, rows: Sequence[dict[str, object]]
) -> tuple[PoolId, LabelSchema]:
    """A pool of these rows: id, content, and perhaps label and role."""
    pool = PoolId(schema.name)
    with world.engine.begin() as connection:
        schema = definitions.put_schema(connection, schema, world.requester.account_id)
        pools.create_pool(
            connection,
            pool,
            kind=kind,
            schema=(schema.name, schema.version),
            created_by=world.requester.account_id,
        )
    file = world.datasets.parent / f"{pool}.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    mapping = Mapping(kind=kind, label_column="label", role_column="role", choice=schema.choice)
    report = import_records(
        world.engine,
        pool,
        read_rows(file, Format.JSON_LINES, mapping),
        schema=schema,
        created_by=world.requester.account_id,
        file_name=file.name,
    )
    assert report.accepted == len(rows), report.rejections
    return pool, schema


async def end_a_round_of(
    world: World,
    kind: ContentKind,
    pool: tuple[PoolId, LabelSchema],
    answer: Answer,
    *,
    settle: Answer,
) -> Ended:
    plan = world.plan(
        pool[0], round_id=RoundId(f"round-{uuid4().hex[:8]}"), kind=kind, schema=pool[1]
    )
    result = await world.complete(SIGNER.sign_plan(plan), answer, settle=settle)
    assert result.phase is Phase.CLOSED, result.failure
    return Ended(world=world, round_id=plan.round_id, result=result)


def published(ended: Ended) -> list[dict[str, Any]]:
    assert ended.result.published is not None
    files = Path(ended.result.published.path).glob("*.parquet")
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def role(number: int) -> str | None:
    """The first records are known: for training, then for testing."""
    return None if number >= 30 else "train" if number < 20 else "test"


# -- sets of labels -----------------------------------------------------------------------------

TOPICS = LabelSchema(
    name="topics",
    version=1,
    classes=(LabelClass(label="sport"), LabelClass(label="money")),
    choice=Choice.MULTIPLE,
    min_labels=0,
)


def topics(record_id: RecordId, _reviewer: str = "") -> Verdict:
    number = int(record_id[1:])
    labels = [label for label, step in (("sport", 2), ("money", 3)) if number % step == 0]
    return Verdict(kind=VerdictKind.LABEL, labels=tuple(labels))


def topics_in_part(record_id: RecordId, reviewer: str) -> Verdict:
    """Bob sees one topic at the most."""
    right = topics(record_id)
    return Verdict(kind=VerdictKind.LABEL, labels=right.labels[:1]) if reviewer == "bob" else right


def text_row(number: int) -> dict[str, object]:
    labels = topics(RecordId(f"t{number}")).labels
    words = [word for label in labels for word in WORDS[label][number % 3 : number % 3 + 3]]
    row: dict[str, object] = {"id": f"t{number}", "text": f"{' '.join(words)} note {number}"}
    return row | ({"label": labels, "role": role(number)} if role(number) else {})


async def test_a_round_of_several_labels_a_record_is_published_and_verified(world: World) -> None:
    pool = pool_of(world, ContentKind.TEXT, TOPICS, [text_row(number) for number in range(60)])
    ended = await end_a_round_of(world, ContentKind.TEXT, pool, topics_in_part, settle=topics)
    for row in published(ended):
        assert row["labels"] == sorted(topics(row["record_id"]).labels), row
        assert row["label"] == ("|".join(row["labels"]) or "(none)")
    quality = world.round(ended.round_id).summary["quality"]
    assert quality["alpha"] is not None
    assert quality["alpha_of_sets"] >= quality["alpha"]
    assert world.round(ended.round_id).summary["evaluation"]["after"]["records"] == 10
    assert await ended.differences() == []


# -- pairs --------------------------------------------------------------------------------------

MATCHING = LabelSchema(
    name="matching", version=1, classes=(LabelClass(label="same"), LabelClass(label="different"))
)
PRODUCTS = product_pairs(90, seed=8)


def matching(record_id: RecordId, _reviewer: str = "") -> str:
    return PRODUCTS.labels[int(record_id[1:])]


def matching_in_haste(record_id: RecordId, reviewer: str) -> str:
    """Bob takes every third pair for the same."""
    hasty = reviewer == "bob" and int(record_id[1:]) % 3 == 0
    return "same" if hasty else matching(record_id)


def pair_row(number: int) -> dict[str, object]:
    left, right = (row_of(PRODUCTS.contents[number], side) for side in ("left", "right"))
    row: dict[str, object] = {"id": f"p{number}", "left": left, "right": right}
    known = {"label": PRODUCTS.labels[number], "role": role(number)}
    return row | (known if role(number) else {})


async def test_a_round_of_pairs_is_published_and_verified(world: World) -> None:
    pool = pool_of(world, ContentKind.PAIR, MATCHING, [pair_row(number) for number in range(90)])
    ended = await end_a_round_of(world, ContentKind.PAIR, pool, matching_in_haste, settle=matching)
    rows = published(ended)
    assert len(rows) == 30 + 8
    for row in rows:
        number = int(row["record_id"][1:])
        assert json.loads(row["content"]) == PRODUCTS.contents[number]
        assert row["labels"] == [row["label"]] == [PRODUCTS.labels[number]]
    assert world.round(ended.round_id).summary["evaluation"]["after"]["value"] > 0.5
    assert await ended.differences() == []
