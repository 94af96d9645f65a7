"""A round in which people do whatever comes into their heads while its processes are killed.

One seed fixes who does what, when, and what dies; how it interleaves is left to the machine.
"""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError

from activities.histories import round_histories, workflow_type_of
from domain.errors import TemporalUnavailable
from domain.ids import shard_workflow_id
from domain.reviews import ClosingRequested, DeadlineExtended, Submission, UndoRequested
from tests.faults.people import LABELS, Person, eventually
from tests.faults.world import Round, World
from tests.reviewing_model import Message
from workers.client import connect

REVIEWING = {"undo_seconds": 3_600, "extra_reviews": 1, "min_confidence": 0.5}
"""Long enough that nobody is too late to take an answer back: the story ends by closing early."""

MESSAGES: dict[str, type[Message]] = {
    "review": Submission,
    "adjudicate": Submission,
    "undo": UndoRequested,
    "extend_deadline": DeadlineExtended,
    "close_shard": ClosingRequested,
}
KILLED = ("api", "orchestration", "temporal", "postgres")
A_LIFE = 150
"""Steps that a process lives for, on average."""

WEIGHTS = {
    "answer": 12,
    "give_back": 1,
    "lapse": 1,
    "answer_what_is_not_theirs": 2,
    "send_again": 3,
    "take_back": 3,
    "correct": 3,
    "extend": 1,
    "signal_again": 2,
}
LAPSE = text(
    "UPDATE tasks SET lease_until = now() - interval '1 second'"
    " WHERE task_id = :task AND status = 'claimed'"
)


@dataclass(frozen=True)
class Sent:
    person: Person
    task: dict[str, Any]
    address: str
    body: dict[str, Any]


