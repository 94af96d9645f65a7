"""The command `labelwright` as a person meets it: real processes, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from workers.addresses import read_state, running_stack
from workers.ports import any_free_ports

LABELWRIGHT = str(Path(sysconfig.get_path("scripts")) / "labelwright")


def environment(data_dir: Path) -> dict[str, str]:
    """What a fresh shell has, and the data folder."""
    ours = {name: value for name, value in os.environ.items() if "LABELWRIGHT" not in name}
    return ours | {"LABELWRIGHT_DATA_DIR": str(data_dir), "COLUMNS": "120"}


def labelwright(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LABELWRIGHT, *arguments],
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def up(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """`labelwright up`, running; ended hard if the test did not end it."""
    port = any_free_ports()["api"]
    with (data_dir / "up.stderr").open("w") as remarks:
        process = subprocess.Popen(
            [LABELWRIGHT, "up", "--port", str(port)],
            env=environment(data_dir),
            stdout=subprocess.PIPE,
            stderr=remarks,
            text=True,
        )
    assert process.stdout is not None
    try:
        shown = ""
        for line in process.stdout:
            shown += line
            if line.startswith("Running."):
                break
        else:
            pytest.fail((data_dir / "up.stderr").read_text())
        assert f"http://127.0.0.1:{port}" in shown
        yield process
    finally:
        process.stdout.close()
        process.kill()
        process.wait()


def processes_of(data_dir: Path) -> list[psutil.Process]:
    records = read_state(data_dir).processes.values()
    return [process for record in records if (process := record.find())]


def wait_until_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still there after a while."""
    return psutil.wait_procs(processes, timeout=20)[1]


@pytest.mark.slow
@pytest.mark.xdist_group("stack")
def test_up_ends_everything_on_ctrl_c_or_when_it_is_killed_and_resumes(stack_dir: Path) -> None:
    with up(stack_dir) as first:
        stack = running_stack(stack_dir)
        assert stack is not None
        assert stack.admin_token_file.exists()
        parts = processes_of(stack_dir)
        assert len(parts) == 5
        first.kill()
        assert wait_until_gone(parts) == []
    assert running_stack(stack_dir) is None

    with up(stack_dir) as second:
        parts = processes_of(stack_dir)
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0
        assert not any(part.is_running() for part in parts)
    assert "Made the account" not in (stack_dir / "up.stderr").read_text()


@pytest.mark.slow
@pytest.mark.xdist_group("stack")
def test_the_doctor_finds_all_well_and_then_the_one_part_that_is_not(stack_dir: Path) -> None:
    with up(stack_dir) as process:
        well = labelwright(stack_dir, "doctor")
        assert well.returncode == 0, well.stdout
        for part in ("python", "postgresql", "temporal", "orchestration worker", "api"):
            assert re.search(rf"^ok +{part} ", well.stdout, re.MULTILINE), well.stdout
        assert "tables at" in well.stdout

        # A worker that stands still answers nobody.
        records = read_state(stack_dir).processes
        psutil.Process(records["compute"].pid).suspend()
        report = json.loads(labelwright(stack_dir, "doctor", "--json").stdout)
        assert report["healthy"] is False
        broken = [check for check in report["checks"] if check["state"] == "broken"]
        assert [check["part"] for check in broken] == ["compute worker"]
        assert "labelwright" in broken[0]["mend"]
        psutil.Process(records["compute"].pid).resume()

        second = labelwright(stack_dir, "up")
        assert second.returncode == 1
        assert "already running" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_doctor_works_when_nothing_runs(tmp_path: Path) -> None:
    result = labelwright(tmp_path / "new", "doctor")
    assert result.returncode == 1
    assert "labelwright up" in result.stdout
    assert not (tmp_path / "new").exists()


def test_an_error_says_what_failed_that_data_is_safe_and_what_to_do(tmp_path: Path) -> None:
    result = labelwright(tmp_path, "db", "upgrade")
    assert result.returncode == 1
    assert result.stdout == ""
    failed, safety, following = result.stderr.splitlines()
    assert failed.startswith("error: No database is named and no stack is running")
    assert "safe" in safety
    assert "labelwright up" in following


def test_an_error_is_json_where_json_is_asked_for(tmp_path: Path) -> None:
    result = labelwright(tmp_path, "db", "upgrade", "--json")
    assert result.returncode == 1
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "database_unavailable"
    assert "labelwright up" in error["hint"]


def test_an_unexpected_error_shows_no_traceback_but_says_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder belongs")
    result = labelwright(tmp_path / "data" / "below", "up")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    kept = Path(result.stderr.split("The details are in ")[1].split(";")[0])
    assert "NotADirectoryError" in kept.read_text()
    kept.unlink()


def test_a_mistyped_command_is_a_usage_error(tmp_path: Path) -> None:
    result = labelwright(tmp_path, "upp")
    assert result.returncode == 2
    assert "No such command" in result.stderr


def test_help_is_quick_to_load(tmp_path: Path) -> None:
    """The heavy libraries are imported by the commands that need them."""
    program = (
        "import sys, api.cli; print([m for m in ('sklearn', 'temporalio', 'fastapi', 'pyarrow') "
        "if m in sys.modules])"
    )
    python = str(Path(sysconfig.get_path("scripts")) / "python")
    loaded = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
