"""Commands about published datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from api.cli.session import ApiOption, TokenOption, client, get, pages
from domain.canonical import digest_bytes
from domain.errors import DigestMismatch

app = typer.Typer(help="Datasets: what rounds have published.", no_args_is_help=True)

DatasetArgument = Annotated[str, typer.Argument(help="Name of the dataset.")]
VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, help="Left out: the newest.")
]


@app.command("list")
def list_datasets(
    *,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest version of each dataset."""
    with client(data_dir, api_url, token) as connected:
        found = list(pages(connected, "/datasets"))
    if as_json:
        print_json(found)
        return
    print_table(
        ["dataset", "version", "records", "roles", "published"],
        [
            (
                each["dataset"],
                f"v{each['version']}",
                f"{each['rows']:,}",
                _roles(each),
                each["published_at"][:10],
            )
            for each in found
        ],
    )


@app.command("show")
def show_dataset(
    *,
    dataset: DatasetArgument,
    version: VersionOption = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a version of a dataset: what it holds and where it comes from."""
    with client(data_dir, api_url, token) as connected:
        number = version or get(connected, f"/datasets/{dataset}")["versions"][0]["version"]
        found = get(connected, f"/datasets/{dataset}/versions/{number}")
    if as_json:
        print_json(found)
        return
    manifest = found["manifest"]
    print_table(
        ["", ""],
        [
            ("dataset", f"{found['dataset']} v{found['version']}"),
            ("digest", found["digest"]),
            ("records", f"{found['rows']:,}"),
            ("roles", _roles(found)),
            ("round", found["round_id"]),
            ("approved by", manifest.get("approved_by", found["approved_by"])),
            ("published", found["published_at"]),
            ("ledger head", found["ledger_head"]),
            ("folder", found["path"]),
            ("files", ", ".join(found["files"])),
        ],
    )


@app.command("download")
def download(
    *,
    dataset: DatasetArgument,
    into: Annotated[Path, typer.Argument(help="Folder to write into; made if need be.")],
    version: VersionOption = None,
    data_dir: DataDirOption = None,
    api_url: ApiOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download the files of a version, each checked against the manifest's digest."""
    with client(data_dir, api_url, token) as connected:
        number = version or get(connected, f"/datasets/{dataset}")["versions"][0]["version"]
        found = get(connected, f"/datasets/{dataset}/versions/{number}")
        expected = {file["name"]: file["sha256"] for file in found["manifest"]["files"].values()}
        expected["manifest.json"] = found["manifest_sha256"]
        into.mkdir(parents=True, exist_ok=True)
        for name, sha256 in expected.items():
            address = f"/api/v1/datasets/{dataset}/versions/{number}/files/{name}"
            data = connected.get(address).content
            if digest_bytes(data) != sha256:
                raise DigestMismatch(
                    f"{name} is not the file that was published",
                    hint=f"labelwright audit verify {found['round_id']} names what has changed",
                    name=name,
                )
            (into / Path(name).name).write_bytes(data)
            remark(f"{name}: {len(data):,} bytes")
    if as_json:
        print_json({"dataset": dataset, "version": number, "files": sorted(expected)})
        return
    console.print(f"{dataset} v{number} is in {into}", markup=False)


def _roles(version: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} {role}" for role, count in sorted(version["roles"].items()))
