"""How commands talk to the API: where it is, who asks, and how its refusals come back as errors."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from domain.errors import LabelwrightError, NotAuthenticated, StackNotRunning, Unavailable
from workers.addresses import running_stack
from workers.settings import settings_for

API_URL = "LABELWRIGHT_API_URL"
TOKEN = "LABELWRIGHT_TOKEN"  # noqa: S105 - the variable's name

ApiOption = Annotated[
    str | None,
    typer.Option("--api-url", envvar=API_URL, help="Base URL of the API; else the local one."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar=TOKEN,
        help="API token; else the local stack's own, which is the admin's.",
    ),
]

# An import of a large file is answered once it is in; everything else is quick.
TIMEOUT = httpx.Timeout(30.0, read=600.0)
PATIENCE_SECONDS = 30.0


class Refused(LabelwrightError):
    """The API's own error: message, hint and context are its own, and so are code and status."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(
            str(problem.get("detail") or "the API refused"), hint=str(problem.get("hint") or "")
        )
        self.context = dict(problem.get("context") or {})
        self.code = str(problem.get("code") or "refused")  # type: ignore[misc]
        self.status = int(problem.get("status") or 500)  # type: ignore[misc]


@contextmanager
def client(
    data_dir: Path | None = None, api_url: str | None = None, token: str | None = None
) -> Iterator[httpx.Client]:
    """An HTTP client of the API that acts for the account of the token.

    Raises StackNotRunning, NotAuthenticated; within the block, what the API answers as Refused and
    an API that does not answer as Unavailable.
    """
    base = api_url or os.environ.get(API_URL) or _local_api(data_dir)
    bearer = token or os.environ.get(TOKEN) or _local_token(data_dir)
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json"}
    try:
        with httpx.Client(
            base_url=base, headers=headers, timeout=TIMEOUT, event_hooks={"response": [_check]}
        ) as connected:
            yield connected
    except httpx.TransportError as error:
        raise Unavailable(
            f"the API at {base} does not answer",
            hint="start it with `labelwright up`, or name another one with --api-url",
        ) from error


def get(connected: httpx.Client, path: str, **params: Any) -> Any:
    """The JSON document at `path`; parameters that are None are left out."""
    named = {name: value for name, value in params.items() if value is not None}
    return connected.get(f"/api/v1{path}", params=named).json()


def post(
    connected: httpx.Client, path: str, body: Mapping[str, Any], *, key: str | None = None
) -> Any:
    """The JSON answer. With an idempotency key, a part that is away is given time to come back."""
    headers = {"Idempotency-Key": key} if key else {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return connected.post(f"/api/v1{path}", json=body, headers=headers).json()
        except Refused as refusal:
            if key is None or refusal.status != 503 or time.monotonic() > deadline:
                raise
            time.sleep(1.0)


def pages(connected: httpx.Client, path: str, **params: Any) -> Iterator[Any]:
    """The items of a list, page after page."""
    after: str | None = None
    while True:
        page = get(connected, path, after=after, **params)
        yield from page["items"]
        after = page["next"]
        if after is None:
            return


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        raise Refused(response.json())
    raise Unavailable(
        f"{response.url} answered {response.status_code}, which is not Labelwright's way",
        hint="see that --api-url names a Labelwright API",
    )


def _local_api(data_dir: Path | None) -> str:
    settings = settings_for(data_dir)
    stack = running_stack(settings.data_dir)
    if stack is not None:
        return stack.api
    if settings.database_url:
        return f"http://{settings.api_host}:{settings.api_port}"
    raise StackNotRunning(
        f"no stack is running in {settings.data_dir}",
        hint="start one with `labelwright up`, or name an API with --api-url",
    )


def _local_token(data_dir: Path | None) -> str:
    path = settings_for(data_dir).admin_token_file
    try:
        return path.read_text().strip()
    except OSError as error:
        raise NotAuthenticated(
            "no token is given, and this machine's own cannot be read",
            hint="pass --token, or set LABELWRIGHT_TOKEN",
            looked_at=os.fspath(path),
        ) from error
