"""`docs/notices.md` says what programs are sent."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from docs.reference import DOCS
from domain import webhooks
from domain.events import EVENTS, TYPE_PREFIX, Event, envelope, event_data
from domain.ids import RoundId, Timestamp
from domain.notices import Audience, Notice, NoticeKind

PAGE = (DOCS / "notices.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
]
WHOLE = next(each for each in EXAMPLES if "specversion" in each)


def test_every_kind_of_notice_is_on_the_page() -> None:
    assert [kind.value for kind in NoticeKind if f"`{kind.value}`" not in PAGE] == []


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_is_explained_with_an_example_of_all_its_fields(kind: NoticeKind) -> None:
    [section] = re.findall(rf"^### `{re.escape(kind)}`\n(.*?)(?=^### |\Z)", PAGE, re.S | re.M)
    assert EVENTS[kind].says in section
    for name, meaning in EVENTS[kind].fields.items():
        assert f"| `{name}` | {meaning} |" in section
    [example] = [each for each in EXAMPLES if each["type"] == TYPE_PREFIX + kind and each != WHOLE]
    about = set() if kind is NoticeKind.WEBHOOK_TEST else {"round_id"}
    assert set(example["data"]) == about | set(EVENTS[kind].fields) | {"link"}


def test_an_envelope_looks_like_the_one_on_the_page() -> None:
    notice = Notice(
        notice_id="phase",
        kind=NoticeKind.PHASE_ENTERED,
        audience=Audience(),
        subject=WHOLE["subject"],
        text="",
        detail={"phase": WHOLE["data"]["phase"]},
    )
    event = Event(
        event_id=WHOLE["id"],
        sequence=int(WHOLE["sequence"]),
        kind=notice.kind,
        source=WHOLE["source"],
        subject=notice.subject,
        at=Timestamp(WHOLE["time"]),
        data=event_data(notice, RoundId(WHOLE["data"]["round_id"])),
    )
    assert json.loads(envelope(event, link=WHOLE["data"]["link"])) == WHOLE


def test_the_delays_on_the_page_are_those_of_the_code() -> None:
    delays = [webhooks.delay_after(attempt, chance=0.5) for attempt in range(1, webhooks.ATTEMPTS)]
    assert "| seconds | " + " | ".join(f"{delay:,.0f}" for delay in delays if delay) + " |" in PAGE


@pytest.mark.parametrize(
    "failure", ["status", "redirect", "timeout", "no_connection", "destination_refused"]
)
def test_every_failure_has_its_meaning(failure: str) -> None:
    assert f"`{failure}`" in PAGE
