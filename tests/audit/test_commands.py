"""`labelwright audit` as an auditor meets it, with access to the machine and not to the API."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.audit.conftest import Ended
from tests.audit.tampering import tampered
from tests.signing import KEYS, SIGNER

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LABELWRIGHT = str(Path(sysconfig.get_path("scripts")) / "labelwright")


async def labelwright(
    ended: Ended, address: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    folder = ended.world.datasets.parent
    ours = {name: value for name, value in os.environ.items() if "LABELWRIGHT" not in name}
    return await asyncio.to_thread(
        subprocess.run,
        [LABELWRIGHT, *arguments],
        env=ours
        | {
            "LABELWRIGHT_DATA_DIR": str(folder),
            "LABELWRIGHT_DATABASE_URL": ended.world.engine.url.render_as_string(
                hide_password=False
            ),
            "LABELWRIGHT_TEMPORAL_ADDRESS": address,
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_the_ledger_reads_as_sentences(ended: Ended, temporal_address: str) -> None:
    shown = await labelwright(ended, temporal_address, "audit", "show", ended.round_id)
    assert shown.returncode == 0, shown.stderr
    assert "asked for the round" in shown.stdout
    assert "reviewed: “sport”" in shown.stdout
    assert "approved the dataset" in shown.stdout
    assert "looked at it" in shown.stdout, "the approver's reason"
    assert "_" not in "".join(shown.stdout.splitlines()[1:]), "a kind that nobody put in words"


async def test_the_ledger_can_be_asked_about_one_record(
    ended: Ended, temporal_address: str
) -> None:
    shown = await labelwright(
        ended,
        temporal_address,
        *("audit", "show", ended.round_id, "--kind", "outcome_reached", "--json"),
    )
    outcomes = json.loads(shown.stdout)
    assert len(outcomes) == 8
    record = outcomes[0]["subject"]
    shown = await labelwright(
        ended, temporal_address, "audit", "show", ended.round_id, "--record", record, "--json"
    )
    assert {line["subject"] for line in json.loads(shown.stdout)} == {record}


async def test_verify_exits_with_0_only_when_nothing_differs(
    ended: Ended, temporal_address: str
) -> None:
    command = ("audit", "verify", ended.round_id)
    honest = await labelwright(ended, temporal_address, *command)
    assert honest.returncode == 0, honest.stdout + honest.stderr
    assert "Verified" in honest.stdout
    sql = """update outcomes set label = 'other' where record_id in
             (select record_id from outcomes where label = 'sport' limit 1) returning record_id"""
    with tampered(ended.world.engine, "outcomes", sql):
        dishonest = await labelwright(ended, temporal_address, *command)
        as_json = await labelwright(ended, temporal_address, *command, "--json")
    assert dishonest.returncode == as_json.returncode == 1
    assert "1 difference" in dishonest.stdout
    assert "table outcomes" in dishonest.stdout
    report = json.loads(as_json.stdout)
    assert not report["verified"]
    assert [finding["kind"] for finding in report["findings"]] == ["row_changed"]


async def test_tables_are_set_right_by_a_command(ended: Ended, temporal_address: str) -> None:
    command = ("db", "rebuild", ended.round_id)
    whole = await labelwright(ended, temporal_address, *command, "--json")
    assert whole.returncode == 0, whole.stderr
    again = await labelwright(ended, temporal_address, *command, "--from", "live", "--json")
    assert json.loads(again.stdout)[0]["rebuilt"]["tables"] == []
    sql = "update outcomes set label = 'other' where label = 'sport'"
    with ended.world.engine.begin() as connection:
        changed = connection.execute(text(sql)).rowcount
    mended = await labelwright(ended, temporal_address, *command)
    assert "outcomes" in mended.stdout
    assert str(changed) in mended.stdout
    assert await ended.differences() == []
    none = await labelwright(ended, temporal_address, "db", "rebuild")
    assert none.returncode == 1
    assert "--all" in none.stderr


async def test_the_keys_that_verify_who_acted_are_shown(
    ended: Ended, temporal_address: str
) -> None:
    shown = await labelwright(ended, temporal_address, "audit", "keys")
    assert SIGNER.key_id in shown.stdout, shown.stderr
    as_json = await labelwright(ended, temporal_address, "audit", "keys", "--json")
    [known] = json.loads(as_json.stdout)
    assert known["key"] == {"key_id": SIGNER.key_id, "public_key": KEYS[SIGNER.key_id]}
    assert known["retired_at"] is None


async def test_an_archived_round_verifies_while_temporal_is_down(
    ended: Ended, temporal_address: str
) -> None:
    kept = await labelwright(ended, temporal_address, "audit", "archive", ended.round_id)
    assert kept.returncode == 0, kept.stderr
    assert "3 histories kept" in kept.stdout
    nowhere = "127.0.0.1:1"
    verified = await labelwright(ended, nowhere, "audit", "verify", ended.round_id)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "the archive" in verified.stdout
    unknown = await labelwright(ended, nowhere, "audit", "verify", "never-was")
    assert unknown.returncode == 1
    assert "Traceback" not in unknown.stderr
