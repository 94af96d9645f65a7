"""What must be there before a round can be shown, as far as its histories tell: its pool with the
records of its snapshot, its label schema, the people in it, the files that it published.

Definitions that a round only names, and the rights of people, are not in histories: they come from
a backup of the database.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from activities.manifest import MANIFEST_FILE, move_durably, write_durably
from domain.accounts import Actor
from domain.canonical import Sha256
from domain.ids import RecordId
from domain.records import Content, KnownRole, Record
from domain.rounds import Published, RoundPlan, Snapshot
from storage import tables as stored
from storage.artifacts import ArtifactStore
from storage.database import transaction
from storage.documents import to_json
from storage.importing import import_records
from storage.readers import Row
from workers.audit.publication import said_something
from workers.audit.recorded import RecordedRun
from workers.rebuilding.projections import manifest_bytes

FROM_SNAPSHOT = "snapshot of "
"""How the file name of an import begins that came from a round's snapshot."""


def provide(engine: Engine, store: ArtifactStore, runs: Iterable[RecordedRun]) -> None:
    """Adds what is missing and leaves alone what is there."""
    runs = list(runs)
    round_run = next(run for run in runs if isinstance(run.plan, RoundPlan))
    plan = round_run.plan
    if not isinstance(plan, RoundPlan):
        return
    with transaction(engine) as connection:
        _accounts(connection, plan, runs)
        _schema(connection, plan)
        new = _pool(connection, plan)
    if new or _restored(engine, plan):
        _records(engine, store, plan, round_run)


def published_by(round_run: RecordedRun) -> Published | None:
    """The version that the round has published."""
    for activity in round_run.asked("publish"):
        if said_something(activity.result):
            return activity.answer(Published)
    return None


def put_files_back(store: ArtifactStore, datasets_root: Path, published: Published) -> bool:
    """Publishes the version's files again where its folder is gone, and whether it did.

    Raises NotFound and DigestMismatch for artifacts.
    """
    folder = datasets_root / published.dataset / f"v{published.version}"
    if folder.exists():
        return False
    data = manifest_bytes(store, datasets_root, published)
    staging = folder.parent / ".staging" / f"restored-{uuid4().hex}"
    staging.mkdir(parents=True)
    try:
        for file in json.loads(data)["files"].values():
            write_durably(staging / file["name"], store.get(Sha256(file["sha256"])))
        write_durably(staging / MANIFEST_FILE, data)
        move_durably(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return True


def _accounts(connection: Connection, plan: RoundPlan, runs: Iterable[RecordedRun]) -> None:
    """People whom nobody knows here come without rights, shut out, so that they have a name."""
    people: dict[str, Actor] = {plan.requested_by.account_id: plan.requested_by}
    for run in runs:
        for signal in run.signals:
            if signal.message is not None:
                people.setdefault(signal.message.actor.account_id, signal.message.actor)
    known = set(connection.scalars(select(stored.accounts.c.account_id)))
    names = set(connection.scalars(select(stored.accounts.c.name)))
    for account_id, actor in sorted(people.items()):
        if account_id in known:
            continue
        name = actor.name if actor.name not in names else f"{actor.name} ({account_id})"
        names.add(name)
        connection.execute(
            insert(stored.accounts)
            .values(account_id=account_id, name=name, roles=[], disabled_at=func.now())
            .on_conflict_do_nothing()
        )


def _schema(connection: Connection, plan: RoundPlan) -> None:
    connection.execute(
        insert(stored.label_schemas)
        .values(
            name=plan.schema.name,
            version=plan.schema.version,
            body=to_json(plan.schema),
            digest=plan.schema.digest,
            created_by=plan.requested_by.account_id,
        )
        .on_conflict_do_nothing()
    )


def _pool(connection: Connection, plan: RoundPlan) -> bool:
    """Whether the pool was made just now."""
    made = connection.execute(
        insert(stored.pools)
        .values(
            pool_id=plan.pool_id,
            kind=plan.kind.value,
            schema_name=plan.schema.name,
            schema_version=plan.schema.version,
            created_by=plan.requested_by.account_id,
        )
        .on_conflict_do_nothing()
    )
    return made.rowcount > 0


def _restored(engine: Engine, plan: RoundPlan) -> bool:
    """Whether all records of the pool came from snapshots, so that a later one follows them."""
    imports = stored.imports
    with transaction(engine) as connection:
        names = set(
            connection.scalars(select(imports.c.file_name).where(imports.c.pool_id == plan.pool_id))
        )
    return all(name.startswith(FROM_SNAPSHOT) for name in names)


def _records(engine: Engine, store: ArtifactStore, plan: RoundPlan, round_run: RecordedRun) -> None:
    snapshots = [each.answer(Snapshot) for each in round_run.asked("snapshot_pool")]
    for snapshot in snapshots:
        if snapshot is not None:
            import_records(
                engine,
                plan.pool_id,
                _rows(store, snapshot),
                schema=plan.schema,
                created_by=plan.requested_by.account_id,
                file_name=f"{FROM_SNAPSHOT}{plan.round_id}",
            )


def _rows(store: ArtifactStore, snapshot: Snapshot) -> Iterator[Row]:
    columns = ["record_id", "content", "metadata", "label", "role"]
    line = 0
    for partition in snapshot.partitions:
        for row in store.get_table(partition.artifact, columns=columns).to_pylist():
            line += 1
            record = Record(
                record_id=RecordId(row["record_id"]),
                content=Content(json.loads(row["content"])),
                metadata=json.loads(row["metadata"]),
                label=row["label"],
                role=None if row["role"] is None else KnownRole(row["role"]),
            )
            yield Row(line=line, record=record)
