"""Whatever is sent to whichever route, the answer is one that the description knows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import structlog.testing
import uvicorn
from hypothesis import HealthCheck, Phase, Verbosity, given
from hypothesis import settings as hypothesis_settings
from schemathesis import checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err

from api.app import create_app
from domain.accounts import Role
from tests.api.team import Team, add_policy, start_reviewing
from tests.conftest import TEMPLATE
from workers.ports import LOOPBACK, free_port
from workers.postgres import EmbeddedPostgres
from workers.settings import Settings

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = hypothesis_settings(
    max_examples=5,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)


@dataclass(frozen=True, kw_only=True)
class Served:
    base: str
    headers: dict[str, str]
    known: dict[str, object]
    """Values of path parameters that name something."""


@pytest.fixture(scope="module")
def served(
    postgres_server: EmbeddedPostgres, temporal_address: str, tmp_path_factory: Any
) -> Iterator[Served]:
    postgres_server.create_database("described", template=TEMPLATE)
    folder: Path = tmp_path_factory.mktemp("described")
    settings = Settings(
        data_dir=folder,
        database_url=postgres_server.url("described"),
        temporal_address=temporal_address,
    )
    found = asyncio.run(_some_of_everything(settings))
    with _listening(settings) as base:
        headers, known = found
        yield Served(base=base, headers=headers, known=known)
    postgres_server.drop_database("described")


async def _some_of_everything(settings: Settings) -> tuple[dict[str, str], dict[str, object]]:
    """A round that is reviewed, with a caller who may do everything."""
    app = create_app(settings)
    async with Team(app.state.labelwright, httpx.ASGITransport(app)) as team:
        everything = team.join("everything", *Role)
        reviewing = await start_reviewing(team)
        await add_policy(team)
        known = {
            "round_id": reviewing.round_id,
            "task_id": reviewing.task_ids[0],
            "pool": "mail",
            "record_id": "r000",
            "account_id": team.accounts["rita"].account_id,
            "schema": "banking",
            "dataset": "mail",
            "version": 1,
        }
        headers = {"Authorization": everything.headers["Authorization"]}
    app.state.labelwright.engine.dispose()
    return headers, known


@contextmanager
def _listening(settings: Settings) -> Iterator[str]:
    app, port = create_app(settings), free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    with ExitStack() as ending:
        ending.enter_context(structlog.testing.capture_logs())
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.05)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            server.should_exit = True
            thread.join()


def known_for(served: Served, path: str, name: str) -> object:
    if name == "name":
        return "weekly" if "/policies/" in path else "banking"
    return served.known.get(name)


def test_every_answer_to_whatever_is_sent_is_described(served: Served) -> None:
    """As somebody who may do everything, once with made-up names and once with those that are."""
    schema = schemathesis.openapi.from_url(f"{served.base}/openapi.json")
    faults: list[str] = []
    statuses: Counter[int] = Counter()

    def ask(case: Any, *, known: bool) -> None:
        if known:
            for name in case.path_parameters:
                case.path_parameters[name] = (
                    known_for(served, case.path, name) or case.path_parameters[name]
                )
        response = case.call(headers=served.headers)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    for result in schema.get_all_operations():
        assert not isinstance(result, Err), result.err()
        operation = result.ok()
        for known in (False, True) if "{" in operation.path else (False,):
            try:
                _probe(operation, partial(ask, known=known))
            except (FailureGroup, AssertionError, ExceptionGroup) as failure:
                faults.append(f"{operation.method.upper()} {operation.path}: {_told(failure)}")
    assert faults == []
    assert statuses.total() > 500
    # Had it all been refused at the door, nothing would have been looked at.
    assert {200, 201, 202, 204, 404, 409, 422} <= set(statuses)


def _probe(operation: Any, ask: Callable[[Any], None]) -> None:
    @EXAMPLES
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        ask(case)

    run()


def _told(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return "\n".join(_told(each) for each in failure.exceptions)
    return str(failure)[:1_500]


def test_every_operation_says_who_may_call_it_and_how_it_fails(served: Served) -> None:
    document = httpx.get(f"{served.base}/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "404", "422", "503"} <= set(operation["responses"]), path
            if path.startswith("/api/v1") and (method, path) != ("post", "/api/v1/sessions"):
                assert operation["security"], path
