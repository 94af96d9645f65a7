"""Simulated people: how they judge a digit, how often they err, and how they work the queue."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any
from uuid import uuid4

from api.demo.client import Person
from api.demo.errors import Refused

LOOK_ALIKES: Mapping[str, tuple[str, ...]] = {
    "0": ("6", "9"),
    "1": ("7", "8"),
    "2": ("3", "7"),
    "3": ("8", "5", "9"),
    "4": ("9", "7"),
    "5": ("6", "3", "9"),
    "6": ("0", "5"),
    "7": ("1", "9"),
    "8": ("3", "9", "1"),
    "9": ("4", "3", "8"),
}
"""What a tired eye takes each digit for."""

IDLE_SECONDS = 0.3
CONFLICT = 409

Work = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    label: str
    confidence: float
    seconds: float
    rationale: str


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Somebody who gets `error_rate` of the digits wrong, the same ones for the same seed."""

    name: str
    error_rate: float
    seed: int

    def judge(self, record_id: str, truth: str) -> Judgement:
        """What this person says. By record, not by turn: the queue decides who gets what when."""
        # Not a secret: a play that can be repeated.
        chance = random.Random(f"{self.seed}/{self.name}/{record_id}")  # noqa: S311
        errs = chance.random() < self.error_rate
        label = chance.choice(LOOK_ALIKES[truth]) if errs else truth
        return Judgement(
            label=label,
            # Who errs is less sure, as a rule.
            confidence=round(chance.betavariate(6, 3) if errs else chance.betavariate(16, 2), 2),
            seconds=round(chance.lognormvariate(1.0, 0.4), 1),
            rationale=f"could also be a {chance.choice(LOOK_ALIKES[label])}"
            if chance.random() < 0.1
            else "",
        )


def reviewing(person: Person, judge: Judge, round_id: str, truth: Mapping[str, str]) -> Work:
    """Reviews what the queue has for this person until told to stop."""
    return lambda stop: _work(person, judge, round_id, truth, stop, kind="review")


def adjudicating(person: Person, judge: Judge, round_id: str, truth: Mapping[str, str]) -> Work:
    """Settles what the reviewers differ about until told to stop."""
    return lambda stop: _work(person, judge, round_id, truth, stop, kind="adjudication")


@contextmanager
def at_work(works: Sequence[Work]) -> Iterator[Callable[[], None]]:
    """All of them work while the block runs. Yields a check that raises what stopped one."""
    stop = Event()
    with ThreadPoolExecutor(max_workers=len(works), thread_name_prefix="person") as threads:
        futures = [threads.submit(work, stop) for work in works]
        try:
            yield lambda: _check(futures)
        finally:
            stop.set()
    _check(futures)


def _check(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done():
            future.result()


def _work(
    person: Person, judge: Judge, round_id: str, truth: Mapping[str, str], stop: Event, *, kind: str
) -> None:
    while not stop.is_set():
        claimed = person.post("/tasks/claim", {"kinds": [kind], "round": round_id})
        if claimed["task"] is None:
            # Nothing now; an adjudication may open as soon as two reviewers differ.
            stop.wait(IDLE_SECONDS)
            continue
        _answer(kind, person, claimed["task"], judge, truth)


def _answer(
    kind: str, person: Person, task: dict[str, Any], judge: Judge, truth: Mapping[str, str]
) -> None:
    judgement = judge.judge(task["record_id"], truth[task["record_id"]])
    why = f"the strokes are those of a {judgement.label}" if kind == "adjudication" else ""
    answer = {
        "review_id": str(uuid4()),
        "verdict": {"kind": "label", "label": judgement.label},
        "schema": task["schema"],
        "guideline": task["guideline"],
        "confidence": judgement.confidence,
        "rationale": judgement.rationale or why,
        "seconds": judgement.seconds,
    }
    try:
        person.post(f"/tasks/{task['task_id']}/{kind}", answer)
    except Refused as refusal:
        if refusal.answered != CONFLICT:
            raise
        # The task has moved on: another's, closed or lapsed. There is a next one.
