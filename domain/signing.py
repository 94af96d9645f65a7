"""What a signature vouches for: who acted, in which message, and where that message goes.

The API signs each message that decides something (`domain.reviews.signed_part`) for the account
that it has authenticated. The message names its **audience**, as a token does (RFC 7519, `aud`):
the workflow and the signal that it is for. So one that was meant for a shard ends no round, and
one that an earlier shard has received moves no later one.
"""

from __future__ import annotations

from dataclasses import dataclass

START = "start"
"""What stands for the signal where the message is the plan that a round starts with."""


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A public key of the API."""

    key_id: str
    """First 16 digits of the SHA-256 of the raw key."""
    public_key: str
    """The 32 raw bytes of an Ed25519 key, base64."""


def audience_of(workflow_id: str, signal: str) -> str:
    """The one place where a message counts."""
    return f"{workflow_id}#{signal}"


def key_named_by(signature: str) -> str:
    """Id of the key that a signature, `key_id:base64`, says it was made with."""
    return signature.partition(":")[0]
