"""The whole product with its people, and rounds that can be disturbed at a chosen moment."""

from __future__ import annotations

import asyncio
import json
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGTERM
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import psutil
from sklearn.datasets import load_digits
from sqlalchemy import Engine
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client

from domain.ids import RoundId, round_workflow_id
from storage.database import engine
from tests.faults.people import LABELS, Crowd, Person, eventually
from workers.local_stack import LocalStack
from workers.ports import free_port
from workers.processes import end, spawn
from workers.supervisor import PartFailed

TRAIN, TEST = 40, 200
REVIEWS_PER_RECORD = 2
POLICY: dict[str, Any] = {
    "name": "steady",
    "batch_size": 16,
    "arms": [
        {"name": "uncertain", "kind": "uncertain", "share": 0.375},
        {"name": "diverse", "kind": "diverse", "share": 0.25},
        {"name": "random", "kind": "random", "share": 0.375},
    ],
    "seed": 11,
}
HUGE = POLICY | {"name": "huge", "batch_size": 9_999}
GATED = POLICY | {"name": "gated", "gates": [{"measure": "random_share", "at_least": 0.9}]}
"""No batch of it passes; as it is, it is the one of POLICY."""
STEP_SECONDS = 0.01
ENDED = {"closed", "failed", "cancelled"}


@dataclass
class Round:
    """A round as the test has seen it: where it is, and what its people were promised."""

    round_id: RoundId
    dataset: str
    acknowledged: list[str] = field(default_factory=list)
    turned_away: list[tuple[int, str]] = field(default_factory=list)


