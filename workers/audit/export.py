"""Makes a bundle of evidence: histories, ledgers, artifacts, dataset files, under a signed head."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from activities.clock import now
from activities.routing import Again
from domain.accounts import Actor
from domain.canonical import Sha256, canonical
from domain.errors import DigestMismatch, NotFound
from domain.ids import RoundId, round_workflow_id
from domain.rounds import Batch, Candidate, Routed
from domain.tree_heads import ROUND, TREE_FORMAT, TreeHead
from storage.artifacts import ArtifactStore
from storage.definitions import get_guideline
from workers.audit.bundle import (
    ARTIFACTS,
    DATASET,
    HISTORIES,
    LEDGER,
    PINNED,
    source_folder,
)
from workers.audit.evidence import Evidence
from workers.audit.publication import publications
from workers.audit.shares import PackedHistory, Read, Reading, compressed, cores_for, pack, read_all
from workers.audit.snapshot import partitions_of
from workers.audit.sources import Sourced, find_histories
from workers.audit.spool import Sealed, Spool
from workers.audit.timestamps import signed_head, time_stamp
from workers.audit.tree import tree_of_evidence
from workers.audit.ustar import CHUNK, is_member_name
from workers.signing import Signer

BUILD = f"labelwright {version('labelwright')}"
OUTCOMES, CANDIDATE = "outcomes of a shard", "dataset rows that were put up for approval"


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is exported, by whom, and how."""

    round_id: RoundId
    exported_by: Actor
    with_pool: bool = False
    """The pool's snapshot too: with it contents and routes can be checked."""
    timestamp_url: str = ""
    """Of an authority (RFC 3161) that stamps the head; empty: none does."""


@asynccontextmanager
async def exported(
    client: Client | None,
    engine: Engine,
    store: ArtifactStore,
    datasets_root: Path | str,
    export: Export,
    *,
    signer: Signer,
    codec: PayloadCodec | None = None,
    folder: Path | None = None,
    processes: int | None = None,
) -> AsyncIterator[Sealed]:
    """The round's bundle, to be read out before the context is left.

    The round may be open or ended, in Temporal or archived. What cannot be read is left out, and
    the listing says so. `codec` decrypts histories, which the bundle holds in plain; left out, it
    is the client's. `folder` is for the temporary file, `processes` replay the histories.
    Raises NotFound, TemporalUnavailable, TimestampRefused.
    """
    sourced = await find_histories(client, engine, store, export.round_id, codec=codec)
    with Spool(folder) as spool:
        gather = _Gathering(spool, export, engine, store, Path(datasets_root))
        yield await asyncio.to_thread(
            gather.sealed, sourced, signer, processes or cores_for(len(sourced.histories))
        )


