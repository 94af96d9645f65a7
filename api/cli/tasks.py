"""Commands about single tasks: which wait, and having one go another way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, pages, post
from domain.errors import InvalidInput

app = typer.Typer(
    help="Tasks: which wait and for whom; hand one on, put it off, withdraw it.",
    no_args_is_help=True,
)

TaskArgument = Annotated[str, typer.Argument(help="The task's id: labelwright task list ROUND.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Goes into the ledger.")]


@app.command("list")
def list_tasks(
    *,
    round_id: Annotated[str, typer.Argument(help="The round's id: labelwright round list.")],
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tasks of a round that wait, and who holds them."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, f"/rounds/{round_id}/tasks"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["task", "record", "queue", "state", "deadline", "skipped by"],
        [
            (
                each["task_id"],
                each["record_id"],
                each["queue"],
                _state(each),
                _minute(each["deadline"]),
                each["skips"] or "–",
            )
            for each in found
        ],
    )


@app.command("delegate")
def delegate(
    *,
    task_id: TaskArgument,
    to: Annotated[str, typer.Option("--to", help="Name of the account that is given the task.")],
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a task to a person, who is told and keeps it for a day."""
    with client(data_dir, api_url, token) as connected:
        body = {"reason": reason, "to_account": to}
        answer = _send(connected, task_id, "delegation", body)
    _print_directed(answer, f"Given to {to}.", as_json=as_json)


@app.command("forward")
def forward(
    *,
    task_id: TaskArgument,
    queue: Annotated[str, typer.Option("--queue", help="A queue of the round's routing.")],
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a task to another queue. What its record demands stays demanded."""
    with client(data_dir, api_url, token) as connected:
        body = {"reason": reason, "to_queue": queue}
        answer = _send(connected, task_id, "forwarding", body)
    _print_directed(answer, f"Sent to queue {queue}.", as_json=as_json)


@app.command("suspend")
def suspend(
    *,
    task_id: TaskArgument,
    until: Annotated[
        str, typer.Option("--until", help="When it comes back: 2026-03-02T08:00, in UTC.")
    ],
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a task off: nobody is offered it until then. Its deadline stays."""
    moment = _moment(until)
    with client(data_dir, api_url, token) as connected:
        body = {"reason": reason, "until": moment.isoformat()}
        answer = _send(connected, task_id, "suspension", body)
    _print_directed(answer, f"Put off until {_minute(moment.isoformat())}.", as_json=as_json)


@app.command("resume")
def resume(
    *,
    task_id: TaskArgument,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Offer a suspended task again."""
    with client(data_dir, api_url, token) as connected:
        answer = _send(connected, task_id, "resumption", {"reason": reason})
    _print_directed(answer, "It is offered again.", as_json=as_json)


@app.command("withdraw")
def withdraw(
    *,
    task_id: TaskArgument,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Want no answer any more: the task's record is held, without a label."""
    with client(data_dir, api_url, token) as connected:
        answer = _send(connected, task_id, "withdrawal", {"reason": reason})
    _print_directed(answer, "Its record is held.", as_json=as_json)


def _send(connected: Any, task_id: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
    key = str(uuid4())
    answer: dict[str, Any] = post(
        connected, f"/tasks/{task_id}/{what}", body | {"request_id": key}, key=key
    )
    return answer


def _print_directed(answer: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        console.print(f"Recorded for {answer['task_id']}. {said}", markup=False)


def _state(task: dict[str, Any]) -> str:
    if task["holder"] is not None:
        return f"{task['holder_name'] or task['holder']} until {_minute(task['lease_until'])}"
    put_off = task["suspended_until"]
    if put_off is not None and datetime.fromisoformat(put_off) > datetime.now(UTC):
        return f"put off until {_minute(put_off)}"
    return str(task["status"])


def _minute(moment: str | None) -> str:
    return "–" if moment is None else moment[:16].replace("T", " ")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"“{text}” is no time", hint="write 2026-03-02T08:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