class World:
    """A running stack with one set of people, who take part in every round of it."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self._numbers = count(1)
        self._engine: Engine | None = None
        admin = stack.addresses.admin_token_file.read_text().strip()
        self.admin = Person(stack.addresses.api, admin)
        self.team = self.join("team", "requester")
        self.approver = self.join("approver", "approver")
        self.auditor = self.join("auditor", "auditor")
        self.reviewers = [self.join(f"reviewer {n}", "reviewer") for n in range(4)]
        self.adjudicators = [self.join("adjudicator", "adjudicator")]
        classes = [{"label": label, "meaning": f"the digit {label}"} for label in LABELS]
        self.team.post("/api/v1/schemas", {"name": "digits", "classes": classes})
        for policy in (POLICY, HUGE, GATED):
            self.approved(policy)
        self.file = _digits()

    def close(self) -> None:
        for person in (
            self.admin,
            self.team,
            self.approver,
            self.auditor,
            *self.reviewers,
            *self.adjudicators,
        ):
            person.close()
        if self._engine is not None:
            self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """The read model, looked at from the side."""
        if self._engine is None:
            self._engine = engine(self.stack.addresses.database_url, connections=4)
        return self._engine

    def join(self, name: str, *roles: str) -> Person:
        made = self.admin.post("/api/v1/accounts", {"name": name, "roles": roles, "token": True})
        return Person(
            self.stack.addresses.api, made["token"], account_id=made["account"]["account_id"]
        )

    def approved(self, policy: dict[str, Any]) -> None:
        """The policy, written by one person and approved by another."""
        made = self.team.post("/api/v1/policies", policy)
        address = f"/api/v1/policies/{made['name']}/{made['version']}/approve"
        self.approver.post(address, {"reason": "it is what the tests are about"}, status=200)

    # -- what people do -----------------------------------------------------------------------

    def pool(self) -> str:
        """A pool of its own with the same records as every other."""
        name = f"digits-{next(self._numbers)}"
        self.team.post("/api/v1/pools", {"pool": name, "kind": "image", "schema": "digits"})
        answer = self.team.ask(
            "POST",
            f"/api/v1/pools/{name}/imports",
            params={"file_name": "d.jsonl", "label_column": "label", "role_column": "role"},
            content=self.file,
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["rejected"] == 0, answer.text
        return name

    def start(
        self,
        pool: str | None = None,
        *,
        policy: str = "steady@1",
        reviewing: dict[str, Any] | None = None,
    ) -> Round:
        pool = pool or self.pool()
        body = {
            "pool": pool,
            "policy": policy,
            "reviews_per_record": REVIEWS_PER_RECORD,
            # Else every shard would stay for a minute after its last answer.
            "reviewing": reviewing or {"undo_seconds": 0},
            "shares": {"validation": 0.2, "test": 0.0, "monitoring": 0.1},
        }
        shown = self.team.post("/api/v1/rounds", body)
        return Round(round_id=RoundId(shown["round_id"]), dataset=shown["dataset"])

    def see(self, round_: Round) -> Any:
        return self.team.get(f"/api/v1/rounds/{round_.round_id}")

    def wait_for(self, round_: Round, *phases: str) -> Any:
        """The round, as soon as it is in one of the phases. It must not end in another way."""

        def look() -> Any:
            shown = self.see(round_)
            if shown["phase"] in phases:
                return shown
            assert shown["phase"] not in ENDED, shown
            return None

        return eventually(f"{round_.round_id} in {phases}", look)

    @contextmanager
    def reviewing(self, round_: Round, *, think_seconds: float = 0.0) -> Iterator[Crowd]:
        """People work on the round until reviewing is over."""
        self.wait_for(round_, "reviewing")
        crowd = Crowd(
            round_id=round_.round_id,
            reviewers=self.reviewers,
            adjudicators=self.adjudicators,
            think_seconds=think_seconds,
        )
        with crowd:
            yield crowd
            self.wait_for(round_, "approval")
        round_.acknowledged += crowd.acknowledged
        round_.turned_away += crowd.turned_away

    def claim(self, person: Person, round_: Round) -> Any:
        """A task of the round, as soon as there are any."""

        def take() -> Any:
            answer = person.ask("POST", "/api/v1/tasks/claim", json={"round": round_.round_id})
            return answer.json()["task"]

        return eventually(f"a task of {round_.round_id}", take)

    def accept(self, round_: Round) -> None:
        """Accepts the batch that is held, as it is."""
        waiting = self.wait_for(round_, "checking")["awaiting"]["batch_digest"]
        self.approver.post(
            f"/api/v1/rounds/{round_.round_id}/batch-decision",
            {
                "decision_id": str(uuid4()),
                "action": "accept",
                "batch_digest": waiting,
                "reason": "it will do",
            },
            status=202,
        )

    def approve(self, round_: Round) -> None:
        """Approves what waits for it."""
        waiting = self.wait_for(round_, "approval")["awaiting"]["dataset_digest"]
        self.approver.post(
            f"/api/v1/rounds/{round_.round_id}/approval",
            {"decision_id": str(uuid4()), "approved": True, "dataset_digest": waiting},
            status=202,
        )

    def finish(self, round_: Round) -> Any:
        """Takes the round from wherever it is to its end."""
        if self.wait_for(round_, "reviewing", "approval")["phase"] == "reviewing":
            with self.reviewing(round_):
                pass
        self.approve(round_)
        return self.wait_for(round_, "closed")

    # -- what a fault does --------------------------------------------------------------------

    def kill(self, part: str) -> psutil.Process:
        """Kills a part and waits for its next process, ready or not."""
        before = self.stack.process(part)
        self.stack.kill(part)

        def restarted() -> psutil.Process | None:
            try:
                after = self.stack.process(part)
            except (PartFailed, psutil.NoSuchProcess):
                return None
            return after if after != before else None

        return eventually(f"{part} is started again", restarted)

    @contextmanager
    def down(self, part: str) -> Iterator[None]:
        """The part is killed, and nobody starts it again before the end of the block."""
        self.stack.process(part).kill()
        self.stack.halt(part)
        try:
            yield
        finally:
            self.stack.resume(part)

    def describe(self, workflow_id: str) -> DescribeWorkflowExecutionResponse:
        """The workflow's state as Temporal has it."""

        async def ask() -> DescribeWorkflowExecutionResponse:
            client = await Client.connect(self.stack.addresses.temporal)
            return (await client.get_workflow_handle(workflow_id).describe()).raw_description

        return asyncio.run(ask())

    def pending(self, round_: Round, activity: str) -> Any:
        """The activity of that name which the round waits for, once it has started."""
        for each in self.describe(round_workflow_id(round_.round_id)).pending_activities:
            if each.activity_type.name == activity and each.HasField("last_started_time"):
                return each
        return None

    def log(self, part: str) -> Iterator[dict[str, Any]]:
        """What the part has written to its log so far."""
        for line in (self.stack.logs / f"{part}.log").read_text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def activities_running(self, part: str) -> float:
        """How many activities the worker is busy with, by its own figures."""
        addresses = self.stack.addresses
        page = {"compute": addresses.compute_metrics}[part]
        figures = httpx.get(f"{page}/metrics").text.splitlines()
        return sum(
            float(line.rsplit(maxsplit=1)[-1])
            for line in figures
            if line.startswith("temporal_worker_task_slots_used") and "ActivityWorker" in line
        )

    @contextmanager
    def another_compute_worker(self) -> Iterator[None]:
        """A second process beside the stack's own, on the same queue."""
        port = free_port()
        process = spawn(
            [str(Path(sysconfig.get_path("scripts")) / "labelwright"), "worker", "compute"],
            environment=self.stack.environment("compute") | {"LABELWRIGHT_METRICS_PORT": str(port)},
            log=self.stack.logs / "compute-2.log",
            cwd=self.stack.data_dir,
        )
        try:
            yield
        finally:
            end(process, SIGTERM, patience=20)

    @property
    def datasets(self) -> Path:
        return self.stack.data_dir / "datasets"

    def ready(self) -> int:
        """The status of /readyz."""
        return self.admin.once("GET", "/readyz").status_code


def _digits() -> bytes:
    """The digits as JSON Lines: a few to train and to test with, the others to be labelled."""
    digits: Any = load_digits()
    order = np.random.default_rng(5).permutation(len(digits.target))
    lines = []
    for place, number in enumerate(order):
        record: dict[str, object] = {
            "id": f"digit-{number:04}",
            "pixels": digits.images[number].astype(int).tolist(),
        }
        if place < TRAIN + TEST:
            record["label"] = str(digits.target[number])
            record["role"] = "train" if place < TRAIN else "test"
        lines.append(json.dumps(record))
    return "\n".join(lines).encode()


@contextmanager
def in_slow_motion(
    process: psutil.Process, *, then_asleep: bool = False
) -> Iterator[Callable[[], None]]:
    """The process stands still, but for a moment at each call of what is handed out."""

    def step() -> None:
        process.send_signal(SIGCONT)
        time.sleep(STEP_SECONDS)
        process.send_signal(SIGSTOP)

    process.send_signal(SIGSTOP)
    try:
        yield step
    finally:
        if not then_asleep and process.is_running():
            process.send_signal(SIGCONT)
