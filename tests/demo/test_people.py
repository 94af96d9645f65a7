"""Simulated people: they err as often as they are told to, and work as good clients do."""

from __future__ import annotations

from threading import Event

import httpx
import pytest

from api.demo.cast import ADJUDICATOR_ERROR_RATE, REVIEWERS
from api.demo.client import Person
from api.demo.errors import Refused
from api.demo.people import LOOK_ALIKES, Judge, at_work, reviewing

RECORDS = [(f"digit-{number:04}", str(number % 10)) for number in range(4_000)]
TRUTH = dict(RECORDS)
TASK = {
    "task_id": "round.0.1.review-0",
    "record_id": "digit-0001",
    "schema": "digits@1",
    "guideline": "digits@1",
}


@pytest.mark.parametrize("rate", [*REVIEWERS.values(), ADJUDICATOR_ERROR_RATE])
def test_a_judge_errs_at_the_given_rate(rate: float) -> None:
    judge = Judge(name="Bruno", error_rate=rate, seed=7)
    wrong = sum(judge.judge(record, truth).label != truth for record, truth in RECORDS)
    assert wrong / len(RECORDS) == pytest.approx(rate, abs=0.02)


def test_a_mistake_is_a_digit_that_looks_alike() -> None:
    judge = Judge(name="Emre", error_rate=1.0, seed=7)
    assert all(judge.judge(record, truth).label in LOOK_ALIKES[truth] for record, truth in RECORDS)
    assert all(digit not in alike for digit, alike in LOOK_ALIKES.items())


def test_what_a_person_says_of_a_record_depends_on_the_seed_and_not_on_the_turn() -> None:
    def said(seed: int, records: list[tuple[str, str]]) -> dict[str, object]:
        judge = Judge(name="Dilan", error_rate=0.5, seed=seed)
        return {record: judge.judge(record, truth) for record, truth in records}

    assert said(7, RECORDS) == said(7, RECORDS[::-1])
    assert said(7, RECORDS) != said(8, RECORDS)


def test_two_people_err_on_different_records() -> None:
    wrong = [
        {record for record, truth in RECORDS if judge.judge(record, truth).label != truth}
        for judge in (Judge(name=name, error_rate=0.1, seed=7) for name in ("Bruno", "Chika"))
    ]
    assert len(wrong[0] & wrong[1]) < len(wrong[0]) / 4


def test_confidence_and_seconds_are_ones_that_the_api_takes() -> None:
    judge = Judge(name="Emre", error_rate=0.2, seed=7)
    for record, truth in RECORDS:
        judgement = judge.judge(record, truth)
        assert 0.0 <= judgement.confidence <= 1.0
        assert 0.0 < judgement.seconds < 60.0


# A queue of one task whose answer is met with a problem: it cannot be had from a real API at will.


def a_reviewer(answer_status: int, stop: Event) -> Person:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/claim"):
            return httpx.Response(200, json={"task": TASK})
        stop.set()
        problem = {"code": "task_held_by_another", "detail": "another person works on this task"}
        return httpx.Response(answer_status, json=problem)

    http = httpx.Client(base_url="http://demo", transport=httpx.MockTransport(answer))
    return Person(http=http, name="Bruno", token="t")


def test_a_task_that_another_person_took_does_not_stop_a_reviewer() -> None:
    stop = Event()
    judge = Judge(name="Bruno", error_rate=0.0, seed=7)
    reviewing(a_reviewer(409, stop), judge, "round", TRUTH)(stop)


def test_any_other_refusal_does() -> None:
    stop = Event()
    judge = Judge(name="Bruno", error_rate=0.0, seed=7)
    with pytest.raises(Refused, match="another person"):
        reviewing(a_reviewer(403, stop), judge, "round", TRUTH)(stop)


def test_whoever_watches_learns_what_stopped_a_person() -> None:
    def fails(_stop: Event) -> None:
        raise LookupError("no pen")

    def waits(stop: Event) -> None:
        stop.wait()

    def watch() -> None:
        with at_work([fails, waits]) as check:
            while True:
                check()

    with pytest.raises(LookupError, match="no pen"):
        watch()
