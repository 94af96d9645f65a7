"""A round can be audited from its archived histories alone, and an edited one is noticed."""

# ruff: noqa: S608 -- whoever tampers writes statements by hand

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from activities.archive import pack, unpack
from activities.histories import payloads_in
from domain.canonical import Sha256
from domain.errors import NotFound, TemporalUnavailable
from storage.artifacts import ArtifactStore
from storage.histories import ArchivedHistory
from tests.audit.conftest import Ended, archive
from tests.audit.outside_forging import tampered_outside
from tests.audit.tampering import flipped, rewritten, tampered
from tests.signing import KEYS, SIGNER
from workers.audit import Export, FindingKind, exported, ledger_of
from workers.audit.offline import verify_bundle

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def path_of(store: ArtifactStore, row: ArchivedHistory) -> Path:
    return Path(store.path_of(row.sha256))


async def edited(
    ended: Ended, row: ArchivedHistory, before: str, after: str, *, most: int | None = None
) -> Sha256:
    """Stores the history with a word replaced in its payloads, as an insider with the key would.

    In the first `most` of those that have it, or in all.
    """
    changed = 0
    codec = ended.world.client.data_converter.payload_codec
    assert codec is not None
    history = unpack(ended.world.store, workflow_id=row.workflow_id, sha256=row.sha256)
    for event in history.events:
        for payload in payloads_in(event):
            [plain] = await codec.decode([payload])
            if before.encode() not in plain.data or changed == most:
                continue
            changed += 1
            plain.data = plain.data.replace(before.encode(), after.encode())
            [again] = await codec.encode([plain])
            payload.CopyFrom(again)
    return ended.world.store.put(pack(history))


async def test_an_archived_round_verifies_without_temporal(ended: Ended) -> None:
    rows = await archive(ended)
    assert len(rows) == 3
    live, archived = await ended.verify(), await ended.verify(live=False)
    assert (live.source, archived.source) == ("live", "archive")
    assert live.findings == archived.findings == ()
    assert live.ledger_head == archived.ledger_head
    assert "archived histories: 3" in live.checks


async def test_both_sources_tell_the_same_ledger(ended: Ended) -> None:
    await archive(ended)
    world = ended.world
    live = await ledger_of(world.client, world.engine, world.store, ended.round_id)
    codec = world.client.data_converter.payload_codec
    archived = await ledger_of(None, world.engine, world.store, ended.round_id, codec=codec)
    assert live == archived
    assert [line.at for line in live] == sorted(line.at for line in live)
    assert live[0].kind == "round_requested"
    assert live[-1].kind == "round_closed"
    assert {line.source for line in live} == {"round", "shard 0", "shard 1"}
    assert {line.actor for line in live if line.kind == "review_accepted"} <= {"ann", "bob", "cid"}


async def test_changed_bytes_of_an_archived_history_are_named(ended: Ended) -> None:
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/1"]
    path = path_of(ended.world.store, row)
    with rewritten(path, flipped(path)):
        found = await ended.differences()
    assert found == [
        (FindingKind.ARCHIVE_ALTERED, f"archived history {row.workflow_id} run {row.run_id}")
    ]


async def test_a_lost_archived_history_is_named(ended: Ended) -> None:
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/1"]
    where = f"where workflow_id = '{row.workflow_id}'"
    sql = f"delete from archived_histories {where}"
    with tampered(ended.world.engine, "archived_histories", sql):
        report = await ended.verify(live=False)
    missing = [each.subject for each in report.findings if each.kind is FindingKind.HISTORY_MISSING]
    assert missing == [f"history {row.workflow_id}"]


@pytest.mark.parametrize(
    ("before", "after", "noticed"),
    [
        ('"label":"sport"', '"label":"money"', {FindingKind.FORGED_ACTOR}),
        # The replayed shard turns the message away, and so does not do what its history says.
        ('"seconds":1.5', '"seconds":9.5', {FindingKind.FORGED_ACTOR, FindingKind.REPLAY_FAILED}),
    ],
)
async def test_an_edited_history_is_noticed_even_under_a_digest_of_its_own(
    ended: Ended, before: str, after: str, noticed: set[FindingKind]
) -> None:
    """Whoever can write to artifacts and database cannot make an answer another one."""
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/0"]
    sha256 = await edited(ended, row, before, after)
    sql = f"update archived_histories set sha256 = '{sha256}' where sha256 = '{row.sha256}'"
    with tampered(ended.world.engine, "archived_histories", sql):
        archived, live = await ended.verify(live=False), await ended.verify()
    assert noticed <= {finding.kind for finding in archived.findings}
    assert [finding.kind for finding in live.findings] == [FindingKind.ARCHIVE_ALTERED]


async def test_an_edited_answer_is_named_though_the_replay_turns_it_away(ended: Ended) -> None:
    """Only a shard that replays tells what it has turned away itself."""
    rows = await archive(ended)
    row = rows[f"round/{ended.round_id}/shard/0"]
    sha256 = await edited(ended, row, '"seconds":1.5', '"seconds":9.5', most=1)
    sql = f"update archived_histories set sha256 = '{sha256}' where sha256 = '{row.sha256}'"
    with tampered(ended.world.engine, "archived_histories", sql):
        report = await ended.verify(live=False)
    found = [finding.kind for finding in report.findings]
    assert FindingKind.REPLAY_FAILED in found
    assert found.count(FindingKind.FORGED_ACTOR) == 1
    assert not any("forged messages" in note for note in report.notes)


async def test_what_is_nowhere_is_not_found(ended: Ended) -> None:
    world = ended.world
    with pytest.raises(NotFound):
        await ledger_of(world.client, world.engine, world.store, "never-was")  # type: ignore[arg-type]
    with pytest.raises(TemporalUnavailable):
        await ledger_of(None, world.engine, world.store, "never-was")  # type: ignore[arg-type]


async def test_a_bundle_can_be_made_from_the_archive_alone(ended: Ended, tmp_path: Path) -> None:
    await archive(ended)
    world, bundle = ended.world, tmp_path / "archived.tar"
    wanted = Export(round_id=ended.round_id, exported_by=world.requester)
    async with exported(
        None,
        world.engine,
        world.store,
        world.datasets,
        wanted,
        signer=SIGNER,
        codec=world.client.data_converter.payload_codec,
    ) as sealed:
        await asyncio.to_thread(bundle.write_bytes, b"".join(sealed.chunks()))
    report = await asyncio.to_thread(verify_bundle, bundle, public_keys=KEYS, processes=1)
    assert report.findings == ()
    assert report.tree == (await ended.verify()).tree


async def test_what_was_tampered_with_by_seed_is_found_and_named(ended: Ended) -> None:
    await archive(ended)
    for seed in range(12):
        with tampered_outside(ended, seed) as tampering:
            found = await ended.differences(live=tampering.live)
        assert any(place in subject for place in tampering.places for _, subject in found), (
            seed,
            tampering,
            found,
        )
    assert await ended.differences() == []
