"""Commands about pools. `labelwright import` fills them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.output import DataDirOption, JsonOption, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, get, pages

app = typer.Typer(help="Pools: the records that rounds choose from.", no_args_is_help=True)


@app.command("list")
def list_pools(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List pools with their counts."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/pools"))
    if as_json:
        print_json(found)
        return
    print_table(["pool", "kind", "records", "to choose from", "schema"], map(_row, found))


@app.command("show")
def show_pool(
    *,
    pool: Annotated[str, typer.Argument(help="Name of the pool.")],
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one pool: how many records, how many with known labels."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/pools/{pool}")
    if as_json:
        print_json(found)
        return
    print_table(
        ["", ""],
        [
            ("pool", found["pool"]),
            ("kind", found["kind"]),
            ("schema", found["schema"] or "none"),
            ("records", f"{found['records']:,}"),
            ("known labels to train on", f"{found['labelled_train']:,}"),
            ("known labels to test on", f"{found['labelled_test']:,}"),
            ("known answers to measure reviewers", f"{found['gold']:,}"),
            ("to choose from", f"{found['eligible']:,}"),
        ],
    )


def _row(pool: dict[str, Any]) -> tuple[object, ...]:
    return (
        pool["pool"],
        pool["kind"],
        f"{pool['records']:,}",
        f"{pool['eligible']:,}",
        pool["schema"] or "",
    )
