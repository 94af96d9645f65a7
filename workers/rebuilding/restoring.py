"""Rebuilds several rounds, and whole archives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from domain.errors import NotFound
from domain.ids import RoundId, round_of_workflow
from storage import histories, rounds
from storage.artifacts import ArtifactStore
from storage.database import transaction
from workers.audit.recorded import recorded
from workers.audit.sources import find_histories
from workers.rebuilding.exported import take_in
from workers.rebuilding.rounds import RoundRebuilt, rebuild_round
from workers.rebuilding.surroundings import provide, published_by, put_files_back


@dataclass(frozen=True, kw_only=True)
class Restored:
    rebuilt: RoundRebuilt
    files: bool
    """Whether the published files were put back."""


async def restore_archive(
    engine: Engine,
    store: ArtifactStore,
    datasets_root: Path,
    folder: Path,
    *,
    public_keys: Mapping[str, str],
    codec: PayloadCodec,
    force: bool = False,
) -> list[Restored]:
    """Takes an exported archive in and makes its rounds from it, as they were.

    What is there already stays. Raises InvalidInput where the folder holds no archive, and as
    `rebuild_round` does.
    """
    taken = await asyncio.to_thread(take_in, engine, store, folder)

    async def restore(round_id: RoundId) -> Restored:
        sourced = await find_histories(None, engine, store, round_id, codec=codec, source="archive")
        runs = await asyncio.to_thread(lambda: [recorded(each) for each in sourced.histories])
        await asyncio.to_thread(provide, engine, store, runs)
        rebuilt = await rebuild_round(
            None,
            engine,
            store,
            datasets_root,
            round_id,
            public_keys=public_keys,
            codec=codec,
            source="archive",
            force=force,
        )
        published = published_by(runs[0])
        files = published is not None and await asyncio.to_thread(
            put_files_back, store, datasets_root, published
        )
        return Restored(rebuilt=rebuilt, files=files)

    return await one_after_another(taken, restore)


async def one_after_another(
    round_ids: Iterable[RoundId], rebuild: Callable[[RoundId], Awaitable[Restored]]
) -> list[Restored]:
    """Rebuilds the rounds; one whose dataset version follows another's waits until that is there.

    Raises what the first of them raises that cannot be rebuilt.
    """
    done: list[Restored] = []
    waiting = list(round_ids)
    while waiting:
        later: list[RoundId] = []
        for round_id in waiting:
            try:
                done.append(await rebuild(round_id))
            except IntegrityError:
                later.append(round_id)
                if len(later) == len(waiting):
                    raise
        waiting = later
    return done


async def known_rounds(client: Client | None, engine: Engine) -> list[RoundId]:
    """Every round that the read model, the archive or Temporal knows of."""
    with transaction(engine) as connection:
        found = set(rounds.all_rounds(connection)) | set(histories.archived_rounds(connection))
    if client is not None:
        async for each in client.list_workflows("WorkflowType = 'RoundWorkflow'"):
            round_id = round_of_workflow(each.id)
            if round_id is not None:
                found.add(round_id)
    if not found:
        raise NotFound("there is no round, neither in the archive nor in Temporal")
    return sorted(found)
