"""Signatures over messages, so that an audit can tell who acted from who only claims to have.

Temporal's history shows what a client says of itself. The API signs each deciding message for the
account that it has authenticated, with Ed25519 over `domain.reviews.signed_part`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from domain.canonical import digest_bytes
from domain.errors import InvalidInput
from domain.reviews import signed_part
from workers.secret_files import create_once


class Signed(Protocol):
    @property
    def signature(self) -> str: ...


Message = TypeVar("Message", bound=Signed)


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    key_id: str
    """First 16 digits of the SHA-256 of the raw key."""
    algorithm: str
    public_key: str
    """The 32 raw bytes, base64."""


class Signer:
    """Signs messages with one private key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = key_id(self._raw)

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(
            key_id=self.key_id,
            algorithm="Ed25519",
            public_key=base64.b64encode(self._raw).decode(),
        )

    def sign(self, message: Message) -> Message:
        """The message with its signature: `key_id:base64`."""
        signature = self._private.sign(signed_part(message).encode())
        text = f"{self.key_id}:{base64.b64encode(signature).decode()}"
        return replace(message, signature=text)  # type: ignore[type-var]


def key_id(raw_public_key: bytes) -> str:
    return digest_bytes(raw_public_key)[:16]


def verify(message: Signed, public_key: str) -> bool:
    """Whether the message bears a signature of the key (base64, raw) over its content."""
    raw = base64.b64decode(public_key)
    named, _, signature = message.signature.partition(":")
    if named != key_id(raw):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(
            base64.b64decode(signature, validate=True), signed_part(message).encode()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create(path: Path) -> Signer:
    """The signer whose key is at `path`; makes the key, readable by its owner only, if need be.

    Raises InvalidInput when the file holds no Ed25519 key.
    """
    if not path.exists():
        create_once(path, _new_key())
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise InvalidInput(
            f"{path} holds no Ed25519 private key",
            hint="put the key back from a backup: audits need the one that signed",
        )
    return Signer(private)


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
