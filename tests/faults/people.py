"""People who use the API as they should: patient, with a key of their own on every write."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

from domain.reviews import VerdictKind

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.1
Found = TypeVar("Found")
LABELS = tuple(str(digit) for digit in range(10))


class Person:
    """An account with its token. A request is sent until somebody answers it for good."""

    def __init__(self, base_url: str, token: str, *, account_id: str = "") -> None:
        self.account_id = account_id
        self.interrupted: Counter[str] = Counter()
        """What came instead of an answer: `503`, or the name of a broken connection's error."""
        self._http = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=20.0
        )

    def once(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One try, whatever comes of it."""
        return self._http.request(method, path, **request)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer, after as many tries as it takes. A 503 must say when to come again."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self.once(method, path, **request)
            except httpx.TransportError as error:
                self.interrupted[type(error).__name__] += 1
            else:
                if answer.status_code != 503:
                    return answer
                assert answer.headers["Retry-After"].isdigit(), answer.text
                self.interrupted["503"] += 1
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{method} {path}: no answer in {PATIENCE_SECONDS:.0f} seconds")

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, status: int = 201, **request: Any) -> Any:
        """What a write answers. It bears a key, so that sending it again has no further effect."""
        headers = {"Idempotency-Key": uuid4().hex}
        answer = self.ask("POST", path, json=body, headers=headers, **request)
        assert answer.status_code == status, answer.text
        return answer.json()

    def close(self) -> None:
        self._http.close()


def answer_of(record_id: str, slot: str) -> dict[str, Any]:
    """What anybody says in this slot of this record: who claims it makes no difference.

    The slots of about a third of the records differ, so that somebody has to adjudicate.
    """
    chance = int.from_bytes(hashlib.sha256(record_id.encode()).digest()[:4])
    label = LABELS[chance % 10]
    if slot == "review-1" and chance % 3 == 0:
        label = LABELS[(chance + 1) % 10]
    return {"kind": VerdictKind.LABEL.value, "label": label}


def review_body(task: dict[str, Any], rationale: str = "") -> dict[str, Any]:
    """An answer to the task, under a new review id."""
    return {
        "review_id": str(uuid4()),
        "verdict": answer_of(task["record_id"], task["task_id"].rpartition(".")[2]),
        "schema": task["schema"],
        "guideline": task["guideline"],
        "confidence": 0.9,
        "rationale": rationale or ("because" if task["kind"] == "adjudication" else ""),
        "seconds": 1.5,
    }


@dataclass
class Crowd:
    """Reviewers and adjudicators at work on one round, each in a thread of their own."""

    round_id: str
    reviewers: Sequence[Person]
    adjudicators: Sequence[Person]
    think_seconds: float = 0.0
    rationale: str = ""
    """What everybody says besides; adjudicators say something in any case."""
    acknowledged: list[str] = field(default_factory=list)
    """Review ids that were answered with 202."""
    turned_away: list[tuple[int, str]] = field(default_factory=list)
    """Other final answers: the person takes the next task."""

    def __post_init__(self) -> None:
        self._home = threading.Event()
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        people = [
            *((person, "review") for person in self.reviewers),
            *((person, "adjudication") for person in self.adjudicators),
        ]
        self._threads = [
            threading.Thread(target=self._work, args=each, daemon=True) for each in people
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._home.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        if self._failure is not None:
            raise self._failure

    def wait_for(self, count: int) -> None:
        """Until this many answers were acknowledged."""
        with self._changed:
            reached = self._changed.wait_for(
                lambda: len(self.acknowledged) >= count or self._failure is not None,
                PATIENCE_SECONDS,
            )
        if self._failure is not None:
            raise self._failure
        assert reached, f"{len(self.acknowledged)} of {count} answers were acknowledged"

    @property
    def interrupted(self) -> Counter[str]:
        return sum(
            (each.interrupted for each in (*self.reviewers, *self.adjudicators)), Counter[str]()
        )

    def _work(self, person: Person, kind: str) -> None:
        try:
            while not self._home.is_set():
                self._take_one(person, kind)
        except BaseException as error:  # noqa: BLE001 - raised again where the crowd was called
            self._failure = error

    def _take_one(self, person: Person, kind: str) -> None:
        claim = person.ask(
            "POST", "/api/v1/tasks/claim", json={"kinds": [kind], "round": self.round_id}
        )
        assert claim.status_code == 200, claim.text
        task = claim.json()["task"]
        if task is None:
            self._home.wait(PAUSE_SECONDS)
            return
        self._home.wait(self.think_seconds)
        answer = person.ask(
            "POST",
            f"/api/v1/tasks/{task['task_id']}/{kind}",
            json=review_body(task, self.rationale),
        )
        with self._changed:
            if answer.status_code == 202:
                self.acknowledged.append(answer.json()["review_id"])
            else:
                assert answer.status_code == 409, answer.text
                self.turned_away.append((answer.status_code, answer.json()["code"]))
            self._changed.notify_all()


def _pause() -> None:
    time.sleep(PAUSE_SECONDS)


def eventually(
    what: str, look: Callable[[], Found | None], *, between: Callable[[], None] = _pause
) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        between()
    raise AssertionError(f"not within {PATIENCE_SECONDS:.0f} seconds: {what}")
