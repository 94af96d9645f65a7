"""`labelwright demo`, run as people run it, with every part real."""

from __future__ import annotations

import hashlib
import json
import socket
import stat
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import psutil
import pytest

LABELWRIGHT = Path(sysconfig.get_path("scripts")) / "labelwright"
SECONDS = 400


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LABELWRIGHT, "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def processes_on(folder: Path) -> list[str]:
    """Command lines of processes that have to do with the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(folder) in words or str(folder) == process.info["cwd"]:
            found.append(words)
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("stack")
def test_the_demo_runs_a_round_that_adds_up_and_leaves_nothing_running(stack_dir: Path) -> None:
    folder, file = stack_dir / "demo", stack_dir / "figures.json"
    finished = run("--exit", "--data-dir", folder, "--json", file)
    assert finished.returncode == 0, finished.stderr
    figures: dict[str, Any] = json.loads(file.read_text())
    check_counts(figures)
    check_dataset(figures)
    assert figures["audit"]["verified"], figures["audit"]
    assert figures["audit"]["replayed"]
    assert figures["audit"]["decisions"] >= 240
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert figures["round"] in finished.stdout
    assert f"up --data-dir {folder}" in finished.stderr
    assert processes_on(folder) == []


def check_counts(figures: dict[str, Any]) -> None:
    assert figures["pool_records"] == 1_797
    assert figures["selected"] == sum(figures["arms"].values()) == 120
    assert figures["arms"] == {"uncertain": 60, "diverse": 30, "random": 30}
    assert figures["reviews"] == 240
    assert figures["agreed"] + figures["adjudicated"] == 120
    assert sum(each["answers"] for each in figures["reviewers"]) == 240
    assert 0.5 < figures["agreement"] <= 1.0
    assert figures["right"] > 110
    assert figures["baseline"]["labels"] <= 30
    assert 0.5 < figures["model"]["before"]["value"] < figures["model"]["after"]["value"]


def check_dataset(figures: dict[str, Any]) -> None:
    """The files on disk are the version that the figures name."""
    dataset = figures["dataset"]
    assert (dataset["name"], dataset["version"]) == ("digits", 1)
    assert dataset["roles"]["test"] == 360
    assert sum(dataset["roles"].values()) == 360 + 30 + 120
    manifest = json.loads((Path(dataset["path"]) / "manifest.json").read_text())
    assert manifest["digest"] == dataset["digest"]
    assert manifest["round"] == figures["round"]
    for listed in manifest["files"].values():
        data = (Path(dataset["path"]) / listed["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == listed["sha256"]


@pytest.mark.slow
@pytest.mark.xdist_group("stack")
def test_a_demo_that_cannot_start_says_why_and_leaves_nothing_running(stack_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = run("--exit", "--data-dir", stack_dir / "demo", "--port", str(port))
    assert finished.returncode == 1
    assert f"error: Port {port} (api) is in use" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert processes_on(stack_dir / "demo") == []


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_named_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "figures.json"
    finished = run("--exit", "--data-dir", tmp_path / "demo", "--json", file)
    assert finished.returncode == 1
    assert f"error: {file} cannot be written." in finished.stderr
    assert not (tmp_path / "demo").exists()
