"""Commands about what accounts prove themselves with: tokens, sessions, identities."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, pages
from domain.credentials import TokenScope
from domain.errors import NotFound

tokens = typer.Typer(help="API tokens, for programs and for `--token`.", no_args_is_help=True)
sessions = typer.Typer(help="Browsers that are signed in.", no_args_is_help=True)
identities = typer.Typer(
    help="Whom the identity provider means by an account.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]
OwnOrNamed = Annotated[
    str | None, typer.Argument(help="Name of the account, for admins; else your own.")
]


def account_named(connected: httpx.Client, name: str) -> Any:
    """The account of that name. Raises NotFound."""
    for account in pages(connected, "/accounts"):
        if account["name"] == name:
            return account
    raise NotFound(f"there is no account “{name}”", hint="labelwright account list shows them")


@tokens.command("add")
def add_token(
    *,
    name: OwnOrNamed = None,
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "api",
    scope: Annotated[
        TokenScope, typer.Option("--scope", help="`read` changes nothing.")
    ] = TokenScope.FULL,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="When it ends; else as settings allow.")
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API token. It is shown this once."""
    body = {"label": label, "scope": scope.value, "expires_in_days": days}
    with client(data_dir, api_url, token) as connected:
        made = connected.post(_place(connected, name, "tokens"), json=body).json()
    if as_json:
        print_json(made)
        return
    details = made["details"]
    until = f"until {details['expires_at'][:10]}" if details["expires_at"] else "until revoked"
    console.print(f"token {details['token_id']}, {until}, shown this once:", markup=False)
    console.print(made["token"], markup=False)


@tokens.command("list")
def list_tokens(
    *,
    name: OwnOrNamed = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List tokens that are in force, and when each was last used."""
    with client(data_dir, api_url, token) as connected:
        place = _place(connected, name, "tokens").removeprefix("/api/v1")
        found = list(pages(connected, place))
    if as_json:
        print_json(found)
        return
    print_table(
        ["token", "label", "scope", "ends", "last used", "from"],
        [
            (
                each["token_id"],
                each["label"],
                each["scope"],
                (each["expires_at"] or "when revoked")[:12],
                (each["last_used_at"] or "never")[:16],
                each["last_network"] or "",
            )
            for each in found
        ],
    )


@tokens.command("revoke")
def revoke_token(
    *,
    token_id: Annotated[str, typer.Argument(help="Id of the token, as the list shows it.")],
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a token for good; an admin revokes anybody's."""
    with client(data_dir, api_url, token) as connected:
        connected.delete(f"/api/v1/tokens/{token_id}")
    _done(f"{token_id} is revoked.", {"revoked": token_id}, as_json=as_json)


@sessions.command("list")
def list_sessions(
    *,
    name: OwnOrNamed = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the browsers in which a person is signed in."""
    with client(data_dir, api_url, token) as connected:
        found = connected.get(_place(connected, name, "sessions")).json()["items"]
    if as_json:
        print_json(found)
        return
    print_table(
        ["session", "since", "last seen", "from", "browser"],
        [
            (
                each["session_id"],
                each["created_at"][:16],
                each["last_seen_at"][:16],
                each["network"],
                each["agent"],
            )
            for each in found
        ],
    )


@sessions.command("end")
def end_sessions(
    *,
    name: OwnOrNamed = None,
    session_id: Annotated[
        str | None, typer.Option("--session", help="One of them; else all end.")
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a person out, everywhere or in one browser."""
    with client(data_dir, api_url, token) as connected:
        place = _place(connected, name, "sessions")
        connected.delete(f"{place}/{session_id}" if session_id else place)
    what = session_id or "all sessions"
    _done(f"ended: {what}", {"ended": what}, as_json=as_json)


@identities.command("add")
def add_identity(
    *,
    name: NameArgument,
    subject: Annotated[str, typer.Argument(help="What the provider calls the person: `sub`.")],
    issuer: Annotated[
        str | None, typer.Option("--issuer", help="The provider; else the one in the settings.")
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a person sign in, or a service call, by the identity provider."""
    with client(data_dir, api_url, token) as connected:
        body = {"subject": subject, "issuer": issuer}
        made = connected.post(_place(connected, name, "identities"), json=body).json()
    _done(f"{name} is {subject} at {made['issuer']}.", made, as_json=as_json)


@identities.command("list")
def list_identities(
    *,
    name: NameArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the identities of an account."""
    with client(data_dir, api_url, token) as connected:
        found = connected.get(_place(connected, name, "identities")).json()["items"]
    if as_json:
        print_json(found)
        return
    print_table(
        ["identity", "subject", "issuer", "since"],
        [
            (each["identity_id"], each["subject"], each["issuer"], each["created_at"][:10])
            for each in found
        ],
    )


@identities.command("remove")
def remove_identity(
    *,
    name: NameArgument,
    identity_id: Annotated[str, typer.Argument(help="Id of the identity, as the list shows it.")],
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an identity from an account, and end the sessions that began with it."""
    with client(data_dir, api_url, token) as connected:
        connected.delete(f"{_place(connected, name, 'identities')}/{identity_id}")
    _done(f"{identity_id} is removed.", {"removed": identity_id}, as_json=as_json)


def _place(connected: httpx.Client, name: str | None, what: str) -> str:
    if name is None:
        return f"/api/v1/{what}"
    return f"/api/v1/accounts/{account_named(connected, name)['account_id']}/{what}"


def _done(sentence: str, document: object, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        console.print(sentence, markup=False)
