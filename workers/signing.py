"""Signatures over messages, so that an audit can tell who acted from who only claims to have.

Temporal's history shows what a client says of itself. The API signs each deciding message for the
account that it has authenticated, with Ed25519 over `domain.reviews.signed_part`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
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

from domain.errors import InvalidInput
from domain.reviews import signed_part
from domain.rounds import RoundPlan
from domain.signing import SigningKey
from workers.secret_files import create_once
from workflows.signatures import key_id, verify

__all__ = ["Signer", "key_id", "load_or_create", "verify", "why_not_signed"]


class Addressed(Protocol):
    @property
    def signature(self) -> str: ...

    @property
    def audience(self) -> str: ...


Message = TypeVar("Message", bound=Addressed)


class Signer:
    """Signs messages with one private key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = key_id(self._raw)

    @property
    def public_key(self) -> SigningKey:
        return SigningKey(key_id=self.key_id, public_key=base64.b64encode(self._raw).decode())

    def sign(self, message: Message, *, audience: str) -> Message:
        """The message for that workflow and signal, with its signature: `key_id:base64`."""
        addressed = replace(message, audience=audience)  # type: ignore[type-var]
        return replace(addressed, signature=self._signature(addressed))  # type: ignore[type-var]

    def sign_plan(self, plan: RoundPlan) -> RoundPlan:
        """The plan with its signature. It names its round, and so its workflow, itself."""
        return replace(plan, signature=self._signature(plan))

    def _signature(self, message: object) -> str:
        signature = self._private.sign(signed_part(message).encode())
        return f"{self.key_id}:{base64.b64encode(signature).decode()}"

    def sign_statement(self, context: str, statement: bytes) -> str:
        """A signature `key_id:base64` over a document that is no message; `context` says which."""
        signature = self._private.sign(_in_context(context, statement))
        return f"{self.key_id}:{base64.b64encode(signature).decode()}"


def why_not_signed(
    signature: str, context: str, statement: bytes, public_keys: Mapping[str, str]
) -> str:
    """Why the signature does not stand for the statement; empty when it does.

    `public_keys`: key id → raw public key, base64.
    """
    named, _, text = signature.partition(":")
    key = public_keys.get(named)
    if key is None:
        return "is signed with a key that is not known" if signature else "is not signed"
    try:
        raw = base64.b64decode(text, validate=True)
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(
            raw, _in_context(context, statement)
        )
    except (InvalidSignature, ValueError):
        return "bears a signature over something else"
    # Several texts stand for the same bytes, and only one of them is ours.
    return "" if base64.b64encode(raw).decode() == text else "bears a signature in another spelling"


def _in_context(context: str, statement: bytes) -> bytes:
    """What is signed: messages are signed as 64 digits, so nothing here can be taken for one."""
    return context.encode() + b"\n" + statement


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
