"""The queue: what a person is given, what they see of it, and why there is nothing."""

from __future__ import annotations

from typing import Any

from api.task_views import masked
from domain.ids import AccountId, RecordId, ReviewId, RoundId, TaskId, review_task_id
from domain.reviews import Submission, Verdict, VerdictKind
from domain.tasks import ProjectedReview, ReviewStatus, TaskKind
from storage import reviews
from tests.api.team import LONG_AGO, Reviewing, Team, code, start_reviewing

CLAIM = "/api/v1/tasks/claim"


async def claim(client: Any, **body: Any) -> dict[str, Any]:
    response = await client.post(CLAIM, json=body)
    assert response.status_code == 200, response.text
    given: dict[str, Any] = response.json()
    return given


async def test_a_task_shows_all_that_a_reviewer_needs(team: Team) -> None:
    reviewing = await start_reviewing(team)
    task = (await claim(team.rita))["task"]
    assert task["round_id"] == reviewing.round_id
    assert (task["kind"], task["record_id"]) == ("review", "r000")
    assert (task["content_kind"], task["content"]) == ("text", {"text": "text 0"})
    assert (task["schema"], task["guideline"]) == ("banking@1", "none@1")
    assert task["labels"][0] == {
        "label": "card_arrival",
        "meaning": "about card_arrival",
        "key": "1",
    }
    assert task["progress"] == {"done": 0}
    assert task["reviews"] == []
    assert task["lease_until"]


async def test_what_you_hold_comes_first_until_you_skip_it(team: Team) -> None:
    await start_reviewing(team)
    first = (await claim(team.rita))["task"]["task_id"]
    assert (await claim(team.rita))["task"]["task_id"] == first
    second = (await claim(team.rita, skip=[first]))["task"]["task_id"]
    assert second != first
    nothing = await claim(team.rita, skip=[first, second])
    assert (nothing["task"], nothing["why"]) == (None, "all_skipped")


async def test_nothing_to_do_says_why(team: Team) -> None:
    assert (await claim(team.rita))["why"] == "nothing_open"
    assert (await claim(team.rita, kinds=["adjudication"]))["why"] == "not_qualified"
    await start_reviewing(team)
    account = team.accounts["ada"].account_id
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"roles": ["reviewer"]})
    for person in (team.rita, team.ravi):
        held: list[str] = []
        for _ in range(2):
            held.append((await claim(person, skip=held))["task"]["task_id"])
    leased = await claim(team.ada)
    assert (leased["task"], leased["why"]) == (None, "all_leased")
    assert leased["next_at"]


async def test_a_task_is_visible_to_its_holder_only(team: Team) -> None:
    await start_reviewing(team)
    address = f"/api/v1/tasks/{(await claim(team.rita))['task']['task_id']}"
    assert (await team.rita.get(address)).status_code == 200
    for stranger in (team.ravi, team.ada):
        assert code(await stranger.get(address)) == "not_found"


async def test_a_lease_is_renewed_by_its_holder_and_given_back(team: Team) -> None:
    await start_reviewing(team)
    task = (await claim(team.rita))["task"]
    address = f"/api/v1/tasks/{task['task_id']}/lease"
    renewed = (await team.rita.post(address)).json()
    assert renewed["lease_until"] > task["lease_until"]
    assert code(await team.ravi.post(address)) == "task_held_by_another"
    assert (await team.rita.delete(address)).status_code == 204
    assert code(await team.rita.get(f"/api/v1/tasks/{task['task_id']}")) == "not_found"


async def test_the_queue_counts_for_the_person_who_asks(team: Team) -> None:
    await start_reviewing(team)
    task = (await claim(team.rita))["task"]["task_id"]
    mine = (await team.rita.get("/api/v1/queue")).json()
    assert (mine["mine"], mine["claimable"], mine["barred"]) == ([task], 1, 1)
    others = (await team.ravi.get("/api/v1/queue")).json()
    assert (others["claimable"], others["claimed_by_others"]) == (2, 1)


