"""Records the golden histories of this version: `make golden`, once for each release.

Histories of earlier releases stay: rounds that began under them may still be open.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from storage.database import engine, upgrade
from tests.replay.scenarios import SCENARIOS, fingerprints, play
from tests.workflows.round_world import make_world, working
from workers.local_stack import LocalStack
from workers.ports import any_free_ports

HISTORIES = Path(__file__).parent / "histories"
FINGERPRINTS = Path(__file__).parent / "fingerprints.json"


async def record(database_url: str, folder: Path) -> None:
    upgrade(database_url)
    target = HISTORIES / version("labelwright")
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    written: dict[str, list[str]] = {}
    server = str(Path(sysconfig.get_path("scripts")) / "temporal")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=server
    ) as environment:
        world = make_world(environment.client, engine(database_url), folder)
        async with working(world):
            for scenario in SCENARIOS:
                histories = await play(world, scenario)
                written |= fingerprints(histories)
                for history in histories:
                    name = history.workflow_id.removeprefix("round/").replace("/", "-")
                    packed = gzip.compress(history.to_json().encode(), mtime=0)
                    (target / f"{name}.json.gz").write_bytes(packed)
    FINGERPRINTS.write_text(json.dumps(written, indent=1) + "\n")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Path(folder) / "stack", ports=any_free_ports(), parts=["postgres"]) as stack,
    ):
        asyncio.run(record(stack.addresses.database_url, Path(folder)))
    sys.stdout.write(f"histories of {version('labelwright')} are in {HISTORIES}\n")


if __name__ == "__main__":
    main()
