"""A bundle of evidence verifies anywhere, and says where somebody has been at it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.history.v1 import History

from domain.accounts import Actor
from domain.errors import NotABundle, NotFound
from domain.ids import AccountId
from tests.audit.conftest import Ended
from tests.audit.forging import FORGERIES, STRANGER, Parts, flipped_at, forged
from tests.audit.tampering import added, flipped, removed, rewritten
from tests.signing import KEYS, SIGNER
from workers.audit import AuditReport, Export, FindingKind, exported
from workers.audit.offline import verify_bundle
from workers.audit.ustar import END, header, padding

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

AUDITOR = Actor(account_id=AccountId("a-1"), name="ada", authenticated_by="token")


@dataclass(frozen=True)
class Bundled:
    ended: Ended
    path: Path
    data: bytes


async def export(ended: Ended, path: Path, *, with_pool: bool = False) -> Path:
    world = ended.world
    wanted = Export(round_id=ended.round_id, exported_by=AUDITOR, with_pool=with_pool)
    async with exported(
        world.client, world.engine, world.store, world.datasets, wanted, signer=SIGNER
    ) as sealed:
        await asyncio.to_thread(path.write_bytes, b"".join(sealed.chunks()))
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bundled(ended: Ended, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bundled]:
    path = await export(ended, tmp_path_factory.mktemp("bundle") / "round.tar", with_pool=True)
    yield Bundled(ended=ended, path=path, data=path.read_bytes())


async def verified(path: Path, keys: dict[str, str] = KEYS) -> AuditReport:
    return await asyncio.to_thread(verify_bundle, path, public_keys=keys, processes=1)


async def findings(folder: Path, data: bytes) -> list[tuple[FindingKind, str]]:
    path = folder / "forged.tar"
    path.write_bytes(data)
    report = await verified(path)
    assert report.verified == (not report.findings)
    return [(finding.kind, finding.subject) for finding in report.findings]


async def subjects(folder: Path, data: bytes) -> set[str]:
    return {subject for _, subject in await findings(folder, data)}


async def test_an_honest_bundle_verifies_without_any_server(bundled: Bundled) -> None:
    report = await verified(bundled.path)
    assert report.findings == ()
    assert report.verified
    assert report.source == "bundle"
    assert report.round == bundled.ended.round_id
    assert report.ledger_head == bundled.ended.result.ledger_head
    live = await bundled.ended.verify()
    assert (report.tree, report.decisions, report.events) == (
        live.tree,
        live.decisions,
        live.events,
    )
    assert "the pool's snapshot" in report.checks


async def test_what_was_not_exported_is_said_not_to_have_been_checked(
    ended: Ended, tmp_path: Path
) -> None:
    report = await verified(await export(ended, tmp_path / "round.tar"))
    assert report.findings == ()
    assert "the pool's snapshot" not in report.checks
    assert any("without the pool" in note for note in report.notes)


async def test_the_same_round_is_the_same_bundle_but_for_the_hour(
    bundled: Bundled, tmp_path: Path
) -> None:
    again = await export(bundled.ended, tmp_path / "again.tar", with_pool=True)
    assert Parts.of(again.read_bytes()).members == Parts.of(bundled.data).members


@pytest.mark.parametrize("what", FORGERIES)
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_somebody_without_the_key_has_edited_is_named(
    bundled: Bundled, tmp_path: Path, what: str, seed: int
) -> None:
    forgery = forged(bundled.data, seed, what=what)
    found = await findings(tmp_path, forgery.data)
    assert any(place in subject for _, subject in found for place in forgery.places), (
        forgery.places,
        found,
    )


async def test_whatever_bit_is_turned_over_is_found_and_its_member_named(
    bundled: Bundled, tmp_path: Path
) -> None:
    for seed in range(60):
        forgery = forged(bundled.data, seed, what="bit")
        found = await subjects(tmp_path, forgery.data)
        assert forgery.places[0] in found, (forgery.places, found)


async def test_every_bit_of_the_container_itself_is_looked_at(
    bundled: Bundled, tmp_path: Path
) -> None:
    """Headers, padding and the end, where no digest reaches: one bit of each kind of byte."""
    listing = len(header("bundle.json", 0))
    last = len(bundled.data) - len(END)
    offsets = [0, 5, 99, 100, 107, 115, 124, 134, 136, 147, 154, 156, 157, 257, 263, 265, 329, 500]
    for offset in [*offsets, *(_second_header(bundled.data) + each for each in offsets)]:
        forgery = flipped_at(bundled.data, offset * 8)
        found = await subjects(tmp_path, forgery.data)
        assert forgery.places[0] in found, (offset, found)
    for offset in (listing, last, last + 511, last + 512, len(bundled.data) - 1):
        forgery = flipped_at(bundled.data, offset * 8 + 7)
        assert forgery.places[0] in await subjects(tmp_path, forgery.data)


def _second_header(data: bytes) -> int:
    """Where the header of the listing's signature is."""
    return data.index(b"bundle.sig\0")


