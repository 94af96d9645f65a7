"""Commands about routing documents: who judges which record."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.definitions import NamedArgument, named, path_of
from api.cli.documents import bytes_of, fault_lines, send_document
from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, get, pages
from domain.errors import InvalidRouting

app = typer.Typer(help="Routing: who judges which record.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The routing, as YAML or JSON.")]


@app.command("add")
def add(
    *,
    file: FileArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a routing, or its next version if it changes."""
    with client(data_dir, api_url, token) as connected:
        made = send_document(connected, "/routings", file)
    if as_json:
        print_json(made)
        return
    console.print(f"{named(made)}: {_told(made)}", markup=False)
    console.print(f"Use it: labelwright round start … --routing {made['name']}", markup=False)


@app.command("check")
def check(*, file: FileArgument, as_json: JsonOption = False) -> None:
    """Say what is wrong with a routing, by line; needs no server."""
    from api.routings.documents import ROUTING

    try:
        routing = ROUTING.parse(bytes_of(file))
    except InvalidRouting as error:
        found: Any = error.context["faults"]
        if as_json:
            print_json({"valid": False, "faults": found})
        else:
            for line in fault_lines(str(file), found):
                console.print(line, markup=False)
        raise typer.Exit(1) from None
    if as_json:
        print_json({"valid": True, "faults": []})
        return
    queues = ", ".join(queue.name for queue in routing.queues) or "general"
    console.print(f"{routing.name}: {len(routing.rules)} rules, queues {queues}", markup=False)


@app.command("list")
def list_routings(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest version of each routing."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/routings"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["routing", "", "written by"],
        [(named(each), _told(each), each["created_by"]) for each in found],
    )


@app.command("show")
def show(
    *,
    name: NamedArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a routing as it was written."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/routings/{path_of(name)}")
    if as_json:
        print_json(found)
        return
    console.print(found["yaml"].rstrip("\n"), markup=False)


@app.command("example")
def example() -> None:
    """Print a routing to begin with: by language, sensitivity, risk and ambiguity."""
    text = files("api.routings").joinpath("example.yaml").read_text(encoding="utf-8")
    console.print(text.rstrip("\n"), markup=False)


def _told(routing: dict[str, Any]) -> str:
    queues = ", ".join(routing["queues"]) or "general"
    return f"{routing['rules']} rules, queues {queues}"
