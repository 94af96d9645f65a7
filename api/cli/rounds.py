"""Commands about rounds: start one, follow it, decide about its dataset."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any
from uuid import uuid4

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from api.cli.round_batch import decided_batch, print_batch
from api.cli.round_facts import facts_of, line_of
from api.cli.session import ApiOption, TokenOption, client, get, pages, post
from domain.errors import NotAwaitingApproval
from domain.rounds import ENDED, Phase

app = typer.Typer(help="Rounds: select, review, approve, publish.", no_args_is_help=True)

RoundArgument = Annotated[str, typer.Argument(help="The round's id: labelwright round list.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Goes into the ledger.")]
POLL_SECONDS = 1.0


@app.command("start")
def start(
    *,
    pool: Annotated[str, typer.Option("--pool", help="Where the records come from.")],
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="name or name@version, approved; else cold-start, growing or mature, by how many "
            "labels there are.",
        ),
    ] = None,
    records: Annotated[
        int | None,
        typer.Option("--records", min=1, help="How many to select, if fewer than the policy does."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="name or name@version; else the pool's own.")
    ] = None,
    guideline: Annotated[
        str | None, typer.Option("--guideline", help="name or name@version; else none.")
    ] = None,
    routing: Annotated[
        str | None,
        typer.Option("--routing", help="name or name@version; else everybody judges everything."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="What to publish; else named after the pool.")
    ] = None,
    reviews: Annotated[
        int, typer.Option("--reviews", min=1, max=7, help="People who judge each record.")
    ] = 2,
    hours: Annotated[
        float, typer.Option("--hours", min=0.0, help="How long reviewing may take.")
    ] = 336.0,
    purpose: Annotated[str, typer.Option("--purpose", help="Why; goes into the ledger.")] = "",
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a round."""
    body: dict[str, Any] = {
        "pool": pool,
        "policy": policy,
        "records": records,
        "schema": schema,
        "guideline": guideline,
        "routing": routing,
        "dataset": dataset,
        "reviews_per_record": reviews,
        "review_hours": hours,
        "purpose": purpose,
    }
    with client(data_dir, api_url, token) as connected:
        started = post(connected, "/rounds", body, key=secrets.token_urlsafe(16))
    if as_json:
        print_json(started)
        return
    console.print(f"Started {started['round_id']}", markup=False)
    pinned = started["policy"]
    arms = ", ".join(f"{each['records']} {each['name']}" for each in pinned["arms"])
    console.print(f"It selects by {pinned['name']}@{pinned['version']}: {arms}", markup=False)
    console.print(f"Follow it: labelwright round watch {started['round_id']}", markup=False)


@app.command("list")
def list_rounds(
    *,
    pool: Annotated[str | None, typer.Option("--pool", help="Only those of this pool.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those not ended.")] = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rounds, the newest first."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/rounds", pool=pool, open=only_open))
    if as_json:
        print_json(found)
        return
    print_table(
        ["round", "phase", "batch", "waits for", "asked by", "since"],
        [
            (
                each["round_id"],
                each["phase"],
                each["policy"]["batch_size"],
                (each["awaiting"] or {}).get("who", ""),
                each["requested_by"]["name"],
                each["created_at"][:10],
            )
            for each in found
        ],
    )


@app.command("show")
def show(
    *,
    round_id: RoundArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a round stands."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/rounds/{round_id}")
    if as_json:
        print_json(found)
        return
    print_table(["", ""], facts_of(found))
    print_batch(found)


@app.command("watch")
def watch(
    *,
    round_id: RoundArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a round until it ends; Ctrl-C stops watching, not the round."""
    said = ""
    with client(data_dir, api_url, token) as connected:
        while True:
            found = get(connected, f"/rounds/{round_id}")
            line = line_of(found)
            if line != said:
                remark(line)
                said = line
            if Phase(found["phase"]) in ENDED:
                break
            time.sleep(POLL_SECONDS)
    if as_json:
        print_json(found)
        return
    print_table(["", ""], facts_of(found))


@app.command("decide")
def decide(
    *,
    round_id: RoundArgument,
    reason: ReasonOption,
    accept: Annotated[
        bool, typer.Option("--accept", help="Give the batch to reviewers as it is.")
    ] = False,
    amend: Annotated[
        str | None,
        typer.Option("--amend", metavar="POLICY", help="Select again by this approved policy."),
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option("--digest", help="The batch you have looked at; else the one that waits."),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide about a batch that failed a gate. Whoever asked for the round cannot."""
    with client(data_dir, api_url, token) as connected:
        answer = decided_batch(
            connected, round_id, accept=accept, amend=amend, reason=reason, digest=digest
        )
    _print_decided(answer, as_json=as_json)


@app.command("approve")
def approve(
    *,
    round_id: RoundArgument,
    reason: ReasonOption = "",
    digest: Annotated[
        str | None,
        typer.Option("--digest", help="The dataset you have looked at; else the one that waits."),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve the dataset that waits. Whoever asked for the round cannot."""
    _decide(
        round_id,
        {"approved": True, "reason": reason, "dataset_digest": digest},
        (data_dir, api_url, token),
        as_json=as_json,
    )


@app.command("reject")
def reject(
    *,
    round_id: RoundArgument,
    reason: ReasonOption,
    record: Annotated[
        list[str] | None,
        typer.Option("--record", help="Look at this one again; without any, the round ends."),
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option("--digest", help="The dataset you have looked at; else the one that waits."),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject the dataset that waits: for good, or with records to be looked at again."""
    _decide(
        round_id,
        {"approved": False, "reason": reason, "dataset_digest": digest, "records": record or []},
        (data_dir, api_url, token),
        as_json=as_json,
    )


@app.command("cancel")
def cancel(
    *,
    round_id: RoundArgument,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a round. Nothing of it is published."""
    body = {"request_id": str(uuid4()), "reason": reason}
    with client(data_dir, api_url, token) as connected:
        answer = post(connected, f"/rounds/{round_id}/cancellation", body, key=body["request_id"])
    _print_decided(answer, as_json=as_json)


@app.command("extend")
def extend(
    *,
    round_id: RoundArgument,
    hours: Annotated[float, typer.Option("--hours", min=0.0, help="How much longer.")],
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give reviewing more time."""
    body = {"request_id": str(uuid4()), "seconds": hours * 3600, "reason": reason}
    with client(data_dir, api_url, token) as connected:
        answer = post(connected, f"/rounds/{round_id}/deadline", body, key=str(body["request_id"]))
    _print_decided(answer, as_json=as_json)


def _decide(
    round_id: str, body: dict[str, Any], where: tuple[Any, Any, Any], *, as_json: bool
) -> None:
    with client(*where) as connected:
        if body["dataset_digest"] is None:
            found = get(connected, f"/rounds/{round_id}")
            waiting = (found["awaiting"] or {}).get("dataset_digest")
            if waiting is None:
                raise NotAwaitingApproval(
                    f"the round does not wait for approval: it is {found['phase']}"
                )
            body = body | {"dataset_digest": waiting}
        body = body | {"decision_id": str(uuid4())}
        answer = post(connected, f"/rounds/{round_id}/approval", body, key=body["decision_id"])
    _print_decided(answer, as_json=as_json)


def _print_decided(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    console.print(f"Recorded for {answer['round_id']}.", markup=False)
