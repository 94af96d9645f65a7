"""Public keys that an auditor was given: PEM files, or the JSON of `GET /api/v1/signing-keys`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from domain.errors import NotABundle, NotFound
from workers.signing import key_id

LISTS = ("items", "keys")
"""Where a JSON document that is no list itself may have its list of keys."""


def read_keys(paths: Iterable[Path]) -> dict[str, str]:
    """Every key of the files: key id → raw public key, base64. Raises NotFound, NotABundle."""
    return {key_id(raw): base64.b64encode(raw).decode() for path in paths for raw in _raw(path)}


def _raw(path: Path) -> Iterator[bytes]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise NotABundle(f"{path} cannot be read: {error.strerror}") from error
    if b"PRIVATE KEY" in data:
        raise NotABundle(
            f"{path} holds a private key",
            hint="leave it where it signs; GET /api/v1/signing-keys gives the public ones",
        )
    yield from _of_pem(path, data) if data.lstrip().startswith(b"-----") else _of_json(path, data)


def _of_pem(path: Path, data: bytes) -> Iterator[bytes]:
    end = b"-----END PUBLIC KEY-----"
    blocks = [block + end for block in data.split(end)[:-1]]
    if not blocks:
        raise _unreadable(path)
    for block in blocks:
        try:
            key = load_pem_public_key(block.lstrip())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unreadable(path) from error
        if not isinstance(key, Ed25519PublicKey):
            raise _unreadable(path)
        yield key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _of_json(path: Path, data: bytes) -> Iterator[bytes]:
    try:
        document: Any = json.loads(data)
        if isinstance(document, dict):
            document = next((document[name] for name in LISTS if name in document), [document])
        keys = [base64.b64decode(each["public_key"], validate=True) for each in document]
        ids = [each.get("key_id") for each in document]
        for raw in keys:
            Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unreadable(path) from error
    for raw, said in zip(keys, ids, strict=True):
        if said not in {None, key_id(raw)}:
            raise NotABundle(f"{path}: the key {said} is really {key_id(raw)}")
        yield raw


def _unreadable(path: Path) -> NotABundle:
    return NotABundle(
        f"{path} holds no Ed25519 public key",
        hint="PEM, or the JSON that GET /api/v1/signing-keys answers with",
    )
