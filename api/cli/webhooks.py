"""Commands about webhooks: what programs are told, and what became of it."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, get, pages, post
from domain.webhooks import DeliveryState

app = typer.Typer(
    help="Webhooks: signed events for programs, as rounds go on.", no_args_is_help=True
)

HookArgument = Annotated[str, typer.Argument(help="Id of the webhook.")]
PATIENCE_SECONDS = 30.0


@app.command("add")
def add(
    *,
    url: Annotated[str, typer.Argument(help="Where events are posted to, over https.")],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="An event to send, such as round.ended; else all of them."),
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook. The secret that its events are signed with is shown this once."""
    body = {"url": url, "kinds": kind or [], "description": description}
    with client(data_dir, api_url, token) as connected:
        added = post(connected, "/webhooks", body)
    if as_json:
        print_json(added)
        return
    webhook_id = added["webhook"]["webhook_id"]
    console.print(f"{webhook_id} is sent {_kinds(added['webhook'])}.", markup=False)
    console.print(f"secret, shown this once: {added['secret']}", markup=False)
    console.print(f"try it: labelwright webhook test {webhook_id}", markup=False)


@app.command("list")
def list_webhooks(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List webhooks, and what waits for them."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/webhooks"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["webhook", "state", "pending", "dead", "url", "events"],
        [
            (
                each["webhook_id"],
                each["state"],
                each["pending"],
                each["dead"],
                each["url"],
                _kinds(each),
            )
            for each in found
        ],
    )


@app.command("show")
def show(
    *,
    webhook_id: HookArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a webhook: where it leads, what it is sent, what waits for it."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/webhooks/{webhook_id}")
    if as_json:
        print_json(found)
        return
    state = found["state"] + (f": {found['state_reason']}" if found["state_reason"] else "")
    print_table(
        ["", ""],
        [
            ("url", found["url"]),
            ("for", found["description"] or "–"),
            ("events", _kinds(found)),
            ("state", state),
            ("pending", found["pending"]),
            ("dead letters", found["dead"]),
            ("added", f"{found['created_at'][:10]} by {found['created_by']}"),
        ],
        title=webhook_id,
    )


@app.command("test")
def send_test(
    *,
    webhook_id: HookArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an event that says nothing, and say what came of it. Fails if it did not arrive."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with client(data_dir, api_url, token) as connected:
        sent = post(connected, f"/webhooks/{webhook_id}/test", {})
        address = f"/webhooks/{webhook_id}/deliveries/{sent['event_id']}"
        while not sent["last_attempt_at"] and time.monotonic() < deadline:
            time.sleep(0.5)
            sent = get(connected, address)
    if as_json:
        print_json(sent)
    else:
        console.print(f"{sent['event_id']}: {_outcome(sent)}", markup=False)
    if sent["state"] != DeliveryState.DELIVERED:
        raise typer.Exit(1)


@app.command("pause")
def pause(
    *,
    webhook_id: HookArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a webhook's events wait."""
    _change(webhook_id, True, data_dir, api_url, token, as_json)


@app.command("resume")
def resume(
    *,
    webhook_id: HookArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what has waited, in its order, and go on."""
    _change(webhook_id, False, data_dir, api_url, token, as_json)


@app.command("remove")
def remove(
    *,
    webhook_id: HookArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a webhook: its secret is forgotten, and what waits for it is dropped."""
    with client(data_dir, api_url, token) as connected:
        connected.delete(f"/api/v1/webhooks/{webhook_id}")
    if as_json:
        print_json({"webhook_id": webhook_id, "state": "removed"})
        return
    console.print(f"{webhook_id} is removed.", markup=False)


@app.command("deliveries")
def deliveries(
    *,
    webhook_id: HookArgument,
    state: Annotated[
        DeliveryState | None, typer.Option("--state", help="Only those in this state.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 50,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what a webhook was sent and what came of it, the newest first."""
    with client(data_dir, api_url, token) as connected:
        found = get(
            connected,
            f"/webhooks/{webhook_id}/deliveries",
            state=None if state is None else state.value,
            limit=limit,
        )["items"]
    if as_json:
        print_json(found)
        return
    print_table(
        ["event", "outcome", "kind", "about"],
        [(each["event_id"], _outcome(each), each["kind"], each["source"]) for each in found],
    )


@app.command("replay")
def replay(
    *,
    webhook_id: HookArgument,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", help="An event to send again; else every dead letter."),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters again, in the order of their events, each under its own id."""
    with client(data_dir, api_url, token) as connected:
        queued = post(connected, f"/webhooks/{webhook_id}/replay", {"events": event or []})
    if as_json:
        print_json(queued)
        return
    console.print(f"{queued['events']} events are sent again.", markup=False)


def _change(
    webhook_id: str,
    paused: bool,
    data_dir: DataDirOption,
    api_url: ApiOption,
    token: TokenOption,
    as_json: bool,
) -> None:
    with client(data_dir, api_url, token) as connected:
        changed = connected.patch(f"/api/v1/webhooks/{webhook_id}", json={"paused": paused}).json()
    if as_json:
        print_json(changed)
        return
    console.print(f"{webhook_id} is {changed['state']}; {changed['pending']} events wait.")


def _kinds(webhook: dict[str, Any]) -> str:
    return ", ".join(webhook["kinds"]) or "every event"


def _outcome(delivery: dict[str, Any]) -> str:
    """`delivered: 204 in 31 ms`, `pending: timeout in 10,000 ms, attempt 2 at …`."""
    words = str(delivery["state"])
    if delivery["last_attempt_at"]:
        answer = delivery["last_status"] or delivery["last_failure"].replace("_", " ")
        words += f": {answer} in {delivery['last_milliseconds']:,} ms"
    if delivery["state"] == DeliveryState.PENDING and delivery["attempts"]:
        words += f", attempt {delivery['attempts'] + 1} at {delivery['due_at'][:19]}"
    return words
