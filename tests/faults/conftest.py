"""One running stack for the fault tests of a process, and the digest that no fault may change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.evidence import check_nothing_lost_or_doubled
from tests.faults.report import FAULT
from tests.faults.world import Round, World
from workers.local_stack import LocalStack
from workers.ports import any_free_ports

Survived = Callable[[Round, str], None]

HASTY = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60")
"""Shards hand over to a new run every few answers, so that faults meet them doing it."""


@pytest.fixture(scope="session")
def world(reachable_dir: Path) -> Iterator[World]:
    with LocalStack(
        reachable_dir / "faults",
        ports=any_free_ports(),
        temporal_options=HASTY,
        environment={
            "LABELWRIGHT_WEBHOOK_ALLOW_HTTP": "true",
            "LABELWRIGHT_WEBHOOK_NETWORKS": "127.0.0.0/8",
        },
        announce=print,
    ) as stack:
        people = World(stack)
        yield people
        people.close()


@pytest.fixture(scope="session")
def undisturbed(world: World) -> str:
    """The dataset digest of a round that nothing happens to."""
    round_ = world.start()
    world.finish(round_)
    return check_nothing_lost_or_doubled(world, round_).digest


@pytest.fixture
def survived(
    world: World,
    undisturbed: str,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> Survived:
    """Checks all that a round promises after a fault, and notes it for the report."""
    began = time.monotonic()
    fault = request.node.name.removeprefix("test_").replace("_", " ")
    record_property(FAULT, fault)
    found: list[str] = []

    def check(round_: Round, what_happened: str) -> None:
        evidence = check_nothing_lost_or_doubled(world, round_)
        assert evidence.digest == undisturbed
        numbers = ", ".join(f"{number} {name}" for name, number in evidence.plain().items())
        found.append(f"{what_happened}; {numbers}; same digest")
        seconds = time.monotonic() - began
        record_property("found", f"{' | '.join(found)}; {seconds:.0f} s")

    return check
