"""Commands about rounds: start one, follow it; what decides about one is beside this."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from api.cli.round_batch import print_batch
from api.cli.round_decisions import RoundArgument
from api.cli.round_decisions import app as decisions
from api.cli.round_facts import facts_of, line_of
from api.cli.round_rules import read_rules
from api.cli.session import ApiOption, TokenOption, client, get, pages, post
from domain.rounds import ENDED, Phase

app = typer.Typer(help="Rounds: select, review, approve, publish.", no_args_is_help=True)

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
    reviewing: Annotated[
        Path | None,
        typer.Option(
            "--reviewing",
            metavar="FILE",
            help="Rules in YAML: extra reviews, reasons, undo, reminders, escalations; else the "
            "plainest ones.",
        ),
    ] = None,
    gold: Annotated[
        float,
        typer.Option("--gold", min=0.0, max=0.5, help="Share of records with known answers."),
    ] = 0.0,
    calibrate: Annotated[
        int,
        typer.Option("--calibrate", min=0, help="Known answers that new reviewers give first."),
    ] = 0,
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
        "reviewing": {} if reviewing is None else read_rules(reviewing),
        "gold": {"share": gold, "calibrate": calibrate},
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


@app.command("doubtful")
def doubtful(
    *,
    round_id: RoundArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List reviews by people who are paused, to be looked at again."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/rounds/{round_id}/doubtful-reviews")
    if as_json:
        print_json(found)
        return
    print_table(
        ["record", "reviewer", "answer"],
        [(each["record_id"], each["reviewer"], each["answer"]) for each in found],
    )
    if found:
        records = " ".join(f"--record {each['record_id']}" for each in found[:3])
        remark(
            f"Once its dataset waits: labelwright round reject {round_id} --reason … {records} …"
        )


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


# Last, so that help shows them after what starts and follows a round.
app.add_typer(decisions)