async def test_an_adjudicator_sees_what_was_said_and_not_who_said_it(team: Team) -> None:
    reviewing = await start_reviewing(team, kind=TaskKind.ADJUDICATION)
    say(team, reviewing, "rita", "lost_card", "it is gone")
    say(team, reviewing, "ravi", "top_up", "about money")
    response = await team.ada.post(CLAIM, json={})
    task = response.json()["task"]
    assert task["kind"] == "adjudication"
    assert [each["reviewer"] for each in task["reviews"]] == ["Reviewer A", "Reviewer B"]
    assert {each["answer"] for each in task["reviews"]} == {"label:lost_card", "label:top_up"}
    again = (await team.ada.get(f"/api/v1/tasks/{task['task_id']}")).json()
    assert again["reviews"] == task["reviews"]
    for name in ("rita", "ravi"):
        assert name not in response.text
        assert team.accounts[name].account_id not in response.text


def test_whoever_comes_first_to_every_record_is_not_the_same_letter_throughout() -> None:
    letters = []
    for ordinal in range(20):
        both = [_said(ordinal, slot) for slot in (0, 1)]
        shown = masked(both)
        assert shown == masked(both[::-1])
        letters += [each.reviewer for each in shown if each.rationale == "slot 0"]
    assert set(letters) == {"Reviewer A", "Reviewer B"}


def _said(ordinal: int, slot: int) -> reviews.Review:
    round_id = RoundId("mail-1")
    return reviews.Review(
        review_id=ReviewId(f"{ordinal}-{slot}"),
        round_id=round_id,
        shard=0,
        sequence=slot,
        task_id=review_task_id(round_id, 0, ordinal, slot),
        record_id=RecordId(f"r{ordinal:03}"),
        kind=TaskKind.REVIEW,
        account_id=AccountId(f"account-{slot}"),
        reviewer=f"person {slot}",
        verdict=Verdict(kind=VerdictKind.LABEL, label="lost_card"),
        answer="label:lost_card",
        confidence=None,
        rationale=f"slot {slot}",
        seconds=1.0,
        guideline="none@1",
        submitted_at=LONG_AGO,
        decided_at=LONG_AGO,
        look=1,
        status=ReviewStatus.ACCEPTED,
        refusal="",
        corrects=None,
        retracted_at=None,
    )


def say(team: Team, reviewing: Reviewing, name: str, label: str, rationale: str) -> None:
    """An accepted review of the first record, as its shard would project it."""
    slot = 0 if name == "rita" else 1
    decided = ProjectedReview(
        message=Submission(
            review_id=ReviewId(f"review-{name}"),
            task_id=TaskId(f"{reviewing.round_id}.0.0.review-{slot}"),
            record_id=RecordId("r000"),
            verdict=Verdict(kind=VerdictKind.LABEL, label=label),
            confidence=None,
            rationale=rationale,
            seconds=1.0,
            guideline="none@1",
            actor=team.actor(name),
            submitted_at=LONG_AGO,
        ),
        kind=TaskKind.REVIEW,
        status=ReviewStatus.ACCEPTED,
        refusal="",
        sequence=slot,
        decided_at=LONG_AGO,
        look=1,
    )
    with team.state.engine.begin() as connection:
        reviews.project_reviews(connection, round_id=reviewing.round_id, shard=0, decided=[decided])


async def test_a_look_at_the_next_task_takes_nothing(team: Team) -> None:
    await start_reviewing(team)
    looked = (await team.rita.post("/api/v1/tasks/peek", json={})).json()["task"]
    assert looked["content"] == {"text": "text 0"}
    assert looked["lease_until"] is None
    assert (await team.ravi.get("/api/v1/queue")).json()["claimed_by_others"] == 0
    taken = (await team.ravi.post("/api/v1/tasks/claim", json={})).json()["task"]
    assert taken["task_id"] == looked["task_id"]
    late = await team.rita.post(f"/api/v1/tasks/{looked['task_id']}/lease")
    assert code(late) == "task_held_by_another"
    other = (await team.rita.post("/api/v1/tasks/claim", json={})).json()["task"]
    again = (await team.rita.post("/api/v1/tasks/peek", json={})).json()["task"]
    assert again["task_id"] == other["task_id"], "what somebody holds comes first"
    skip = {"skip": [other["task_id"]]}
    after = (await team.rita.post("/api/v1/tasks/peek", json=skip)).json()["task"]
    assert after["task_id"] not in {other["task_id"], taken["task_id"]}
