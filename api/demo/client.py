"""One person's way into the HTTP API: a name, a token, and patience."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from api.demo.errors import DemoFailed, Refused

PATIENCE_SECONDS = 90.0
"""How long a part may be away: the stack starts one that died again."""
LONGEST_PAUSE_SECONDS = 5.0
TRY_LATER = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Person:
    """Sends requests as one account, each again until it is answered for good."""

    http: httpx.Client
    name: str
    token: str = field(repr=False)
    patience: float = PATIENCE_SECONDS

    def get(self, path: str, **params: str | int) -> Any:
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._send("POST", path, json=None if body is None else dict(body))

    def upload(self, path: str, data: bytes, **params: str) -> Any:
        return self._send("POST", path, content=data, params=params)

    def send_yaml(self, path: str, document: str) -> Any:
        media_type = {"Content-Type": "application/yaml"}
        return self._send("POST", path, content=document.encode(), headers=media_type)

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a list, page by page."""
        after: dict[str, str | int] = {}
        while True:
            page = self.get(path, limit=500, **after)
            yield from page["items"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def _send(self, method: str, path: str, **request: Any) -> Any:
        """The answer's JSON.

        A write is sent again under the same key, so that it takes effect once however often it is
        sent. Raises Refused, and DemoFailed when nobody answers.
        """
        headers = {"Authorization": f"Bearer {self.token}", **request.pop("headers", {})}
        if method != "GET":
            headers["Idempotency-Key"] = str(uuid4())
        deadline = time.monotonic() + self.patience
        while True:
            answer = self._try(method, path, headers=headers, **request)
            if isinstance(answer, httpx.Response) and answer.status_code not in TRY_LATER:
                return _content(answer, f"{self.name}: {method} {path}")
            if time.monotonic() >= deadline:
                raise DemoFailed(
                    f"{self.name}: {method} {path} had no answer in {self.patience:.0f} seconds; "
                    f"the last was {_said(answer)}.",
                    hint="Look into the folder “logs” of the data folder.",
                )
            time.sleep(_pause(answer))

    def _try(self, method: str, path: str, **request: Any) -> httpx.Response | httpx.TransportError:
        try:
            return self.http.request(method, f"/api/v1{path}", **request)
        except httpx.TransportError as error:
            return error


def _pause(answer: httpx.Response | httpx.TransportError) -> float:
    """Seconds that the server asks for, within reason."""
    wanted = "" if isinstance(answer, Exception) else answer.headers.get("Retry-After", "")
    return min(float(wanted) if wanted.isdecimal() else 1.0, LONGEST_PAUSE_SECONDS)


def _said(answer: httpx.Response | httpx.TransportError) -> str:
    if isinstance(answer, httpx.TransportError):
        return type(answer).__name__
    return f"{answer.status_code} {_problem(answer).get('detail', '')}".strip()


def _content(answer: httpx.Response, what: str) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    problem = _problem(answer)
    raise Refused(
        f"{what} was answered with {answer.status_code}: "
        f"{problem.get('detail', answer.reason_phrase)}",
        answered=answer.status_code,
        problem=str(problem.get("code", "")),
        hint=str(problem.get("hint", "")),
    )


def _problem(answer: httpx.Response) -> dict[str, Any]:
    if "json" not in answer.headers.get("Content-Type", ""):
        return {}
    content = answer.json()
    return content if isinstance(content, dict) else {}
