"""A whole round through the real processes: what people wrote is not in what Temporal keeps, and no
secret is in any log."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from activities.histories import payloads_in
from tests.faults.people import Crowd, Person, eventually
from workers import temporal
from workers.local_stack import LocalStack
from workers.ports import any_free_ports, free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]

TEXT = "zanzibar"
"""In the text of every record, and nowhere else."""
RATIONALE = "quixotically"
NAMES = ("Ottoline", "Peregrine", "Quintilian", "Rosalind", "Seraphina")
PURPOSE = "onomatopoeic"
POLICY: dict[str, Any] = {
    "name": "few",
    "batch_size": 4,
    "arms": [{"name": "random", "kind": "random", "share": 1.0}],
    "near_duplicates": {"text": None, "embedding": None},
}


@dataclass(frozen=True, kw_only=True)
class Finished:
    stack: LocalStack
    round_id: str
    secrets: Mapping[str, str]
    """What it is → what must be in no log."""


@pytest.fixture(scope="module")
def finished(reachable_dir: Path) -> Iterator[Finished]:
    with LocalStack(
        reachable_dir / "secrecy",
        ports=any_free_ports(),
        environment={
            "LABELWRIGHT_LOG_LEVEL": "debug",
            "LABELWRIGHT_WEBHOOK_ALLOW_HTTP": "true",
            "LABELWRIGHT_WEBHOOK_NETWORKS": "127.0.0.0/8",
        },
    ) as stack:
        yield run_a_round(stack)


def run_a_round(stack: LocalStack) -> Finished:
    """A round with its people, a webhook that fails, a browser's session, and mistaken callers."""
    api, secrets = stack.addresses.api, dict[str, str]()
    secrets["admin token"] = stack.addresses.admin_token_file.read_text().strip()
    admin = Person(api, secrets["admin token"])

    def join(name: str, *roles: str) -> Person:
        made = admin.post("/api/v1/accounts", {"name": name, "roles": roles, "token": True})
        secrets[f"token of {name}"] = made["token"]
        return Person(api, made["token"], account_id=made["account"]["account_id"])

    team, approver = join(NAMES[0], "requester"), join(NAMES[1], "approver")
    reviewers = [join(NAMES[2], "reviewer"), join(NAMES[3], "reviewer")]
    adjudicators = [join(NAMES[4], "adjudicator")]
    secrets |= signed_in(api, admin, reviewers[0].account_id, NAMES[2])
    hook = admin.post(
        "/api/v1/webhooks",
        {"url": f"http://127.0.0.1:{free_port()}/", "kinds": [], "description": ""},
    )
    secrets["webhook secret"] = hook["secret"]
    for wrong in ("lw_0123456789abcdefghijklmnopqrstuvwxyz", "no-token-of-ours-0123456789"):
        secrets[f"unknown token {wrong[:5]}"] = wrong
        httpx.get(f"{api}/api/v1/me", headers={"Authorization": f"Bearer {wrong}"})

    labels = [{"label": str(digit), "meaning": f"it is {digit}"} for digit in range(10)]
    team.post("/api/v1/schemas", {"name": "words", "classes": labels})
    made = team.post("/api/v1/policies", POLICY)
    approver.post(
        f"/api/v1/policies/few/{made['version']}/approve", {"reason": "it will do"}, status=200
    )
    team.post("/api/v1/pools", {"pool": "words", "kind": "text", "schema": "words"})
    lines = [json.dumps({"id": f"r{n}", "text": f"{TEXT} number {n}"}) for n in range(8)]
    answer = team.ask(
        "POST", "/api/v1/pools/words/imports",
        params={"file_name": "words.jsonl"}, content="\n".join(lines).encode(),
    )  # fmt: skip
    assert answer.json()["accepted"] == 8, answer.text
    asked = {"pool": "words", "policy": "few@1", "purpose": PURPOSE}
    round_id = team.post("/api/v1/rounds", asked | {"reviewing": {"undo_seconds": 0}})["round_id"]
    place = f"/api/v1/rounds/{round_id}"
    crowd = Crowd(
        round_id=round_id, reviewers=reviewers, adjudicators=adjudicators, rationale=RATIONALE
    )
    with crowd:
        waiting = eventually(
            "approval", lambda: (s := team.get(place))["phase"] == "approval" and s
        )
    decision = {"approved": True, "dataset_digest": waiting["awaiting"]["dataset_digest"]}
    approver.post(
        f"{place}/approval",
        {"decision_id": "5f0c7b5e-52c6-4b9f-9d8e-3a1d0c9be001", "reason": RATIONALE} | decision,
        status=202,
    )
    eventually("the end", lambda: team.get(place)["phase"] == "closed")
    for person in (admin, team, approver, *reviewers, *adjudicators):
        person.close()
    secrets |= of_files(stack)
    return Finished(stack=stack, round_id=round_id, secrets=secrets)


