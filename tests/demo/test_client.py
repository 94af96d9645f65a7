"""A person's client is a good one: patient with 503, once with each write, clear about refusals."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from api.demo.client import Person
from api.demo.errors import DemoFailed, Refused

# An API that is away for as long as the test wants; the end-to-end test has the real one.


def person(answer: Callable[[httpx.Request], httpx.Response], *, patience: float = 60.0) -> Person:
    http = httpx.Client(base_url="http://demo", transport=httpx.MockTransport(answer))
    return Person(http=http, name="Ada", token="secret", patience=patience)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("api.demo.client.time.sleep", slept.append)
    return slept


def test_a_write_is_sent_again_under_its_key_after_the_seconds_that_the_api_asks_for(
    pauses: list[float],
) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) == 1:
            return httpx.Response(503, headers={"Retry-After": "2"})
        if len(requests) == 2:
            raise httpx.ConnectError("refused")
        return httpx.Response(201, json={"made": True})

    assert person(answer).post("/rounds", {"pool": "digits"}) == {"made": True}
    assert pauses == [2.0, 1.0]
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert {request.content for request in requests} == {b'{"pool":"digits"}'}


def test_two_writes_have_two_keys(pauses: list[float]) -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(204)

    ada = person(answer)
    ada.post("/rounds")
    ada.post("/rounds")
    assert len(set(keys)) == 2


def test_patience_has_an_end_and_says_who_asked_for_what() -> None:
    with pytest.raises(DemoFailed, match=r"Ada: GET /rounds had no answer.*503"):
        person(lambda _request: httpx.Response(503), patience=0.0).get("/rounds")


def test_a_refusal_carries_the_problem() -> None:
    problem = {"code": "stale_approval", "detail": "another dataset waits", "hint": "look again"}

    with pytest.raises(Refused, match="409: another dataset waits") as refusal:
        person(lambda _request: httpx.Response(409, json=problem)).post("/rounds/r/approval")
    assert refusal.value.answered == 409
    assert refusal.value.problem == "stale_approval"
    assert refusal.value.hint == "look again"


def test_a_list_is_read_to_its_last_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        page = {"items": ["a"], "next": "a"} if after is None else {"items": ["b"], "next": None}
        return httpx.Response(200, json=page)

    assert list(person(answer).pages("/accounts")) == ["a", "b"]