@dataclass
class Story:
    world: World
    round_: Round
    people: list[Person]
    chance: random.Random
    promised: list[str] = field(default_factory=list)
    """Ids of the answers that were acknowledged with 202, each time they were."""
    sent: list[Sent] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What happened, for whoever has to find out why it went wrong."""

    def tell(self, steps: int) -> None:
        """So many steps. Every process dies now and then, and at least once, while people go on."""
        dying = KILLED * max(steps // A_LIFE, 1)
        deaths = dict(zip(self.chance.sample(range(steps), len(dying)), dying, strict=True))
        killed: list[Future[Any]] = []
        # One after another, as soon as the one before is started again, ready or not.
        with ThreadPoolExecutor(1) as executioner:
            for step in range(steps):
                if step in deaths:
                    self.told.append(f"{step}: kill {deaths[step]}")
                    killed.append(executioner.submit(self.world.kill, deaths[step]))
                [what] = self.chance.choices([*WEIGHTS], [*WEIGHTS.values()])
                self.told.append(f"{step}: {what}")
                getattr(self, what)()
        for each in killed:
            each.result()

    def end(self) -> None:
        """What nobody has settled is held, and the round goes on to its end."""
        self._lead("closing", {"reason": "enough"})
        self.world.wait_for(self.round_, "approval")
        self.world.approve(self.round_)
        self.world.wait_for(self.round_, "closed")

    # -- what people do -----------------------------------------------------------------------

    def answer(self) -> None:
        person = self._somebody()
        if task := self._claim(person):
            self._send(person, task, f"/api/v1/tasks/{task['task_id']}/{task['kind']}")

    def give_back(self) -> None:
        person = self._somebody()
        if task := self._claim(person):
            answer = person.ask("DELETE", f"/api/v1/tasks/{task['task_id']}/lease")
            # 409: it was given back by a request whose answer was lost.
            assert answer.status_code in {204, 409}, answer.text

    def lapse(self) -> None:
        if task := self._claim(self._somebody()):
            eventually("the lease has lapsed", lambda: self._set_into_the_past(task["task_id"]))

    def answer_what_is_not_theirs(self) -> None:
        person, other = self.chance.sample(self.people, 2)
        if task := self._claim(other):
            address = f"/api/v1/tasks/{task['task_id']}/{task['kind']}"
            answer = person.ask("POST", address, json=self._body(task))
            assert answer.status_code == 409, answer.text

    def send_again(self) -> None:
        if self.sent:
            before = self.chance.choice(self.sent)
            self._take_note(before, before.person.ask("POST", before.address, json=before.body))

    def take_back(self) -> None:
        if self.sent:
            before = self.chance.choice(self.sent[-8:])
            address = f"/api/v1/reviews/{before.body['review_id']}/undo"
            answer = before.person.ask("POST", address)
            assert answer.status_code in {202, 404, 409}, answer.text

    def correct(self) -> None:
        if self.sent:
            before = self.chance.choice(self.sent[-8:])
            if before.task["kind"] == "review":
                earlier = before.body["review_id"]
                self._send(before.person, before.task, f"/api/v1/reviews/{earlier}/correction")

    def extend(self) -> None:
        self._lead("deadline", {"seconds": 3_600, "reason": "holidays"})

    def signal_again(self) -> None:
        """Signals that the shard has come once more, in another order."""
        asyncio.run(self._signal_some())

    # -- how they do it -----------------------------------------------------------------------

    def _somebody(self) -> Person:
        return self.chance.choice(self.people)

    def _claim(self, person: Person) -> Any:
        body = {"round": self.round_.round_id}
        answer = person.ask("POST", "/api/v1/tasks/claim", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["task"]

    def _body(self, task: dict[str, Any]) -> dict[str, Any]:
        escalates = task["kind"] == "review" and self.chance.random() < 0.08
        label = self.chance.choice(LABELS[:2])
        return {
            "review_id": str(uuid4()),
            "verdict": {"kind": "escalate"} if escalates else {"kind": "label", "label": label},
            "schema": task["schema"],
            "guideline": task["guideline"],
            "confidence": self.chance.choice([None, 0.2, 0.9, 0.9]),
            "rationale": "because",
            "seconds": 1.5,
        }

    def _send(self, person: Person, task: dict[str, Any], address: str) -> None:
        sent = Sent(person, task, address, self._body(task))
        if self._take_note(sent, person.ask("POST", address, json=sent.body)):
            self.sent.append(sent)

    def _take_note(self, sent: Sent, answer: Any) -> bool:
        assert answer.status_code in {202, 404, 409}, answer.text
        if answer.status_code == 202:
            assert answer.json()["review_id"] == sent.body["review_id"]
            self.promised.append(sent.body["review_id"])
        return bool(answer.status_code == 202)

    def _lead(self, what: str, body: dict[str, Any]) -> None:
        self.world.team.post(
            f"/api/v1/rounds/{self.round_.round_id}/{what}",
            body | {"request_id": str(uuid4())},
            status=202,
        )

    def _set_into_the_past(self, task_id: str) -> bool:
        try:
            with self.world.engine.begin() as connection:
                connection.execute(LAPSE, {"task": task_id})
        except DBAPIError:
            return False
        return True

    async def _signal_some(self) -> None:
        try:
            client = await connect(self.world.stack.settings)
            heard = await signals(client, await shard_runs(client, self.round_))
            some = self.chance.sample(heard, min(len(heard), 5))
            handle = client.get_workflow_handle(shard_workflow_id(self.round_.round_id, 0))
            for name, message in some:
                await handle.signal(name, message)
        except (RPCError, TemporalUnavailable):
            self.told.append("Temporal does not answer")


async def shard_runs(client: Client, round_: Round) -> list[WorkflowHistory]:
    """The histories of the round's only shard, run by run."""
    histories = await round_histories(client, round_.round_id)
    return [each for each in histories if workflow_type_of(each) == "ReviewShardWorkflow"]


async def signals(client: Client, runs: list[WorkflowHistory]) -> list[tuple[str, Message]]:
    """What the shard was told, by signal, in the order of its histories."""
    found: list[tuple[str, Message]] = []
    for event in (event for run in runs for event in run.events):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            signal = event.workflow_execution_signaled_event_attributes
            kind = MESSAGES[signal.signal_name]
            [message] = await client.data_converter.decode(signal.input.payloads, [kind])
            found.append((signal.signal_name, message))
    return found
