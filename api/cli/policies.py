"""Commands about sampling policies: what a round selects, and who has approved it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.definitions import NamedArgument, named, path_of
from api.cli.documents import bytes_of, fault_lines, send_document
from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, get, pages, post
from domain.arms import ArmKind
from domain.errors import InvalidInput, InvalidPolicy

app = typer.Typer(help="Sampling policies: what a round selects.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The policy, as YAML or JSON.")]
EitherArgument = Annotated[str, typer.Argument(help="name, name@version, or a file.")]


@app.command("add")
def add(
    *,
    file: FileArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a policy, or its next version if it changes. Another person approves it."""
    with client(data_dir, api_url, token) as connected:
        made = send_document(connected, "/policies", file)
    if as_json:
        print_json(made)
        return
    console.print(f"{named(made)}: {_arms(made)}", markup=False)
    if made["status"] == "waiting":
        console.print(
            f"It waits for approval by somebody other than {made['created_by']}: "
            f"labelwright policy approve {named(made)} --reason …",
            markup=False,
        )


@app.command("check")
def check(*, file: FileArgument, as_json: JsonOption = False) -> None:
    """Say what is wrong with a policy, by line; needs no server."""
    from api.policies.documents import parse_policy

    try:
        policy = parse_policy(bytes_of(file))
    except InvalidPolicy as error:
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
    shares = ", ".join(f"{arm.share:.0%} {arm.name}" for arm in policy.arms)
    console.print(f"{policy.name}: {policy.batch_size:,} records, {shares}", markup=False)


@app.command("list")
def list_policies(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest version of each policy, and whether it is approved."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/policies"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["policy", "status", "batch", "arms", "written by"],
        [
            (named(each), each["status"], each["batch_size"], _arms(each), each["created_by"])
            for each in found
        ],
    )


@app.command("show")
def show(
    *,
    name: NamedArgument,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="The document, as it was written.")
    ] = False,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a policy: its arms, who wrote it, who approved it and why."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/policies/{path_of(name)}")
    if as_json:
        print_json(found)
        return
    if as_yaml:
        console.print(found["yaml"].rstrip("\n"), markup=False)
        return
    print_table(["", ""], _facts(found), title=named(found))
    print_table(
        ["arm", "share", "records", "scored by", "picked by", "where"],
        [
            (
                each["name"],
                f"{each['share']:.0%}",
                each["records"],
                ", ".join(map(_words, each["signals"])) or "–",
                "chance" if each["kind"] == ArmKind.RANDOM else _words(each["diversity"]),
                each["where"] or "–",
            )
            for each in found["arms"]
        ],
    )


@app.command("approve")
def approve(
    *,
    name: Annotated[str, typer.Argument(help="name@version: the one you have looked at.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the policy.")],
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a version that another person wrote; rounds may then select by it."""
    if "@" not in name:
        raise InvalidInput(
            "an approval names the version that was looked at", hint=f"{name}@1, for example"
        )
    with client(data_dir, api_url, token) as connected:
        approved = post(connected, f"/policies/{path_of(name)}/approve", {"reason": reason})
    if as_json:
        print_json(approved)
        return
    approval = approved["approval"]
    console.print(f"{named(approved)}: approved by {approval['name']}", markup=False)


@app.command("schema")
def schema(*, as_json: JsonOption = True) -> None:
    """Print the JSON Schema of a policy, for editors and programs."""
    from api.policies.documents import json_schema

    del as_json
    print_json(json_schema())


@app.command("diff")
def diff(
    *,
    before: EitherArgument,
    after: EitherArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how two policies differ: versions, files, or one of each."""
    from api.documents.writing import differences
    from api.policies.documents import parse_policy

    def said(which: str) -> Any:
        if Path(which).is_file():
            return parse_policy(bytes_of(Path(which)))
        with client(data_dir, api_url, token) as connected:
            return _stored(get(connected, f"/policies/{path_of(which)}"))

    lines = differences(said(before), said(after), names=(before, after))
    if as_json:
        print_json(lines)
        return
    for line in lines or ["They say the same."]:
        console.print(line, markup=False)


def _stored(found: dict[str, Any]) -> Any:
    from api.policies.documents import parse_policy

    return parse_policy(json.dumps(found["document"]))


def _facts(found: dict[str, Any]) -> list[tuple[str, object]]:
    approval = found["approval"]
    waits = f"nobody yet: labelwright policy approve {named(found)} --reason …"
    return [
        ("says", " ".join(found["description"].split()) or "–"),
        ("batch", f"{found['batch_size']:,} records, seed {found['seed']}"),
        ("written by", f"{found['created_by']}, {found['created_at'][:10]}"),
        (
            "approved by",
            f"{approval['name']}, {approval['at'][:10]}: {approval['reason']}"
            if approval
            else waits,
        ),
        ("digest", found["digest"]),
    ]


def _arms(policy: dict[str, Any]) -> str:
    return ", ".join(f"{each['records']} {each['name']}" for each in policy["arms"])


def _words(identifier: str) -> str:
    return identifier.replace("_", " ")
