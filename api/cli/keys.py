"""Commands about the keys that encrypt what Temporal keeps. They change files of this machine."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table

app = typer.Typer(help="Keys: which of them encrypt, and new ones.", no_args_is_help=True)


class Purpose(StrEnum):
    PAYLOAD = "payload"
    """Encrypts the messages and results that Temporal keeps."""


@app.command("rotate")
def rotate(
    purpose: Annotated[Purpose, typer.Argument(help="What the key is for.")],
    *,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt with a new key from now on. Earlier keys stay, for what they have encrypted."""
    from workers.encryption import add_key
    from workers.settings import settings_for

    path = settings_for(data_dir).payload_keys
    key_id = add_key(path)
    if as_json:
        print_json({"purpose": purpose, "key_id": key_id, "file": path})
        return
    console.print(f"{key_id} encrypts from now on; running processes take it up by themselves.")
    console.print(f"Back up {path}, and copy it to every other machine.", markup=False)


@app.command("list")
def list_keys(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List keys by their ids. Their secrets are not shown."""
    from workers.encryption import PayloadKeys
    from workers.settings import settings_for

    keys = PayloadKeys(settings_for(data_dir).payload_keys)
    rows = [
        {"purpose": Purpose.PAYLOAD, "key_id": key_id, "encrypts": place == 0}
        for place, key_id in enumerate(keys.ids())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["key", "purpose", ""],
        [
            (each["key_id"], each["purpose"], "encrypts" if each["encrypts"] else "decrypts only")
            for each in rows
        ],
    )