def signed_in(api: str, admin: Person, account_id: str, name: str) -> dict[str, str]:
    made = admin.post(f"/api/v1/accounts/{account_id}/one-time-passwords", {})
    password = made["one_time_password"]
    with httpx.Client(base_url=api, headers={"Origin": api}) as browser:
        mistaken = {"name": name, "one_time_password": "mistyped-password-of-somebody"}
        assert browser.post("/api/v1/sessions", json=mistaken).status_code == 401
        body = {"name": name, "one_time_password": password}
        browser.post("/api/v1/sessions", json=body).raise_for_status()
        browser.get("/api/v1/me").raise_for_status()
        cookie = browser.cookies["labelwright_session"]
    return {
        "one-time password": password,
        "mistyped password": mistaken["one_time_password"],
        "session": cookie,
    }


def of_files(stack: LocalStack) -> dict[str, str]:
    """The secrets of the stack's own folder."""
    folder = stack.data_dir / "secrets"
    pem = (folder / "signing.pem").read_text().splitlines()
    return {
        "database password": (folder / "postgres-password").read_text().strip(),
        "signing key": pem[1],
        "sealing key": (folder / "sealing.key").read_text().strip(),
        "payload key": (folder / "payload.keys").read_text().split()[1],
    }


def test_nothing_that_people_wrote_is_in_what_temporal_keeps(finished: Finished) -> None:
    stack = finished.stack
    files = sorted(stack.data_dir.glob("temporal.db*"))
    kept = b"".join(path.read_bytes() for path in files)
    assert finished.round_id.encode() in kept, "nothing is found where it is not looked for"
    assert kept.count(b"binary/encrypted") > 20
    for word in (TEXT, RATIONALE, PURPOSE, *NAMES):
        assert word.encode() not in kept, word
        assert base64.b64encode(word.encode())[:-2] not in kept, word


def test_nothing_that_people_wrote_is_in_a_history_as_temporal_hands_it_out(
    finished: Finished,
) -> None:
    async def events() -> list[HistoryEvent]:
        client = await Client.connect(finished.stack.addresses.temporal)
        found: list[HistoryEvent] = []
        async for each in client.list_workflows():
            handle = client.get_workflow_handle(each.id, run_id=each.run_id)
            found += (await handle.fetch_history()).events
        return found

    whole = asyncio.run(events())
    # A marker says which patch a workflow has met; the SDK writes it, past any codec.
    told = [event for event in whole if event.event_type != EventType.EVENT_TYPE_MARKER_RECORDED]
    payloads = [payload for event in told for payload in payloads_in(event)]
    # Temporal itself reads search attributes, which say their type and hold nothing of ours.
    ours = [payload for payload in payloads if "type" not in payload.metadata]
    assert len(ours) > 20
    assert {payload.metadata["encoding"] for payload in ours} == {b"binary/encrypted"}
    handed_out = b"".join(event.SerializeToString() for event in whole)
    assert [w for w in (TEXT, RATIONALE, PURPOSE, *NAMES) if w.encode() in handed_out] == []


def test_no_log_holds_a_secret_or_what_a_record_says(finished: Finished) -> None:
    logs = sorted(finished.stack.logs.glob("*.log"))
    assert {"api.log", "compute.log", "orchestration.log"} <= {path.name for path in logs}
    hidden = {**finished.secrets, "record text": TEXT, "rationale": RATIONALE}
    for path in logs:
        written = path.read_text(errors="replace")
        assert [what for what, secret in hidden.items() if secret in written] == [], path
    assert any('"level": "debug"' in path.read_text(errors="replace") for path in logs)


def test_temporals_pages_know_where_payloads_are_decoded(finished: Finished) -> None:
    addresses = finished.stack.addresses
    with urlopen(f"{addresses.temporal_ui}/api/v1/settings") as answer:
        settings = json.loads(answer.read())
    assert settings["Codec"]["Endpoint"] == f"{addresses.api}/api/v1/codec"
    asked = httpx.options(
        f"{addresses.api}/api/v1/codec/decode",
        headers={"Origin": addresses.temporal_ui, "Access-Control-Request-Method": "POST"},
    )
    assert asked.headers["Access-Control-Allow-Origin"] == addresses.temporal_ui


def test_temporals_own_command_line_reads_payloads_by_an_auditors_token(
    finished: Finished,
) -> None:
    addresses = finished.stack.addresses
    command = [
        str(temporal.executable()), "workflow", "show",
        "--workflow-id", f"round/{finished.round_id}", "--address", addresses.temporal,
        "--output", "json",
        "--codec-endpoint", f"{addresses.api}/api/v1/codec",
    ]  # fmt: skip
    allowed = ["--codec-auth", f"Bearer {finished.secrets['admin token']}"]
    shown = subprocess.run([*command, *allowed], capture_output=True, text=True, check=True)
    began = json.loads(shown.stdout)["events"][0]["workflowExecutionStartedEventAttributes"]
    plan = json.loads(base64.b64decode(began["input"]["payloads"][0]["data"]))
    assert plan["purpose"] == PURPOSE
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert refused.stdout == ""
