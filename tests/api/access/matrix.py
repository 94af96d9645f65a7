"""Reads `matrix.txt`, which says who may call which route and what they are answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from domain.accounts import Role

ROLES = (
    Role.REQUESTER,
    Role.REVIEWER,
    Role.ADJUDICATOR,
    Role.APPROVER,
    Role.AUDITOR,
    Role.ADMIN,
    Role.BREAK_GLASS,
)

TABLE = Path(__file__).with_name("matrix.txt")


@dataclass(frozen=True, kw_only=True)
class Line:
    method: str
    path: str
    statuses: dict[Role, int]
    hidden: int | None
    """None: the route is about no single record."""
    of_any: bool
    """Whatever is asked for may be of any record."""


def lines() -> list[Line]:
    """The table, read."""
    found = []
    for text in TABLE.read_text().splitlines():
        if not text or text.startswith("#"):
            continue
        address, *columns = (part.strip() for part in text.split("|"))
        method, path = address.split()
        statuses = dict(zip(ROLES, map(int, columns[0].split()), strict=True))
        found.append(
            Line(
                method=method,
                path=path,
                statuses=statuses,
                hidden=None if columns[1] == "=" else int(columns[1].removesuffix("!")),
                of_any=columns[1].endswith("!"),
            )
        )
    return found


def body_of(path: str, record_id: str) -> dict[str, object]:
    """Something that the route takes, as far as it comes to looking at a record."""
    reason: dict[str, object] = {"request_id": str(uuid4()), "reason": "so that it is tried"}
    answer: dict[str, object] = {
        "review_id": str(uuid4()),
        "verdict": {"kind": "label", "label": "lost_card"},
        "schema": "banking@1",
        "guideline": "none@1",
        "rationale": "it says so",
        "seconds": 3,
    }
    bodies: dict[str, dict[str, object]] = {
        "/api/v1/calibrations/{round_id}/answers": {
            "record_id": f"gold-{record_id}",
            "verdict": {"kind": "label", "label": "lost_card"},
            "schema": "banking@1",
        },
        "/api/v1/tasks/{task_id}/review": answer,
        "/api/v1/tasks/{task_id}/adjudication": answer,
        "/api/v1/reviews/{review_id}/correction": answer,
        "/api/v1/tasks/{task_id}/delegation": {**reason, "to_account": "nobody"},
        "/api/v1/tasks/{task_id}/forwarding": {**reason, "to_queue": "general"},
        "/api/v1/tasks/{task_id}/suspension": {**reason, "until": "2098-01-01T00:00:00Z"},
        "/api/v1/tasks/{task_id}/resumption": reason,
        "/api/v1/tasks/{task_id}/skip": reason,
        "/api/v1/tasks/{task_id}/withdrawal": reason,
    }
    return bodies.get(path, {})
