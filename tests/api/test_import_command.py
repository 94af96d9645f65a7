"""`labelwright import` against an API that listens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from api.app import create_app
from api.cli import app as command
from domain.accounts import Role
from domain.errors import Conflict, InvalidInput, LabelwrightError, NotFound, UnreadableFile
from domain.ids import AccountId
from domain.labels import LabelClass, LabelSchema
from storage import accounts, definitions, tokens
from storage.database import engine as connect
from workers.ports import LOOPBACK, free_port
from workers.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Served:
    url: str
    token: str

    def run(self, *arguments: str) -> Result:
        options = ["--api-url", self.url, "--token", self.token]
        return CliRunner().invoke(command, ["import", *arguments, *options])

    def json(self, *arguments: str) -> dict[str, Any]:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture
def served(without_temporal: Settings) -> Iterator[Served]:
    engine = connect(without_temporal.database_url or "")
    with engine.begin() as connection:
        account = accounts.create_account(connection, name="team", roles={Role.REQUESTER})
        token = tokens.issue_token(connection, account.account_id, "test")
        schema = LabelSchema(
            name="topics",
            version=1,
            classes=(LabelClass(label="billing"), LabelClass(label="other")),
        )
        definitions.put_schema(connection, schema, AccountId("acc-team"))
    engine.dispose()
    port = free_port()
    config = uvicorn.Config(
        create_app(without_temporal), host=LOOPBACK, port=port, log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # The API's log would be taken for the command's output: here they share a process.
    with capture_logs():
        yield Served(url=f"http://{LOOPBACK}:{port}", token=token)
    server.should_exit = True
    thread.join()


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    lines = [f"t{n},text {n},{'billing' if n % 2 else ''}" for n in range(20)]
    path.write_text("ref,body,topic\n" + "\n".join([*lines, "t20,refund,refunds", ",none,"]) + "\n")
    return path


COLUMNS = ("--id-column", "ref", "--text-column", "body", "--label-column", "topic")


def test_a_file_goes_into_a_new_pool_and_a_second_time_changes_nothing(
    served: Served, tickets: Path, tmp_path: Path
) -> None:
    new = ("--pool", "tickets", "--kind", "text", "--schema", "topics")
    report = tmp_path / "report.json"

    first = served.json(str(tickets), *new, *COLUMNS, "--report", str(report))
    again = served.json(str(tickets), *new, *COLUMNS)

    assert (first["read"], first["accepted"], first["rejected"]) == (22, 20, 2)
    assert (again["read"], again["unchanged"], again["rejected"]) == (22, 20, 2)
    assert json.loads(report.read_text())["rejections"] == first["rejections"]
    assert [each["line"] for each in first["rejections"]] == [22, 23]


def test_people_see_what_became_of_each_row(served: Served, tickets: Path) -> None:
    shown = served.run(
        str(tickets), "--pool", "tickets", "--kind", "text", "--schema", "topics", *COLUMNS
    )
    assert shown.exit_code == 0
    assert "unchanged" in shown.output
    assert "“refunds” is not a label of topics@1" in shown.output
    assert "the record id is missing" in shown.output


def test_a_file_of_which_nothing_is_accepted_fails(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": 1, "text": ""}\n')
    result = served.run(str(file), "--pool", "tickets", "--kind", "text")
    assert result.exit_code == 1
    assert "the text is empty" in result.output


def refusal(served: Served, *arguments: str) -> LabelwrightError:
    error = served.run(*arguments).exception
    assert isinstance(error, LabelwrightError), error
    return error


def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    served: Served, tickets: Path, tmp_path: Path
) -> None:
    file = str(tickets)
    assert "--kind text" in refusal(served, file, "--pool", "tickets").hint
    unlabelled = refusal(served, file, "--pool", "tickets", "--kind", "text", *COLUMNS)
    assert isinstance(unlabelled, InvalidInput)
    served.json(file, "--pool", "tickets", "--kind", "text", *COLUMNS[:4])
    other_kind = refusal(served, file, "--pool", "tickets", "--kind", "image")
    assert isinstance(other_kind, Conflict)
    other_schema = refusal(served, file, "--pool", "tickets", "--schema", "topics")
    assert isinstance(other_schema, Conflict)
    array = tmp_path / "array.json"
    array.write_text("[1]")
    assert isinstance(refusal(served, str(array), "--pool", "tickets"), UnreadableFile)


def test_a_missing_column_is_named_by_the_api(served: Served, tickets: Path) -> None:
    error = refusal(served, str(tickets), "--pool", "tickets", "--kind", "text")
    assert error.code == "missing_column"
    assert "ref, body, topic" in error.message
    assert not isinstance(error, NotFound)


def test_pairs_make_a_pool_of_their_kind(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "offers.csv"
    file.write_text("id,a_name,b_name,same\n1,X100,x-100,other\n2,Y2,Z3,\n")
    named = ("--left-prefix", "a_", "--right-prefix", "b_", "--label-column", "same")
    pool = ("--pool", "offers", "--kind", "pair", "--schema", "topics")
    assert served.json(str(file), *pool, *named)["accepted"] == 2
    assert "neither the columns" in refusal(served, str(file), "--pool", "offers").message
