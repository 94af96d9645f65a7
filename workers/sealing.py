"""Secrets that must be read again, such as those that webhooks are signed with.

They are stored encrypted, by AES-256-GCM under a key that is kept in a file beside the signing key
and never in the database: whoever has a copy of the database alone can sign nothing.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import InvalidInput
from workers.secret_files import create_once

KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """Seals secrets with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, belongs_to: str, secret: bytes) -> str:
        """The secret as text that only `open`, for the same owner, makes anything of."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret, belongs_to.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, belongs_to: str, sealed: str) -> bytes:
        """Raises InvalidInput when another key, or for another owner, sealed it."""
        try:
            data = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(
                data[:_NONCE_BYTES], data[_NONCE_BYTES:], belongs_to.encode()
            )
        except (InvalidTag, binascii.Error, ValueError):
            raise InvalidInput(
                "its secret was sealed with another key than this machine's",
                hint="put the key file back from a backup, or add the webhook anew",
            ) from None


def load_or_create(path: Path) -> Sealer:
    """The sealer whose key is at `path`; makes the key if need be.

    Raises InvalidInput when the file holds no such key.
    """
    if not path.exists():
        create_once(path, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidInput(
            f"{path} holds no sealing key",
            hint="put the key back from a backup: stored secrets need the one that sealed them",
        )
    return Sealer(key)
