"""Commands that decide about a running round: its batch, its time, its dataset, its end."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json
from api.cli.round_batch import decided_batch
from api.cli.session import ApiOption, TokenOption, client, get, post
from domain.errors import NotAwaitingApproval

app = typer.Typer()

RoundArgument = Annotated[str, typer.Argument(help="The round's id: labelwright round list.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Goes into the ledger.")]
BreakGlassOption = Annotated[
    bool,
    typer.Option(
        "--break-glass",
        help="In an emergency: decide although the separation of duties stands against it. "
        "Takes the role break_glass and a reason; everybody who watches is told at once.",
    ),
]


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
    break_glass: BreakGlassOption = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide about a batch that failed a gate. Whoever asked for the round, or wrote the policy,
    cannot."""
    with client(data_dir, api_url, token) as connected:
        answer = decided_batch(
            connected,
            round_id,
            accept=accept,
            amend=amend,
            reason=reason,
            digest=digest,
            break_glass=break_glass,
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
    break_glass: BreakGlassOption = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve the dataset that waits. Whoever asked for the round, or answered in it, cannot."""
    _decide(
        round_id,
        {
            "approved": True,
            "reason": reason,
            "dataset_digest": digest,
            "break_glass": break_glass,
        },
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
    break_glass: BreakGlassOption = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject the dataset that waits: for good, or with records to be looked at again."""
    _decide(
        round_id,
        {
            "approved": False,
            "reason": reason,
            "dataset_digest": digest,
            "records": record or [],
            "break_glass": break_glass,
        },
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


@app.command("close-reviewing")
def close_reviewing(
    *,
    round_id: RoundArgument,
    reason: ReasonOption,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """End reviewing now. What nobody has settled is held; the rest goes on to approval."""
    body = {"request_id": str(uuid4()), "reason": reason}
    with client(data_dir, api_url, token) as connected:
        answer = post(connected, f"/rounds/{round_id}/closing", body, key=body["request_id"])
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
