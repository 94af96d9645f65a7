"""Nobody is accused in an honest round, whatever people did in it, and however it stands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.audit.conftest import verify
from tests.audit.honest_rounds import play
from tests.signing import KEYS, SIGNER
from tests.workflows.round_world import World
from workers.audit import Export, exported
from workers.audit.offline import verify_bundle
from workers.audit.proofs import compare_exports

pytestmark = pytest.mark.slow


async def bundle(world: World, round_id: str, path: Path) -> Path:
    wanted = Export(round_id=round_id, exported_by=world.requester, with_pool=True)  # type: ignore[arg-type]
    async with exported(
        world.client, world.engine, world.store, world.datasets, wanted, signer=SIGNER
    ) as sealed:
        await asyncio.to_thread(path.write_bytes, b"".join(sealed.chunks()))
    return path


@pytest.mark.parametrize(
    ("seed", "story"), [(1, "disturbed"), (2, "looked at again"), (3, "held and amended")]
)
async def test_an_honest_round_verifies_live_and_from_its_bundle(
    world: World, tmp_path: Path, seed: int, story: str
) -> None:
    played = await play(world, seed, story=story)
    assert (await verify(world, played.round_id)).findings == ()
    path = await bundle(world, played.round_id, tmp_path / "round.tar")
    report = await asyncio.to_thread(verify_bundle, path, public_keys=KEYS, processes=2)
    assert report.findings == ()
    assert report.replayed


async def test_a_round_that_goes_on_extends_what_was_exported_before(
    world: World, tmp_path: Path
) -> None:
    played = await play(world, 4, story="still open")
    early = await bundle(world, played.round_id, tmp_path / "early.tar")
    report = await asyncio.to_thread(verify_bundle, early, public_keys=KEYS, processes=1)
    assert report.findings == ()
    assert any("the round is open" in note for note in report.notes)
    handle = world.client.get_workflow_handle(f"round/{played.round_id}")
    await handle.signal("cancel_round", world.cancellation(played.round_id))
    await handle.result()
    late = await bundle(world, played.round_id, tmp_path / "late.tar")
    compared = compare_exports(early, late, KEYS)
    assert compared.findings == ()
    assert compared.consistent
    assert all(each.later >= each.earlier for each in compared.sources)
    assert any(each.later > each.earlier for each in compared.sources)
    swapped = compare_exports(late, early, KEYS)
    assert not swapped.consistent
