"""Commands about people: who there is, what they may do, how they sign in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.access_review import table_rows, write_review
from api.cli.account_credentials import account_named, identities, sessions, tokens
from api.cli.account_profiles import changed_profile, profile_facts
from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from api.cli.session import ApiOption, TokenOption, client, get, pages
from domain.accounts import Role
from domain.profiles import Standing
from domain.routing import Clearance

app = typer.Typer(help="People, and what they may do.", no_args_is_help=True)
app.add_typer(tokens, name="token")
app.add_typer(sessions, name="session")
app.add_typer(identities, name="identity")

NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]


@app.command("add")
def add(
    *,
    name: NameArgument,
    role: Annotated[list[Role], typer.Option("--role", help="May be given more than once.")],
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Make an API token too, for a program.")
    ] = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person. Their one-time password is shown this once."""
    with client(data_dir, api_url, token) as connected:
        body = {"name": name, "roles": [each.value for each in role], "token": with_token}
        added = connected.post("/api/v1/accounts", json=body).json()
        base = str(connected.base_url).rstrip("/")
    if as_json:
        print_json(added)
        return
    _print_sign_in(name, added["one_time_password"], base)
    if added["token"]:
        console.print(f"API token, shown this once: {added['token']}", markup=False)


@app.command("list")
def list_accounts(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List people and their roles."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/accounts"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["name", "roles", "", "since"],
        [
            (
                each["name"],
                ", ".join(each["roles"]),
                "shut out" if each["disabled_at"] else "",
                each["created_at"][:10],
            )
            for each in found
        ],
    )


@app.command("review")
def review(
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write: .json, or CSV for a spreadsheet."),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Review who may do and see what, how they sign in, and which duties belong apart."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/accounts/review"))
    if out is not None:
        written = write_review(found, out)
        remark(f"{len(found)} accounts are in {out}, as {written}")
    if as_json:
        print_json(found)
    elif out is None:
        columns = ["name", "roles", "clearance", "seen", "signs in", "duties that belong apart"]
        print_table(columns, table_rows(found))


@app.command("password")
def password(
    *,
    name: NameArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a one-time password with which a person signs in on the web page."""
    with client(data_dir, api_url, token) as connected:
        account = account_named(connected, name)
        made = connected.post(f"/api/v1/accounts/{account['account_id']}/one-time-passwords").json()
        base = str(connected.base_url).rstrip("/")
    if as_json:
        print_json(made)
        return
    _print_sign_in(name, made["one_time_password"], base)


@app.command("shut-out")
def shut_out(
    *,
    name: NameArgument,
    let_in: Annotated[
        bool, typer.Option("--let-in", help="Let the account in again, with new secrets.")
    ] = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shut an account out: its tokens, sessions and passwords end for good."""
    with client(data_dir, api_url, token) as connected:
        account = account_named(connected, name)
        changed = connected.patch(
            f"/api/v1/accounts/{account['account_id']}", json={"disabled": not let_in}
        ).json()
    if as_json:
        print_json(changed)
        return
    what = "is shut out" if changed["disabled_at"] else "may come in again, with a new password"
    console.print(f"{name} {what}.", markup=False)


@app.command("profile")
def profile(
    *,
    name: NameArgument,
    expertise: Annotated[
        list[str] | None,
        typer.Option("--expertise", metavar="DOMAIN=LEVEL", help="1 to 5; 0 takes it back."),
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", help="All that they read; once for each.")
    ] = None,
    clearance: Annotated[Clearance | None, typer.Option("--clearance")] = None,
    capacity: Annotated[
        int | None, typer.Option("--capacity", min=0, help="Answers a day; 0: without end.")
    ] = None,
    away: Annotated[
        list[str] | None,
        typer.Option("--away", metavar="FIRST..LAST", help="Days; none takes all back."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the change.")] = "",
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a person brings to reviewing, or change it."""
    with client(data_dir, api_url, token) as connected:
        account = account_named(connected, name)
        path = f"/accounts/{account['account_id']}/profile"
        found = get(connected, path)
        changed = changed_profile(
            found,
            expertise=expertise,
            languages=language,
            clearance=clearance,
            capacity=capacity,
            away=away,
        )
        if changed != {key: found[key] for key in changed}:
            body = changed | {"reason": reason or "not given"}
            found = connected.put(f"/api/v1{path}", json=body).json()
    if as_json:
        print_json(found)
        return
    print_table(["", ""], profile_facts(found), title=name)


@app.command("standing")
def standing(
    *,
    name: NameArgument,
    schema: Annotated[str, typer.Option("--schema", help="Name of the label schema.")],
    to: Annotated[Standing, typer.Option("--to", help="How far their answers are relied on.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the change.")],
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause a person's work under a label schema, or let them go on."""
    with client(data_dir, api_url, token) as connected:
        account = account_named(connected, name)
        found = connected.put(
            f"/api/v1/accounts/{account['account_id']}/standings/{schema}",
            json={"standing": to.value, "reason": reason},
        ).json()
    if as_json:
        print_json(found)
        return
    print_table(["", ""], profile_facts(found), title=name)


@app.command("whoami")
def whoami(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whose token is used and what it may do."""
    with client(data_dir, api_url, token) as connected:
        me = get(connected, "/me")
    if as_json:
        print_json(me)
        return
    console.print(f"{me['name']}: {', '.join(me['roles'])}", markup=False)


def _print_sign_in(name: str, one_time_password: str | None, base: str) -> None:
    if one_time_password is None:
        return
    console.print(f"{name} signs in at {base}/sign-in", markup=False)
    console.print(f"with the one-time password {one_time_password}", markup=False)
    console.print("It works once, within seven days, and is not shown again.")
