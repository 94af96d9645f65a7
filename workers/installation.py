"""What a new system needs before its services start: tables, keys, the first account."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from storage import accounts, database
from workers.encryption import ensure_keys
from workers.settings import Settings
from workers.signing import load_or_create


@dataclass(frozen=True, kw_only=True)
class Installation:
    revision: str | None
    first_account: bool
    """Whether the first account was made just now."""
    admin_token_file: Path


def install(settings: Settings) -> Installation:
    """Make what is missing; a second time changes nothing.

    Raises `DatabaseUnavailable`, and `InvalidInput` where a key is spoilt.
    """
    database.upgrade(settings.database_url)
    load_or_create(settings.signing_key)
    ensure_keys(settings.payload_keys)
    engine = database.engine(settings.database_url, connections=1)
    try:
        token = accounts.ensure_admin(engine)
    finally:
        engine.dispose()
    if token is not None:
        _write_private(settings.admin_token_file, token)
    return Installation(
        revision=database.head_revision(),
        first_account=token is not None,
        admin_token_file=settings.admin_token_file,
    )


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    unfinished.replace(path)
