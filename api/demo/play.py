"""The round, step by step, each step by the person whose it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from api.demo import people
from api.demo.cast import Cast
from api.demo.client import Person
from api.demo.data import BATCH, GUIDELINE, POOL, SCHEMA, Digits, policy_document
from api.demo.errors import DemoFailed
from api.demo.progress import Display, Step
from domain.rounds import ENDED, Phase

LOOK_EVERY_SECONDS = 0.2
STALLED_SECONDS = 240.0
"""Without any change for this long, something is stuck and waiting is no help."""

AFTER_SELECTING = frozenset({Phase.REVIEWING, Phase.ASSESSING, Phase.APPROVAL})
_ANSWERED = frozenset({"submitted", "done"})

RoundSeen = dict[str, Any]
"""A round as GET /rounds/{id} shows it."""


@dataclass(frozen=True, kw_only=True)
class Played:
    """The round once it had closed, its pool, and what the approver and the auditor saw."""

    round: RoundSeen
    pool: dict[str, Any]
    approved_digest: str
    verification: dict[str, Any]


def prepare(requester: Person, digits: Digits) -> None:
    """Label schema, guideline, pool and records; what an earlier demo left stays as it is."""
    schema = requester.post("/schemas", SCHEMA)
    requester.post("/guidelines", GUIDELINE)
    named = f"{schema['name']}@{schema['version']}"
    requester.post("/pools", {"pool": POOL, "kind": "image", "schema": named})
    report = requester.upload(
        f"/pools/{POOL}/imports",
        digits.jsonl(),
        format="jsonl",
        file_name=f"{POOL}.jsonl",
        label_column="label",
        role_column="role",
    )
    if report["rejected"]:
        raise DemoFailed(f"{report['rejected']} digits were rejected: {report['rejections'][0]}")


def agree_on_policy(requester: Person, approver: Person, *, seed: int) -> str:
    """`name@version` of the policy that one has written and the other approved."""
    made = requester.send_yaml("/policies", policy_document(seed=seed))
    approver.post(
        f"/policies/{made['name']}/{made['version']}/approve",
        {"reason": "A quarter by chance shows whether the rest was worth it."},
    )
    return f"{made['name']}@{made['version']}"


def start_round(
    requester: Person, policy: str, *, records: int, purpose: str, undo_seconds: float
) -> RoundSeen:
    started: RoundSeen = requester.post(
        "/rounds",
        {
            "pool": POOL,
            "policy": policy,
            "records": records,
            "guideline": POOL,
            "reviews_per_record": 2,
            "reviewing": {"undo_seconds": undo_seconds},
            "purpose": purpose,
        },
    )
    return started


def play(cast: Cast, digits: Digits, display: Display, *, seed: int) -> Played:
    """One whole round, from the request to the audit."""
    with display.step("select", "Ada asks for a round; every digit is scored") as step:
        policy = agree_on_policy(cast.requester, cast.approver, seed=seed)
        round_ = start_round(
            cast.requester,
            policy,
            records=BATCH,
            purpose="Find the digits that teach the model most.",
            undo_seconds=0.0,  # the players do not change their minds
        )
        follow(cast.requester, round_["round_id"], AFTER_SELECTING, _phase_on(step))
        pool = cast.requester.get(f"/pools/{POOL}")
        step.done = f"{pool['records']:,} digits scored, {BATCH} of them chosen by {policy}"
    with display.step("review", "Four reviewers and an adjudicator take tasks") as step:
        round_ = _review(cast, digits, round_["round_id"], step)
    with display.step("approve", "Goran reads the dataset that waits") as step:
        digest = _approve(cast.approver, round_, step)
    with display.step("publish", "Publishing, retraining, evaluating") as step:
        round_ = follow(cast.requester, round_["round_id"], {Phase.CLOSED}, _phase_on(step))
        step.done = "the version is published, a model trained on it and measured"
    with display.step("audit", "Hana has every history replayed and compared") as step:
        verification = cast.auditor.post(f"/rounds/{round_['round_id']}/verification")
        found = len(verification["findings"])
        step.done = f"Hana found {found or 'no'} difference{'s' * (found != 1)}"
    return Played(
        round=round_,
        pool=pool,
        approved_digest=digest,
        verification=verification,
    )


def follow(
    person: Person,
    round_id: str,
    until: Collection[Phase],
    show: Callable[[RoundSeen], None],
    check: Callable[[], None] = lambda: None,
) -> RoundSeen:
    """Watches the round until one of the phases.

    Raises DemoFailed when it ends otherwise or stands still, and whatever `check` raises.
    """
    before: object = None
    changed = time.monotonic()
    while True:
        check()
        round_: RoundSeen = person.get(f"/rounds/{round_id}")
        show(round_)
        phase = Phase(round_["phase"])
        if phase in until:
            return round_
        if phase in ENDED:
            failure = round_["failure"] or {}
            raise DemoFailed(
                f"The round ended as {phase}: {failure.get('message', 'no reason was given')}",
                hint="The logs of the workers, in the folder “logs” of the data folder, say more.",
            )
        now = (phase, round_["backlog"])
        if now != before:
            before, changed = now, time.monotonic()
        elif time.monotonic() - changed > STALLED_SECONDS:
            raise DemoFailed(
                f"Nothing has changed for {STALLED_SECONDS:.0f} seconds; the round is {phase}.",
                hint="The logs of the workers, in the folder “logs” of the data folder, say more.",
            )
        time.sleep(LOOK_EVERY_SECONDS)


def await_tasks(person: Person, round_id: str) -> None:
    """Returns when the round's tasks are in the queue."""
    reviewing = follow(person, round_id, AFTER_SELECTING, lambda _seen: None)
    deadline = time.monotonic() + STALLED_SECONDS
    while not reviewing["backlog"]:
        if time.monotonic() > deadline:
            raise DemoFailed("The round is open, but its tasks do not reach the queue.")
        time.sleep(LOOK_EVERY_SECONDS)
        reviewing = person.get(f"/rounds/{round_id}")


