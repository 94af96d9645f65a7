"""Whether the API has signed a message: Ed25519 (RFC 8032), a tenth of a millisecond each.

Pure functions of the message and the key, so that a replay comes to the same.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from domain.canonical import digest_bytes
    from domain.reviews import signed_part
    from domain.signing import key_named_by


class Signed(Protocol):
    @property
    def signature(self) -> str: ...


def key_id(raw_public_key: bytes) -> str:
    return digest_bytes(raw_public_key)[:16]


def verify(message: Signed, public_key: str) -> bool:
    """Whether the message bears a signature of the key (base64, raw) over its content."""
    named, key = _read(public_key)
    if key_named_by(message.signature) != named:
        return False
    _, _, signature = message.signature.partition(":")
    try:
        key.verify(base64.b64decode(signature, validate=True), signed_part(message).encode())
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _read(public_key: str) -> tuple[str, Ed25519PublicKey]:
    raw = base64.b64decode(public_key)
    return key_id(raw), Ed25519PublicKey.from_public_bytes(raw)
