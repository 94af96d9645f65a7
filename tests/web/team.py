"""The people of a team: accounts made over the API, each with a token and a one-time password."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from tests.web import digits

PEOPLE = {
    "Rosa": ["requester"],
    "Rita": ["reviewer"],
    "Ravi": ["reviewer"],
    "Ada": ["adjudicator"],
    "Paul": ["approver"],
    "Olga": ["auditor"],
}
HALVES = """\
batch_size: 100
seed: 7
# Batches as large as asked for, however alike the texts of a test are.
near_duplicates: {text: null, embedding: null}
arms:
  - {name: uncertain, kind: uncertain, share: 0.5}
  - {name: random, kind: random, share: 0.5}
"""
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Member:
    name: str
    account_id: str
    password: str
    """Signs in once."""
    api: httpx.Client


class Team:
    """`team["Rita"].api` is a client that bears Rita's token."""

    def __init__(self, base_url: str, admin_token: str) -> None:
        self.base_url = base_url
        self.admin = self._client(admin_token)
        self._members = {name: self._join(name, roles) for name, roles in PEOPLE.items()}

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def close(self) -> None:
        for client in [self.admin, *(member.api for member in self._members.values())]:
            client.close()

    def new_password(self, name: str) -> str:
        """A one-time password of this member, or of `admin`."""
        admin = name == "admin"
        account_id = (
            _answer(self.admin.get("/me"))["account_id"] if admin else self[name].account_id
        )
        made = self.admin.post(f"/accounts/{account_id}/one-time-passwords")
        return str(_answer(made)["one_time_password"])

    # -- rounds -----------------------------------------------------------------------------------

    def import_digits(self, pool: str, *, train: int, test: int, unlabelled: int) -> None:
        rosa = self["Rosa"].api
        classes = [{"label": label, "meaning": f"the digit {label}"} for label in digits.LABELS]
        _answer(rosa.post("/schemas", json={"name": "digits", "classes": classes}))
        _answer(rosa.post("/guidelines", json={"name": "digits", "text": digits.GUIDELINE}))
        _answer(rosa.post("/pools", json={"pool": pool, "kind": "image", "schema": "digits"}))
        rows = digits.json_lines(train=train, test=test, unlabelled=unlabelled)
        columns = {"format": "jsonl", "label_column": "label", "role_column": "role"}
        _answer(rosa.post(f"/pools/{pool}/imports", content=rows, params=columns))

    def import_with_faults(self, pool: str) -> str:
        """The import of a file of which every row is refused, so that it changes nothing."""
        rows = b'{"id": "x1", "pixels": "none"}\n{"pixels": [[0]]}\nnot JSON\n'
        params = {"file_name": "faults.jsonl"}
        made = self["Rosa"].api.post(f"/pools/{pool}/imports", content=rows, params=params)
        return str(_answer(made)["import_id"])

    def import_texts(
        self, pool: str, *, labels: Sequence[str], texts: Sequence[str], **schema: object
    ) -> None:
        rows: list[dict[str, object]] = [{"text": text} for text in texts]
        self.import_rows(pool, "text", rows, labels=labels, **schema)

    def import_rows(
        self,
        pool: str,
        kind: str,
        rows: Sequence[dict[str, object]],
        *,
        labels: Sequence[str],
        **schema: object,
    ) -> None:
        """A pool of that kind, and a label schema of its name, which `schema` may say more of."""
        rosa = self["Rosa"].api
        classes = [{"label": label, "meaning": f"it is about {label}"} for label in labels]
        _answer(rosa.post("/schemas", json={"name": pool, "classes": classes} | schema))
        _answer(rosa.post("/pools", json={"pool": pool, "kind": kind, "schema": pool}))
        rows = [{"id": f"{pool}-{place}"} | row for place, row in enumerate(rows)]
        lines = "\n".join(json.dumps(row) for row in rows).encode()
        columns = {"format": "jsonl", "label_column": "label", "role_column": "role"}
        _answer(rosa.post(f"/pools/{pool}/imports", content=lines, params=columns))

    def start_round(
        self,
        pool: str,
        *,
        batch: int,
        reviews: int = 2,
        gold: dict[str, Any] | None = None,
        guideline: str | None = None,
        **rules: Any,
    ) -> str:
        """A round that waits for reviews: half of its batch at random.

        `rules` are those of reviewing. Nothing is taken back unless they say so, or every shard
        would stay for a minute after its last answer.
        """
        asked = {
            "pool": pool,
            "policy": self.policy("halves"),
            "records": batch,
            "reviews_per_record": reviews,
            "reviewing": {"undo_seconds": 0} | rules,
            "gold": gold or {},
            "purpose": "Find the digits that the first model confuses.",
        }
        if named := guideline or ("digits" if pool == "digits" else None):
            asked["guideline"] = named
        started = _answer(self["Rosa"].api.post("/rounds", json=asked))
        round_id = str(started["round_id"])
        self.wait_for_phase(round_id, "reviewing")
        until(lambda: self._all_open(round_id, reviews), "the tasks of all shards are open")
        return round_id

    def _all_open(self, round_id: str, reviews: int) -> bool:
        """One shard may be slower than another."""
        found = self.round(round_id)
        opened = sum(each["tasks"] for each in found["backlog"] if each["kind"] == "review")
        return bool(opened >= reviews * found["summary"]["batch"]["records"])

    def policy(self, name: str, document: str = HALVES) -> str:
        """`name@version` of the policy, written by Rosa and approved by Paul."""
        rosa, paul = self["Rosa"].api, self["Paul"].api
        headers = {"Content-Type": "application/yaml"}
        made = _answer(rosa.post("/policies", content=f"name: {name}\n{document}", headers=headers))
        address = f"/policies/{name}/{made['version']}/approve"
        _answer(paul.post(address, json={"reason": "as agreed"}))
        return f"{name}@{made['version']}"

    def cancel_round(self, round_id: str) -> None:
        """Leaves no open task behind; a round that has ended stays as it is."""
        if self.round(round_id)["closed_at"] is None:
            reason = {"reason": "the test is over"}
            _answer(self["Rosa"].api.post(f"/rounds/{round_id}/cancellation", json=reason))
            until(lambda: self.round(round_id)["closed_at"] is not None, "the round has ended")

    def publish(self, round_id: str) -> None:
        """Paul approves the dataset that is shown, and the round goes on to its end."""
        self.wait_for_phase(round_id, "approval")
        digest = self.round(round_id)["summary"]["candidate"]["digest"]
        approval = {"approved": True, "dataset_digest": digest, "reason": "They look right."}
        _answer(self["Paul"].api.post(f"/rounds/{round_id}/approval", json=approval))
        self.wait_for_phase(round_id, "closed")

    def round(self, round_id: str) -> dict[str, Any]:
        return _answer(self["Rosa"].api.get(f"/rounds/{round_id}"))

    def wait_for_phase(self, round_id: str, *phases: str) -> None:
        def reached() -> bool:
            now = self.round(round_id)
            assert now["failure"] is None, now["failure"]
            return now["phase"] in phases

        until(reached, f"round {round_id} is {' or '.join(phases)}")

    def review_all(self, name: str, *, wrong: int = 0, at_most: int = 1_000) -> int:
        """Answers what waits for this person; the first `wrong` answers are wrong."""
        truth, given = digits.truth(), 0
        while given < at_most and (task := self.claim(name)):
            right = int(truth[task["record_id"]])
            label = str((right + 1) % 10 if given < wrong else right)
            self.answer(name, task, label)
            given += 1
        return given

    def claim(self, name: str) -> dict[str, Any] | None:
        claimed = _answer(self[name].api.post("/tasks/claim", json={}))
        return claimed["task"] if claimed["task"] else None

    def let_go(self, name: str) -> None:
        """Gives back what this person holds, so that it is not what they are given next."""
        member = self[name].api
        for task_id in _answer(member.get("/queue"))["mine"]:
            member.delete(f"/tasks/{quote(task_id, safe='')}/lease").raise_for_status()

    def answer(
        self, name: str, task: dict[str, Any], label: str | Sequence[str], rationale: str = ""
    ) -> None:
        """With one label, or with several as a list."""
        noun = "review" if task["kind"] == "review" else "adjudication"
        if noun == "adjudication":
            rationale = rationale or "the strokes"
        body = {
            "review_id": str(uuid4()),
            "verdict": {"kind": "label", "label" if isinstance(label, str) else "labels": label},
            "schema": task["schema"],
            "guideline": task["guideline"],
            "rationale": rationale,
            "seconds": 1.5,
        }
        _answer(self[name].api.post(f"/tasks/{task['task_id']}/{noun}", json=body))

    # -- joining ----------------------------------------------------------------------------------

    def _join(self, name: str, roles: list[str]) -> Member:
        body = {"name": name, "roles": roles, "token": True}
        made = _answer(self.admin.post("/accounts", json=body))
        return Member(
            name=name,
            account_id=made["account"]["account_id"],
            password=made["one_time_password"],
            api=self._client(made["token"]),
        )

    def _client(self, token: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.base_url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30.0,
        )


def until(holds: Callable[[], bool], what: str) -> None:
    """Returns as soon as it holds. Raises AssertionError when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.1)


def _answer(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found
