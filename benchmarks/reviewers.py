"""Concurrent reviewers: each claims a task, answers it, and goes on, until enough are acknowledged.

A process of its own with nothing but the standard library, so that what it costs is known and
small: it shares the machine with what it measures. It reads one `Assignment` as JSON from standard
input and writes one `Report` as JSON to standard output.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

LABELS = ("billing", "delivery", "refund", "other")
DIFFERING = 10
"""In one record of so many the second review says something else, so that adjudications open."""
CLAIM = "/api/v1/tasks/claim"
PAUSE_SECONDS = 0.05
"""When there is nothing to claim, or an answer has to be sent again."""
LONGEST_SECONDS = 1_800.0


@dataclass(frozen=True, kw_only=True)
class Assignment:
    host: str
    port: int
    tokens: list[str]
    """One a reviewer."""
    reviews: int


@dataclass(kw_only=True)
class Report:
    acknowledged: list[str] = field(default_factory=list)
    """Ids of the reviews that were answered with 202."""
    submissions: list[float] = field(default_factory=list)
    """Seconds until a submission was answered, retries included."""
    claims: list[float] = field(default_factory=list)
    """Seconds until a claim gave a task."""
    empty: int = 0
    """Claims that gave none."""
    sent_again: int = 0
    """Submissions that were answered with 503."""
    refused: dict[str, int] = field(default_factory=dict)
    """Final answers other than 202, by status and code."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Connection:
    """HTTP/1.1 over one connection that is kept open, as much of it as the API answers with."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def opened(cls, host: str, port: int) -> Connection:
        return cls(*await asyncio.open_connection(host, port))

    async def post(self, path: str, token: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        [length] = [int(line[15:]) for line in lines if line[:15].lower() == b"content-length:"]
        return int(status.split(b" ", 2)[1]), json.loads(await self._reader.readexactly(length))


class Reviewers:
    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._begun = 0
        self._report = Report()

    async def work(self) -> Report:
        """Returns when as many reviews as wanted are acknowledged."""
        connections = [
            await Connection.opened(self._assignment.host, self._assignment.port)
            for _ in self._assignment.tokens
        ]
        start, worked = time.perf_counter(), time.process_time()
        async with asyncio.timeout(LONGEST_SECONDS), asyncio.TaskGroup() as group:
            for connection, token in zip(connections, self._assignment.tokens, strict=True):
                group.create_task(self._review(connection, token))
        self._report.seconds = time.perf_counter() - start
        self._report.cpu_seconds = time.process_time() - worked
        return self._report

    async def _review(self, connection: Connection, token: str) -> None:
        while self._begun < self._assignment.reviews:
            self._begun += 1
            if not await self._one(connection, token):
                self._begun -= 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def _one(self, connection: Connection, token: str) -> bool:
        """Whether one more review was acknowledged."""
        report = self._report
        start = time.perf_counter()
        status, claimed = await connection.post(
            "/api/v1/tasks/claim", token, b'{"kinds":["review"]}'
        )
        if status != 200:
            return self._turned_away(status, claimed)
        if claimed["task"] is None:
            report.empty += 1
            return False
        report.claims.append(time.perf_counter() - start)
        task = claimed["task"]
        path, body = f"/api/v1/tasks/{task['task_id']}/review", _answer(task)
        start = time.perf_counter()
        while True:
            status, receipt = await connection.post(path, token, body)
            if status != 503:
                break
            report.sent_again += 1
            await asyncio.sleep(PAUSE_SECONDS)
        if status != 202:
            return self._turned_away(status, receipt)
        report.submissions.append(time.perf_counter() - start)
        report.acknowledged.append(receipt["review_id"])
        return True

    def _turned_away(self, status: int, problem: Any) -> bool:
        what = f"{status} {problem.get('code', '')}"
        self._report.refused[what] = self._report.refused.get(what, 0) + 1
        return False


def _answer(task: dict[str, Any]) -> bytes:
    """What anybody says in this slot of this record."""
    chance = int.from_bytes(hashlib.sha256(task["record_id"].encode()).digest()[:4])
    differs = chance % DIFFERING == 0 and task["task_id"].endswith("-1")
    return json.dumps(
        {
            "review_id": str(uuid4()),
            "verdict": {"kind": "label", "label": LABELS[(chance + differs) % len(LABELS)]},
            "schema": task["schema"],
            "guideline": task["guideline"],
            "confidence": 0.9,
            "rationale": "",
            "seconds": 1.5,
        }
    ).encode()


def main() -> None:
    assignment = Assignment(**json.load(sys.stdin))
    report = asyncio.run(Reviewers(assignment).work())
    json.dump(dataclasses.asdict(report), sys.stdout)


if __name__ == "__main__":
    main()