async def test_a_bundle_that_ends_too_early_or_too_late_is_found(
    bundled: Bundled, tmp_path: Path
) -> None:
    for data in (bundled.data[:-1], bundled.data + b"\0", bundled.data + b"x" * 512):
        assert (FindingKind.BUNDLE_ALTERED, "the end of the file") in await findings(tmp_path, data)
    cut = await findings(tmp_path, bundled.data[: len(bundled.data) // 2])
    assert {kind for kind, _ in cut} >= {FindingKind.BUNDLE_ALTERED, FindingKind.MEMBER_MISSING}


async def test_members_that_change_places_without_the_listing_are_named(
    bundled: Bundled, tmp_path: Path
) -> None:
    parts = Parts.of(bundled.data)
    listing, names = parts.listing, list(parts.members)
    parts.members = {name: parts.members[name] for name in (names[1], names[0], *names[2:])}
    parts.put_together()
    parts.listing = listing | {"members": [listing["members"][1], listing["members"][0]]}
    parts.listing["members"] += listing["members"][2:]
    assert (FindingKind.MEMBER_MOVED, f"member {names[1]}") in await findings(
        tmp_path, parts._written()
    )


async def test_a_member_that_nobody_listed_is_named(bundled: Bundled, tmp_path: Path) -> None:
    extra = header("dataset/extra.txt", 5) + b"extra" + padding(5)
    data = bundled.data[: -len(END)] + extra + END
    assert await findings(tmp_path, data) == [
        (FindingKind.MEMBER_ADDED, "member dataset/extra.txt")
    ]


@pytest.mark.parametrize("gone", [0, 3, 4])
async def test_a_history_that_no_server_can_have_written_is_named_and_not_replayed(
    bundled: Bundled, tmp_path: Path, gone: int
) -> None:
    """Without its start, the end of a task, or what a task commanded: the SDK's core would panic
    at some of them, and never answer."""
    parts = Parts.of(bundled.data)
    name = "histories/shard-000/000.pb.gz"
    history = History.FromString(gzip.decompress(parts.members[name]))
    del history.events[gone]
    for number, event in enumerate(history.events, 1):
        event.event_id = number
    parts.members[name] = gzip.compress(history.SerializeToString(), mtime=0)
    kinds = {kind for kind, _ in await findings(tmp_path, parts.put_together())}
    assert kinds & {FindingKind.REPLAY_FAILED, FindingKind.HISTORY_UNREADABLE}


async def test_another_key_proves_nothing(bundled: Bundled) -> None:
    stranger = {STRANGER.key_id: STRANGER.public_key.public_key}
    report = await verified(bundled.path, stranger)
    kinds = {finding.kind for finding in report.findings}
    assert kinds == {FindingKind.SIGNATURE_INVALID, FindingKind.FORGED_ACTOR}


async def test_what_was_tampered_with_before_the_export_is_named_all_the_same(
    ended: Ended, tmp_path: Path
) -> None:
    published = ended.result.published
    assert published is not None
    train = Path(published.path) / "train.parquet"
    with rewritten(train, flipped(train)), added(train.with_name("notes.txt")):
        report = await verified(await export(ended, tmp_path / "altered.tar"))
    found = {(each.kind, each.subject) for each in report.findings}
    assert (FindingKind.FILE_ALTERED, "member dataset/train.parquet") in found
    assert (FindingKind.FILE_ADDED, "member dataset/notes.txt") in found
    batch = ended.world.round(ended.round_id).summary["batch"]["artifact"]
    with removed(Path(ended.world.store.path_of(batch))):
        report = await verified(await export(ended, tmp_path / "without.tar"))
    found = {(each.kind, each.subject) for each in report.findings}
    assert (FindingKind.ARTIFACT_MISSING, f"artifact {batch}") in found
    assert any(batch in note for note in report.notes)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"PK\x03\x04" + b"\0" * 2000, b"\0" * 4096],
    ids=["empty", "a letter", "a zip", "zeros"],
)
async def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.tar"
    path.write_bytes(data)
    with pytest.raises(NotABundle):
        await verified(path)
    with pytest.raises(NotFound):
        await verified(tmp_path / "nowhere.tar")
