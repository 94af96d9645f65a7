"""Commands about label schemas and guidelines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from api.cli.session import ApiOption, TokenOption, client, get, pages, post
from domain.errors import InvalidInput, UnreadableFile
from domain.labels import Choice

schemas = typer.Typer(help="Label schemas: the classes and what they mean.", no_args_is_help=True)
guidelines = typer.Typer(help="Guidelines: how reviewers decide.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Its name: a-z 0-9 . _ -")]
NamedArgument = Annotated[str, typer.Argument(help="name, or name@version.")]


# -- label schemas ----------------------------------------------------------------------------


@schemas.command("create")
def create_schema(
    *,
    name: NameArgument,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="A label, or label=meaning; once for each."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="YAML: a list of labels, or a mapping of label to meaning."),
    ] = None,
    multiple: Annotated[
        bool, typer.Option("--multiple", help="A record may have several of the labels.")
    ] = False,
    least: Annotated[
        int | None,
        typer.Option("--min", min=0, help="With --multiple: fewest labels of a record; else 1."),
    ] = None,
    greatest: Annotated[
        int | None,
        typer.Option("--max", min=1, help="With --multiple: most labels of a record; else all."),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Define a label schema, or its next version if it changes."""
    if not multiple and (least is not None or greatest is not None):
        raise InvalidInput(
            "--min and --max say how many labels a record may have, and it has one",
            hint="add --multiple, or leave them out",
        )
    classes = [_class_of(each) for each in label or []] + (_classes_in(file) if file else [])
    if not classes:
        raise InvalidInput("no labels are given", hint="give --label once for each, or --file")
    body: dict[str, Any] = {"name": name, "classes": classes}
    if multiple:
        numbers = {"min_labels": least, "max_labels": greatest}
        body |= {"choice": Choice.MULTIPLE.value}
        body |= {key: value for key, value in numbers.items() if value is not None}
    with client(data_dir, api_url, token) as connected:
        made = post(connected, "/schemas", body)
    _print_made(made, f"{len(made['classes'])} labels, {_choice_of(made)}", as_json=as_json)


@schemas.command("list")
def list_schemas(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest version of each label schema."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/schemas"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["schema", "labels", "choice"],
        [
            (named(each), _shortened([c["label"] for c in each["classes"]]), _choice_of(each))
            for each in found
        ],
    )


@schemas.command("show")
def show_schema(
    *,
    name: NamedArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a label schema: every label and what it means."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/schemas/{path_of(name)}")
    if as_json:
        print_json(found)
        return
    rows = [(each["label"], each["meaning"]) for each in found["classes"]]
    print_table(["label", "meaning"], rows, title=f"{named(found)}, {_choice_of(found)}")


# -- guidelines -------------------------------------------------------------------------------


@guidelines.command("create")
def create_guideline(
    *,
    name: NameArgument,
    file: Annotated[Path, typer.Option("--file", help="Markdown, as reviewers will read it.")],
    examples: Annotated[
        Path | None,
        typer.Option(
            "--examples",
            help="YAML: examples (content, label) and counterexamples (content, label, because).",
        ),
    ] = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a guideline, or its next version if it changes."""
    text = text_of(file)
    body = {"name": name, "text": text} | (_examples_in(examples) if examples else {})
    with client(data_dir, api_url, token) as connected:
        made = post(connected, "/guidelines", body)
    shown = len(made["examples"]), len(made["counterexamples"])
    what = "{:,} characters, {} examples, {} counterexamples".format(len(text), *shown)
    _print_made(made, what, as_json=as_json)


@guidelines.command("list")
def list_guidelines(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest version of each guideline."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/guidelines"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["guideline", "begins"],
        [(named(each), each["text"].strip().split("\n", 1)[0][:70]) for each in found],
    )


@guidelines.command("show")
def show_guideline(
    *,
    name: NamedArgument,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a guideline."""
    with client(data_dir, api_url, token) as connected:
        found = get(connected, f"/guidelines/{path_of(name)}")
    if as_json:
        print_json(found)
        return
    console.print(found["text"], markup=False)
    if found["examples"]:
        rows = [(each["content"], each["label"]) for each in found["examples"]]
        print_table(["content", "label"], rows, title="Examples")
    if found["counterexamples"]:
        mistaken = [(c["content"], c["label"], c["because"]) for c in found["counterexamples"]]
        print_table(["content", "is not", "because"], mistaken, title="Easily mistaken")


# -- files and words --------------------------------------------------------------------------


def _class_of(text: str) -> dict[str, str]:
    label, _, meaning = text.partition("=")
    return {"label": label.strip(), "meaning": meaning.strip()}


def _examples_in(path: Path) -> dict[str, Any]:
    document = _yaml_in(path)
    kinds = {"examples", "counterexamples"}
    if not isinstance(document, dict) or not document.keys() <= kinds:
        raise UnreadableFile(f"{path} holds something besides examples and counterexamples")
    return document


def _yaml_in(path: Path) -> Any:
    try:
        return yaml.safe_load(text_of(path))
    except yaml.YAMLError as error:
        raise UnreadableFile(f"{path} is not YAML: {error}") from error


def _classes_in(path: Path) -> list[dict[str, str]]:
    match document := _yaml_in(path):
        case dict():
            return [
                {"label": str(label), "meaning": str(meaning or "")}
                for label, meaning in document.items()
            ]
        case list():
            return [{"label": str(label), "meaning": ""} for label in document]
        case _:
            raise UnreadableFile(f"{path} holds neither a list of labels nor label: meaning")


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path} cannot be read as text: {error}") from error


def path_of(named: str) -> str:
    return named.replace("@", "/", 1)


def named(each: dict[str, Any]) -> str:
    return f"{each['name']}@{each['version']}"


def _shortened(labels: list[str]) -> str:
    return ", ".join(labels[:6]) + (f", … {len(labels)} in all" if len(labels) > 6 else "")


def _choice_of(schema: dict[str, Any]) -> str:
    """How many of the labels a record has."""
    if schema["choice"] == Choice.SINGLE.value:
        return "one a record"
    return f"{schema['min_labels']} to {schema['max_labels']} a record"


def _print_made(made: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    console.print(f"{named(made)}: {what}", markup=False)