class _Gathering:
    def __init__(
        self, spool: Spool, export: Export, engine: Engine, store: ArtifactStore, root: Path
    ) -> None:
        self._spool = spool
        self._export = export
        self._engine = engine
        self._store = store
        self._root = root

    def sealed(self, sourced: Sourced, signer: Signer, processes: int) -> Sealed:
        for finding in sourced.findings:
            self._spool.leave_out(finding.subject, finding.message)
        read = self._histories(sourced, processes)
        evidence = Evidence(runs=tuple(each.run for each in read if each.run), unreadable=())
        leaves = self._ledgers(read)
        self._artifacts(evidence)
        self._dataset(evidence)
        self._pinned(evidence)
        tree = tree_of_evidence(evidence, leaves)
        head = TreeHead(
            format=TREE_FORMAT,
            round=self._export.round_id,
            root=tree.root,
            entries=tree.entries,
            sources=tree.sources,
            exported_at=now(),
            exported_by=self._export.exported_by,
            build=BUILD,
        )
        url = self._export.timestamp_url
        return self._spool.sealed(
            head,
            signer,
            with_pool=self._export.with_pool,
            stamp=(lambda listing: time_stamp(url, signed_head(listing))) if url else None,
        )

    def _histories(self, sourced: Sourced, processes: int) -> list[Read]:
        def packed() -> Iterator[PackedHistory]:
            runs: dict[str, int] = {}
            for history in sourced.histories:
                source = _source(self._export.round_id, history.workflow_id)
                number = runs[source] = runs.get(source, -1) + 1
                name = f"{HISTORIES}/{source_folder(source)}/{number:03}.pb.gz"
                each = PackedHistory(workflow_id=history.workflow_id, name=name, data=pack(history))
                about = f"history of {history.workflow_id}, run {history.run_id}"
                self._spool.add(name, [each.data], about=about)
                yield each

        return list(
            read_all(packed(), Reading(public_keys={}, with_lines=True), processes=processes)
        )

    def _ledgers(self, read: list[Read]) -> dict[str, list[bytes]]:
        """Writes each ledger down; leaf hashes by source."""
        leaves: dict[str, list[bytes]] = {}
        lines: dict[str, list[bytes]] = {}
        for each in read:
            if each.run is not None:
                source = each.run.recorded.source
                leaves.setdefault(source, []).extend(each.leaves)
                lines.setdefault(source, []).append(each.lines)
        for source, parts in lines.items():
            data = compressed(b"".join(parts))
            name = f"{LEDGER}/{source_folder(source)}.jsonl.gz"
            self._spool.add(name, [data], about=f"ledger of {source}, an entry a line")
        return leaves

    def _artifacts(self, evidence: Evidence) -> None:
        for sha256, about in artifacts_of(evidence, with_pool=self._export.with_pool).items():
            name = f"{ARTIFACTS}/{sha256}"
            try:
                self._spool.add(name, [self._store.get(sha256)], about=about)
            except (NotFound, DigestMismatch) as error:
                self._spool.leave_out(name, error.message)

    def _dataset(self, evidence: Evidence) -> None:
        for _, published in publications(evidence):
            folder = self._root / published.dataset / f"v{published.version}"
            for path in sorted(folder.rglob("*")):
                name = f"{DATASET}/{path.relative_to(folder)}"
                if not is_member_name(name) or not path.is_file() or path.is_symlink():
                    self._spool.leave_out(name, "it is no plain file")
                    continue
                about = f"file of version {published.version} of the dataset {published.dataset}"
                self._spool.add(name, _chunks(path), about=about)

    def _pinned(self, evidence: Evidence) -> None:
        plan = evidence.plan
        if plan is None:
            return
        name, _, number = plan.guideline.rpartition("@")
        pinned: dict[str, object] = {
            "schema": plan.schema,
            "policy": evidence.policies[-1],
            "routing": plan.routing,
        }
        try:
            with self._engine.connect() as connection:
                pinned["guideline"] = get_guideline(connection, name, int(number))
        except (NotFound, ValueError) as error:
            self._spool.leave_out(f"{PINNED}/guideline.json", str(error))
        for what, value in pinned.items():
            about = f"{what} of the round, as it was pinned"
            self._spool.add(f"{PINNED}/{what}.json", [canonical(value)], about=about)


def artifacts_of(evidence: Evidence, *, with_pool: bool) -> dict[Sha256, str]:
    """The artifacts that the histories cite and a verification reads, with what each is."""
    found: dict[Sha256, str] = {}
    kinds: tuple[tuple[str, type[Any], str, str], ...] = (
        ("select_batch", Batch, "artifact", "batch as it was selected"),
        ("route_batch", Routed, "artifact", "batch as it was routed"),
        ("route_again", Again, "artifact", "records to look at again"),
        ("assign_roles", Candidate, "rows", CANDIDATE),
    )
    run = evidence.round_run
    for step, kind, attribute, about in kinds if run else ():
        for activity in run.recorded.asked(step):  # type: ignore[union-attr]
            answer = activity.answer(kind)
            if answer is not None:
                found.setdefault(getattr(answer, attribute), about)
    for runs in evidence.shards.values():
        for activity in runs[-1].recorded.asked("store_outcomes"):
            artifact = activity.answer(str)
            if artifact is not None:
                found.setdefault(Sha256(artifact), OUTCOMES)
    if with_pool:
        for partition in partitions_of(evidence):
            found.setdefault(partition.artifact, "part of the pool's snapshot")
    return found


def _source(round_id: RoundId, workflow_id: str) -> str:
    own = round_workflow_id(round_id)
    return ROUND if workflow_id == own else "shard " + workflow_id.rpartition("/")[2]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
