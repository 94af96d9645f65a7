"""Restarting and giving up, with small programs in place of servers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers.processes import ProcessRecord, end_left_over, record_of, spawn
from workers.supervisor import Part, PartFailed, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


class Stage:
    """A supervisor and everything it said and recorded."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.recorded: list[dict[str, ProcessRecord]] = []
        self.supervisor = Supervisor(
            logs=folder, cwd=folder, announce=self.said.append, recorded=self.recorded.append
        )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.supervisor.close()


def part(name: str, command: list[str], ready: Callable[[], bool] = lambda: True) -> Part:
    return Part(name=name, command=command, environment={}, ready=ready, patience=5)


def test_what_dies_is_started_again_and_that_is_said(stage: Stage) -> None:
    stage.supervisor.add([part("sleeper", SLEEPER)])
    stage.supervisor.wait_until_ready("sleeper")
    first = stage.supervisor.process("sleeper").pid
    stage.supervisor.kill("sleeper")
    stage.supervisor.wait_until_ready("sleeper")
    second = stage.supervisor.process("sleeper").pid
    assert second != first
    assert stage.said == [
        "sleeper: died (signal SIGKILL), starting it again",
        f"sleeper: started again (process {second})",
    ]
    assert stage.recorded[-1]["sleeper"].pid == second


def test_what_dies_again_and_again_is_given_up_with_the_end_of_its_log(stage: Stage) -> None:
    crash = [sys.executable, "-c", "import sys; sys.exit('the disk is full')"]
    stage.supervisor.add([part("crash", crash, ready=lambda: False)])
    with pytest.raises(PartFailed, match="died 5 times") as failure:
        stage.supervisor.wait_until_ready("crash", patience=30)
    assert "the disk is full" in failure.value.message
    assert "crash.log" in failure.value.hint
    assert stage.supervisor.over.is_set()


def test_however_often_it_is_killed_on_purpose_it_is_started_again(stage: Stage) -> None:
    stage.supervisor.add([part("sleeper", SLEEPER)])
    for _ in range(6):
        stage.supervisor.wait_until_ready("sleeper")
        stage.supervisor.kill("sleeper")
    stage.supervisor.wait_until_ready("sleeper")
    assert not stage.supervisor.over.is_set()


def test_closing_ends_the_last_started_first(stage: Stage) -> None:
    stage.supervisor.add([part("first", SLEEPER), part("second", SLEEPER)])
    for name in ("first", "second"):
        stage.supervisor.wait_until_ready(name)
    stage.supervisor.close()
    assert [set(records) for records in stage.recorded[-2:]] == [{"first"}, set()]


def test_a_child_that_ignores_the_request_to_stop_is_killed(stage: Stage) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)"
    log = stage.supervisor._log("deaf")
    stage.supervisor.add(
        [
            Part(
                name="deaf",
                command=[sys.executable, "-c", f"{deaf}; time.sleep(600)"],
                environment={},
                ready=lambda: "deaf" in log.read_text(),
                patience=0.5,
            )
        ]
    )
    stage.supervisor.wait_until_ready("deaf")
    process = stage.supervisor.process("deaf")
    stage.supervisor.close()
    assert not process.is_running()


def test_what_an_earlier_supervisor_left_is_ended_and_a_stranger_is_not(tmp_path: Path) -> None:
    left = spawn(SLEEPER, environment={}, log=tmp_path / "left.log", cwd=tmp_path)
    other = spawn(SLEEPER, environment={}, log=tmp_path / "other.log", cwd=tmp_path)
    known = record_of(left.pid)
    # Another process has been given the number since.
    stranger = ProcessRecord(
        pid=other.pid, create_time=record_of(other.pid).create_time - 3600, stop_signal=15
    )
    assert end_left_over({"left": known, "stranger": stranger}) == ["left"]
    left.wait(5)
    assert other.poll() is None
    other.kill()
    other.wait(5)
