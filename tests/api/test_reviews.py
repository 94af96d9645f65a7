"""After an answer: taking it back, correcting it, the last ones; and many answers at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from api.state import now
from api.temporal import Temporal
from domain.accounts import Actor
from domain.ids import ReviewId, RoundId, Timestamp
from domain.moments import later
from domain.reviews import Submission, UndoRequested, Verdict, VerdictKind
from domain.signing import audience_of
from domain.tasks import ProjectedReview, Projection, ReviewStatus, TaskKind
from storage.projection import project_shard
from tests.api.team import Reviewing, Team, answer, code, signals, start_reviewing
from workers.settings import Settings
from workers.signing import verify


async def given(team: Team, who: str = "rita") -> tuple[str, str]:
    """Claims a task and answers it; returns the task's id and the review's."""
    client = getattr(team, who)
    task = (await client.post("/api/v1/tasks/claim", json={})).json()["task"]["task_id"]
    body = answer()
    sent = await client.post(f"/api/v1/tasks/{task}/review", json=body)
    assert sent.status_code == 202, sent.text
    return task, body["review_id"]


async def decide(
    team: Team,
    reviewing: Reviewing,
    *,
    at: Timestamp | None = None,
    status: ReviewStatus = ReviewStatus.ACCEPTED,
) -> None:
    """Shows what has been signalled as the shard would, decided at `at`."""
    decided = tuple(
        ProjectedReview(
            message=_submission(message),
            kind=TaskKind.REVIEW,
            status=status,
            refusal="late" if status is ReviewStatus.REFUSED else "",
            sequence=sequence,
            decided_at=at or now(),
            look=1,
        )
        for sequence, message in enumerate(await signals(team, reviewing.workflow_id))
        if message["signal"] == "review"
    )
    projection = Projection(
        round_id=reviewing.round_id, shard=0, look=1, at=at or now(), reviews=decided
    )
    with team.state.engine.begin() as connection:
        project_shard(connection, projection)


def _submission(message: dict[str, Any]) -> Submission:
    verdict = message["verdict"]
    kept = {name: value for name, value in message.items() if name not in {"signal", "verdict"}}
    return Submission(
        **kept | {"actor": Actor(**message["actor"])},
        verdict=Verdict(kind=VerdictKind(verdict["kind"]), label=verdict["label"]),
    )


# -- undo -------------------------------------------------------------------------------------


async def test_an_answer_is_taken_back_by_a_signed_message_of_its_author(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task, review_id = await given(team)
    await decide(team, reviewing)
    response = await team.rita.post(f"/api/v1/reviews/{review_id}/undo")
    assert response.status_code == 202, response.text
    assert response.json()["task_id"] == task
    message = (await signals(team, reviewing.workflow_id))[-1]
    assert message["signal"] == "undo"
    request = UndoRequested(
        request_id=message["request_id"],
        round_id=RoundId(message["round_id"]),
        record_id=message["record_id"],
        review_id=ReviewId(review_id),
        actor=team.actor("rita"),
        submitted_at=message["submitted_at"],
        signature=message["signature"],
        audience=audience_of(reviewing.workflow_id, message["signal"]),
    )
    assert verify(request, team.state.signer.public_key.public_key)


async def test_an_answer_can_be_taken_back_before_the_shard_has_looked_at_it(team: Team) -> None:
    reviewing = await start_reviewing(team)
    _, review_id = await given(team)
    assert (await team.rita.post(f"/api/v1/reviews/{review_id}/undo")).status_code == 202
    assert [each["signal"] for each in await signals(team, reviewing.workflow_id)] == [
        "review",
        "undo",
    ]


async def test_nobody_takes_an_answer_of_somebody_else_back(team: Team) -> None:
    await start_reviewing(team)
    _, review_id = await given(team)
    assert code(await team.ravi.post(f"/api/v1/reviews/{review_id}/undo")) == "not_found"
    assert code(await team.rita.post(f"/api/v1/reviews/{uuid4()}/undo")) == "not_found"


async def test_after_the_window_an_answer_stands_and_the_problem_says_what_to_do(
    team: Team,
) -> None:
    reviewing = await start_reviewing(team)
    _, review_id = await given(team)
    await decide(team, reviewing, at=later(now(), -61.0))
    late = await team.rita.post(f"/api/v1/reviews/{review_id}/undo")
    assert (late.status_code, code(late)) == (409, "review_stands")
    assert f"/api/v1/reviews/{review_id}/correction" in late.json()["hint"]


async def test_a_refused_answer_has_nothing_to_take_back(team: Team) -> None:
    reviewing = await start_reviewing(team)
    _, review_id = await given(team)
    await decide(team, reviewing, status=ReviewStatus.REFUSED)
    assert code(await team.rita.post(f"/api/v1/reviews/{review_id}/undo")) == "review_stands"


async def test_once_the_shard_has_ended_an_answer_stands(team: Team) -> None:
    reviewing = await start_reviewing(team)
    _, review_id = await given(team)
    client = await team.state.temporal.client()
    await client.get_workflow_handle(reviewing.workflow_id).terminate()
    assert code(await team.rita.post(f"/api/v1/reviews/{review_id}/undo")) == "review_stands"
    correction = await team.rita.post(f"/api/v1/reviews/{review_id}/correction", json=answer())
    assert code(correction) == "review_stands"


# -- correction -------------------------------------------------------------------------------


async def test_a_correction_is_a_review_that_names_the_one_it_corrects(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task, review_id = await given(team)
    await decide(team, reviewing)
    body = answer(verdict={"kind": "label", "label": "top_up"})
    address = f"/api/v1/reviews/{review_id}/correction"
    first = await team.rita.post(address, json=body)
    assert first.status_code == 202, first.text
    assert (await team.rita.post(address, json=body)).json() == first.json()
    messages = await signals(team, reviewing.workflow_id)
    assert [each["signal"] for each in messages] == ["review", "review"]
    assert messages[-1]["corrects"] == review_id
    assert messages[-1]["task_id"] == task


@pytest.mark.parametrize("status", [ReviewStatus.REFUSED, ReviewStatus.CORRECTED])
async def test_what_does_not_stand_is_not_corrected(team: Team, status: ReviewStatus) -> None:
    reviewing = await start_reviewing(team)
    _, review_id = await given(team)
    await decide(team, reviewing, status=status)
    address = f"/api/v1/reviews/{review_id}/correction"
    assert code(await team.rita.post(address, json=answer())) == "review_stands"
    assert code(await team.ravi.post(address, json=answer())) == "not_found"


async def test_the_last_answers_say_how_long_they_may_be_taken_back(team: Team) -> None:
    reviewing = await start_reviewing(team)
    await given(team)
    task, review_id = await given(team)
    at = now()
    await decide(team, reviewing, at=at)
    latest, before = (await team.rita.get("/api/v1/reviews/mine")).json()
    assert (latest["review_id"], latest["task_id"]) == (review_id, task)
    assert latest["undo_until"] == later(at, 60.0)
    assert before["answer"] == "label:lost_card"
    assert (await team.ravi.get("/api/v1/reviews/mine")).json() == []


# -- many at once -----------------------------------------------------------------------------


async def claim_two(team: Team) -> list[str]:
    tasks: list[str] = []
    for _ in range(2):
        claimed = await team.rita.post("/api/v1/tasks/claim", json={"skip": tasks})
        tasks.append(claimed.json()["task"]["task_id"])
    return tasks


async def test_of_many_answers_each_is_judged_on_its_own(team: Team) -> None:
    reviewing = await start_reviewing(team)
    one, other = await claim_two(team)
    body = {
        "answers": [
            answer(task_id=one),
            answer(task_id=one),
            answer(task_id="nothing"),
            {"task_id": other, "confidence": "very"},
            answer(task_id=other, verdict={"kind": "label", "label": "no such"}),
            answer(task_id=other),
        ]
    }
    first = await team.rita.post("/api/v1/reviews", json=body)
    assert first.status_code == 200, first.text
    results = first.json()["results"]
    assert [each["status"] for each in results] == [202, 409, 404, 422, 422, 202]
    assert [each["problem"] and each["problem"]["code"] for each in results] == [
        None, "task_closed", "not_found", "invalid_request", "unknown_label", None,
    ]  # fmt: skip
    assert [each["task_id"] for each in await signals(team, reviewing.workflow_id)] == [one, other]
    again = (await team.rita.post("/api/v1/reviews", json=body)).json()["results"]
    assert [again[0], again[5]] == [results[0], results[5]]
    assert len(await signals(team, reviewing.workflow_id)) == 2


async def test_an_answer_sent_alone_and_among_many_is_the_same(team: Team) -> None:
    reviewing = await start_reviewing(team)
    [task, _] = await claim_two(team)
    body = answer()
    alone = await team.rita.post(f"/api/v1/tasks/{task}/review", json=body)
    many = await team.rita.post("/api/v1/reviews", json={"answers": [body | {"task_id": task}]})
    assert many.json()["results"][0]["receipt"] == alone.json()
    assert len(await signals(team, reviewing.workflow_id)) == 1


async def test_there_are_at_most_a_hundred_answers_in_one_call(team: Team) -> None:
    await start_reviewing(team)
    for answers in ([], [answer(task_id="x")] * 101):
        refused = await team.rita.post("/api/v1/reviews", json={"answers": answers})
        assert code(refused) == "invalid_request"


async def test_while_temporal_is_away_no_answer_among_many_is_acknowledged(
    app: FastAPI, team: Team, without_temporal: Settings
) -> None:
    reviewing = await start_reviewing(team)
    body = {"answers": [answer(task_id=task) for task in await claim_two(team)]}
    there = team.state.temporal
    object.__setattr__(team.state, "temporal", Temporal(without_temporal, team.state.signer))
    away = (await team.rita.post("/api/v1/reviews", json=body)).json()["results"]
    assert [each["problem"]["code"] for each in away] == ["temporal_unavailable"] * 2
    object.__setattr__(team.state, "temporal", there)
    back = (await team.rita.post("/api/v1/reviews", json=body)).json()["results"]
    assert [each["status"] for each in back] == [202, 202]
    assert len(await signals(team, reviewing.workflow_id)) == 2


# -- reasons, rules and an early end ----------------------------------------------------------


async def test_an_adjudication_without_a_reason_is_refused(team: Team) -> None:
    reviewing = await start_reviewing(team, kind=TaskKind.ADJUDICATION)
    task = (await team.ada.post("/api/v1/tasks/claim", json={})).json()["task"]
    assert "label" in task["rationale_for"]
    address = f"/api/v1/tasks/{task['task_id']}/adjudication"
    refused = await team.ada.post(address, json=answer(rationale=" "))
    assert (refused.status_code, code(refused)) == (422, "rationale_required")
    assert await signals(team, reviewing.workflow_id) == []
    assert (await team.ada.post(address, json=answer())).status_code == 202


async def test_closing_reaches_every_shard_and_repeats_itself_harmlessly(team: Team) -> None:
    reviewing = await start_reviewing(team)
    address = f"/api/v1/rounds/{reviewing.round_id}/closing"
    assert code(await team.requester.post(address, json={"reason": " "})) == "invalid_request"
    assert code(await team.rita.post(address, json={"reason": "enough"})) == "not_allowed"
    body = {"reason": "enough", "request_id": str(uuid4())}
    first = await team.requester.post(address, json=body)
    assert first.status_code == 202, first.text
    assert (await team.requester.post(address, json=body)).json() == first.json()
    messages = await signals(team, reviewing.workflow_id)
    assert [(each["signal"], each["request_id"]) for each in messages] == [
        ("close_shard", body["request_id"])
    ] * 2


@pytest.mark.parametrize(
    ("reviewing", "expected"),
    [
        ({"remind_at": [1.5]}, "invalid_review_rules"),
        ({"escalations": [{"after_hours": 2, "roles": ["boss"]}]}, "invalid_review_rules"),
        ({"escalations": [{"after_hours": 2, "accounts": ["nobody"]}]}, "invalid_review_rules"),
        ({"rationale_for": ["exclude", "exclude"]}, "invalid_review_rules"),
        ({"rationale_for": ["maybe"]}, "invalid_request"),
        ({"remember_me": True}, "invalid_request"),
    ],
)
async def test_rules_that_cannot_be_kept_start_no_round(
    team: Team, reviewing: dict[str, Any], expected: str
) -> None:
    await start_reviewing(team)
    body = {"pool": "mail", "records": 2, "reviewing": reviewing}
    assert code(await team.requester.post("/api/v1/rounds", json=body)) == expected


async def test_a_round_shows_the_rules_that_it_was_started_with(team: Team) -> None:
    await start_reviewing(team)
    rules = {
        "min_confidence": 0.7,
        "extra_reviews": 1,
        "rationale_for": ["exclude"],
        "undo_seconds": 30.0,
        "remind_at": [0.5],
        "suggestions": True,
        "escalations": [
            {
                "after_hours": 48.0,
                "roles": ["requester"],
                "accounts": [],
                "every_hours": 24.0,
                "times": 3,
                "raises": 2,
            }
        ],
    }
    body = {"pool": "mail", "records": 2, "reviewing": rules}
    started = await team.requester.post("/api/v1/rounds", json=body)
    assert started.status_code == 201, started.text
    assert started.json()["reviewing"] == rules
