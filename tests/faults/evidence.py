"""What a round has left behind, in each place where something could be missing or too much."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import func, select
from temporalio.api.enums.v1 import EventType

from domain.ids import RoundId, shard_workflow_id
from storage.tables import dataset_versions, model_versions, outcomes, reviews, tasks
from tests.faults.world import POLICY, REVIEWS_PER_RECORD, Round, World
from workers.client import connect

SUBMISSIONS = {"review", "adjudicate"}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The same answers, counted in four places that do not know of each other."""

    acknowledged: list[str]
    """Review ids that a client was promised."""
    signalled: list[str]
    """Review ids in the shards' histories, in order; a repeated signal is there twice."""
    repeated: int
    """Submissions that the shards say they have refused."""
    rows: list[tuple[str, str, str, str]]
    """The read model's reviews: id, record, kind, status."""
    digest: str
    """Of the dataset that was published."""

    def plain(self) -> dict[str, object]:
        return {
            "acknowledged": len(self.acknowledged),
            "in history": len(set(self.signalled)),
            "signalled again": len(self.signalled) - len(set(self.signalled)),
            "in read model": len(self.rows),
        }


def gather(world: World, round_: Round) -> Evidence:
    with world.engine.connect() as connection:
        rows = connection.execute(
            select(
                reviews.c.review_id, reviews.c.record_id, reviews.c.kind, reviews.c.status
            ).where(reviews.c.round_id == round_.round_id)
        ).all()
        shards = connection.scalars(
            select(tasks.c.shard).where(tasks.c.round_id == round_.round_id).distinct()
        ).all()
        digest = connection.scalars(
            select(dataset_versions.c.digest).where(dataset_versions.c.round_id == round_.round_id)
        ).one()
    in_history, refused = signalled(world, round_.round_id, sorted(shards))
    return Evidence(
        acknowledged=round_.acknowledged,
        signalled=in_history,
        repeated=refused,
        rows=[tuple(row) for row in rows],
        digest=digest,
    )


def check_nothing_lost_or_doubled(world: World, round_: Round) -> Evidence:
    """Acknowledged = history = read model = dataset, each answer exactly once; and one version."""
    found = gather(world, round_)
    acknowledged, in_history = Counter(found.acknowledged), Counter(found.signalled)
    assert set(acknowledged.values()) == {1}
    assert acknowledged.keys() == in_history.keys()
    assert found.repeated == in_history.total() - len(in_history)
    assert sorted(review_id for review_id, *_ in found.rows) == sorted(acknowledged)
    assert {status for *_, status in found.rows} == {"accepted"}
    _check_each_record(world, round_, found)
    _check_one_version(world, round_, found.digest)
    check_by_audit(world, round_)
    return found


def signalled(world: World, round_id: RoundId, shards: list[int]) -> tuple[list[str], int]:
    """The review ids in the shards' histories, and how many of them the shards have refused."""
    return asyncio.run(_histories(world, round_id, shards))


def _check_each_record(world: World, round_: Round, found: Evidence) -> None:
    """Every record has the reviews that were asked for, at most one adjudication, one outcome."""
    wanted = {f"review of {record}": REVIEWS_PER_RECORD for record in _batch(world, round_)}
    by_record = Counter(f"{kind} of {record}" for _, record, kind, _ in found.rows)
    assert {name: n for name, n in by_record.items() if name.startswith("review")} == wanted
    assert set(by_record.values()) <= {1, REVIEWS_PER_RECORD}
    with world.engine.connect() as connection:
        settled = connection.scalars(
            select(outcomes.c.record_id).where(outcomes.c.round_id == round_.round_id)
        ).all()
        undone = connection.scalar(
            select(func.count()).where(
                tasks.c.round_id == round_.round_id, tasks.c.status != "done"
            )
        )
        models = connection.execute(
            select(model_versions.c.part).where(model_versions.c.round_id == round_.round_id)
        ).all()
    assert len(settled) == len(set(settled)) == POLICY["batch_size"]
    assert undone == 0
    assert sorted(part for (part,) in models) == ["after", "before"]


def _batch(world: World, round_: Round) -> list[str]:
    page = world.team.get(f"/api/v1/rounds/{round_.round_id}/batch?limit=500")
    return [each["record_id"] for each in page["items"]]


def _check_one_version(world: World, round_: Round, digest: str) -> None:
    [shown] = world.team.get(f"/api/v1/datasets/{round_.dataset}")["versions"]
    assert (shown["version"], shown["digest"]) == (1, digest)
    with world.engine.connect() as connection:
        version = connection.execute(
            select(dataset_versions).where(dataset_versions.c.dataset == round_.dataset)
        ).one()
    assert version.round_id == round_.round_id
    check_folder(Path(version.path), version.manifest_sha256)


def check_by_audit(world: World, round_: Round) -> None:
    """What the product says of itself, replaying the histories."""
    answer = world.auditor.ask("POST", f"/api/v1/rounds/{round_.round_id}/verification")
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["verified"], report["findings"]


def check_folder(folder: Path, manifest_sha256: str) -> None:
    """The folder holds what its manifest says, and nothing of another attempt is beside it."""
    data = (folder / "manifest.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == manifest_sha256
    files: dict[str, Any] = json.loads(data)["files"]
    for each in files.values():
        assert hashlib.sha256((folder / each["name"]).read_bytes()).hexdigest() == each["sha256"]
        assert pq.read_metadata(folder / each["name"]).num_rows == each["rows"]
    assert {each["name"] for each in files.values()} < {path.name for path in folder.iterdir()}
    assert [path.name for path in folder.parent.iterdir() if path.name != ".staging"] == ["v1"]
    assert not list((folder.parent / ".staging").glob("*"))


async def _histories(world: World, round_id: RoundId, shards: list[int]) -> tuple[list[str], int]:
    """The review ids that were signalled, and how many of them the shards refused."""
    client = await connect(world.stack.settings)
    signalled: list[str] = []
    refused = 0
    for shard in shards:
        run_id: str | None = None
        while True:
            handle = client.get_workflow_handle(shard_workflow_id(round_id, shard), run_id=run_id)
            events = (await handle.fetch_history()).events
            for event in events:
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                    signal = event.workflow_execution_signaled_event_attributes
                    if signal.signal_name in SUBMISSIONS:
                        [message] = await client.data_converter.decode(signal.input.payloads)
                        signalled.append(message["review_id"])
                elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
                    done = event.workflow_execution_completed_event_attributes
                    [result] = await client.data_converter.decode(done.result.payloads)
                    refused += result["refused"]
            run_id = events[
                0
            ].workflow_execution_started_event_attributes.continued_execution_run_id
            if not run_id:
                break
    return signalled, refused
