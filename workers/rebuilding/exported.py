"""An archive as a folder: what a round can be made again from, wherever that is.

    FOLDER/archive.json     which histories there are, and under which digests
    FOLDER/artifacts/…      the histories and all that they refer to, by SHA-256

Histories are as Temporal had them, encrypted. The keys are not a part of it: keep them apart.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec

from activities.archive import unpack
from activities.histories import decode, payloads_in
from domain.canonical import Sha256
from domain.errors import InvalidInput
from domain.ids import RoundId
from storage import histories
from storage.artifacts import ArtifactStore
from storage.database import transaction
from storage.documents import from_json
from storage.histories import ArchivedHistory

INDEX = "archive.json"
ARTIFACTS = "artifacts"
FORMAT = "labelwright-archive/1"

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
"""What names an artifact, wherever in a message it stands."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    rounds: int
    histories: int
    artifacts: int


async def export_archive(
    engine: Engine,
    store: ArtifactStore,
    folder: Path,
    round_ids: Iterable[RoundId],
    *,
    codec: PayloadCodec,
) -> Exported:
    """Copies what is archived of the rounds, and every artifact that it refers to.

    Raises InvalidInput where the folder holds an archive, UnknownPayloadKey, NotFound,
    DigestMismatch.
    """
    if (folder / INDEX).exists():
        raise InvalidInput(f"{folder} holds an archive already", hint="name an empty folder")
    with transaction(engine) as connection:
        rows = [row for each in round_ids for row in histories.histories_of(connection, each)]
    target = ArtifactStore(folder / ARTIFACTS)
    copied: set[Sha256] = set()
    for row in rows:
        kept = await asyncio.to_thread(
            unpack, store, workflow_id=row.workflow_id, sha256=row.sha256
        )
        await decode([kept], codec)
        await asyncio.to_thread(_copy, store, target, {row.sha256, *_referred_to(kept)}, copied)
    index = {"format": FORMAT, "histories": [asdict(row) for row in rows]}
    # Last: a folder without an index is no archive.
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
    return Exported(
        rounds=len({row.round_id for row in rows}), histories=len(rows), artifacts=len(copied)
    )


def take_in(engine: Engine, store: ArtifactStore, folder: Path) -> list[RoundId]:
    """Puts the folder's artifacts into the store and its histories into the archive; its rounds.

    What is there already stays. Raises InvalidInput where the folder holds no archive, and
    DigestMismatch for a file that is not what its name says.
    """
    rows = _read_index(folder / INDEX)
    source = ArtifactStore(folder / ARTIFACTS)
    for path in sorted((folder / ARTIFACTS).glob("??/*")):
        store.put(source.get(Sha256(path.name)))
    with transaction(engine) as connection:
        for row in rows:
            histories.record_history(connection, row)
    return sorted({row.round_id for row in rows})


def _read_index(path: Path) -> list[ArchivedHistory]:
    try:
        index = json.loads(path.read_text())
        if index["format"] != FORMAT:
            raise ValueError(f"its format is {index['format']}")
        return [from_json(ArchivedHistory, row) for row in index["histories"]]
    except FileNotFoundError:
        raise InvalidInput(
            f"{path.parent} holds no archive: there is no {INDEX}",
            hint="`labelwright archive export FOLDER` makes one",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} is not the index of an archive: {error}") from error


def _referred_to(history: WorkflowHistory) -> Iterator[Sha256]:
    for event in history.events:
        for payload in payloads_in(event):
            for digest in _DIGEST.findall(payload.data):
                yield Sha256(digest.decode())


def _copy(
    store: ArtifactStore, target: ArtifactStore, wanted: Iterable[Sha256], copied: set[Sha256]
) -> None:
    """With what they refer to themselves: a manifest names the files of its version."""
    for sha256 in sorted(set(wanted) - copied):
        # Of all digests in a history many name no artifact.
        if not store.exists(sha256):
            continue
        data = store.get(sha256)
        target.put(data)
        copied.add(sha256)
        if data.startswith(b"{"):
            inside = {Sha256(digest.decode()) for digest in _DIGEST.findall(data)}
            _copy(store, target, inside, copied)