def _review(cast: Cast, digits: Digits, round_id: str, step: Step) -> RoundSeen:
    works = [
        people.reviewing(person, judge, round_id, digits.truth) for person, judge in cast.reviewers
    ]
    works.append(people.adjudicating(*cast.adjudicator, round_id, digits.truth))
    with people.at_work(works) as check:
        round_ = follow(
            cast.requester, round_id, {Phase.APPROVAL}, lambda seen: _backlog_on(step, seen), check
        )
    quality = round_["summary"]["quality"]
    step.done = f"{quality['reviews']} answers, {quality['adjudicated']} digits adjudicated"
    return round_


def _approve(approver: Person, round_: RoundSeen, step: Step) -> str:
    """Goran reads what waits, for it is that digest and no other that he approves."""
    seen = approver.get(f"/rounds/{round_['round_id']}")
    digest = str(seen["awaiting"]["dataset_digest"])
    candidate, quality = seen["summary"]["candidate"], seen["summary"]["quality"]
    if quality["held"]:
        raise DemoFailed(f"{quality['held']} digits were left unsettled, so Goran does not approve")
    approver.post(
        f"/rounds/{round_['round_id']}/approval",
        {
            "decision_id": str(uuid4()),
            "approved": True,
            "dataset_digest": digest,
            "reason": f"{candidate['records']:,} records; the reviewers agreed on "
            f"{quality['agreed']} of {quality['records']}.",
        },
    )
    step.done = f"Goran approved {candidate['records']:,} records, digest {digest[:12]}…"
    return digest


def _phase_on(step: Step) -> Callable[[RoundSeen], None]:
    return lambda seen: step.show(f"The round is {seen['phase']}")


def _backlog_on(step: Step, seen: RoundSeen) -> None:
    """Who is awaited, and how many answers are in."""
    reviews = {row["status"]: row["tasks"] for row in seen["backlog"] if row["kind"] == "review"}
    waiting = sum(
        row["tasks"]
        for row in seen["backlog"]
        if row["kind"] == "adjudication" and row["status"] not in _ANSWERED
    )
    done = sum(number for status, number in reviews.items() if status in _ANSWERED)
    total = sum(reviews.values())
    if total == 0 or done < total:
        doing = "Awaiting reviewers"
    else:
        doing = "Awaiting the adjudicator" if waiting else "The last answers are written down"
    aside = f" · {waiting} disputed" if waiting else ""
    step.show(doing + aside, completed=done, total=total or None)
