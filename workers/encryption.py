"""What people write travels through Temporal encrypted: it keeps payloads that it cannot read.

AES-256-GCM (NIST SP 800-38D) over the whole payload, with a random nonce of 96 bits. The payload
that Temporal gets names the key, and the name is authenticated with it. Keys stand in a file beside
the other secrets, one a line as `key_id base64`: the first one encrypts, all of them decrypt.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)

from activities.histories import ENCODING, ENCRYPTED
from domain.canonical import digest_bytes
from domain.errors import DamagedPayload, InvalidInput, UnknownPayloadKey
from workers.secret_files import create_once

KEY_ID = "encryption-key-id"
"""The entry of a payload's metadata that names its key."""

KEY_BYTES = 32
_NONCE_BYTES = 12
_LOOKED_AT_EVERY_SECONDS = 1.0

ACTIVITY_PATIENCE_SECONDS = 25.0
"""Longer than an attempt of a round's activity lasts without a heartbeat."""


class PayloadKeys:
    """The keys of a file, which may get others while this process runs.

    A key that is asked for and not known is looked for in the file again, so that whoever puts a
    missing key there need not start anything anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._ciphers: dict[str, AESGCM] = {}
        self._state: tuple[int, int, int] | None = None
        self._looked_at = 0.0

    def first(self) -> tuple[str, AESGCM]:
        """The key that encrypts, by its id. Raises UnknownPayloadKey when there is none."""
        if time.monotonic() - self._looked_at > _LOOKED_AT_EVERY_SECONDS:
            self._read()
        for key_id, cipher in self._ciphers.items():
            return key_id, cipher
        raise UnknownPayloadKey(
            f"there is no key to encrypt messages with: {self.path} holds none",
            hint="`labelwright db upgrade` makes one; for a cluster, copy its key file there",
        )

    def find(self, key_id: str) -> AESGCM:
        """The key of that id. Raises UnknownPayloadKey."""
        if key_id not in self._ciphers:
            self._read()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownPayloadKey(
                f"a message is encrypted with the key “{key_id}”, which is not in {self.path}",
                hint="put that key back into the file, below the first one: nothing is lost, and "
                "whoever waits goes on by itself",
                key_id=key_id,
            )
        return cipher

    def ids(self) -> list[str]:
        """The keys in the order of the file: the first one encrypts."""
        self._read()
        return list(self._ciphers)

    def _read(self) -> None:
        """Raises InvalidInput when the file holds something else than keys."""
        with self._lock:
            self._looked_at = time.monotonic()
            try:
                found = self.path.stat()
                state = (found.st_mtime_ns, found.st_size, found.st_ino)
                if state == self._state:
                    return
                text = self.path.read_text()
            except FileNotFoundError:
                self._ciphers, self._state = {}, None
                return
            # Replaced, never changed: somebody else may be reading it.
            self._ciphers = {key_id: AESGCM(key) for key_id, key in _keys_of(text, self.path)}
            self._state = state


class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """Encrypts what leaves this process and decrypts what comes.

    A payload that is not encrypted is left as it is: older histories hold such.
    """

    def __init__(self, keys: PayloadKeys, *, patience_seconds: float = 0.0) -> None:
        self._keys = keys
        self._patience = patience_seconds

    def with_context(self, context: SerializationContext) -> EncryptionCodec:
        """The codec for what an activity is told and tells.

        The SDK fails an activity for good when the details of its last heartbeat cannot be decoded.
        So that a missing key fails no round, the attempt waits for it, until the server has taken
        it for dead and has another one tried.
        """
        if isinstance(context, ActivitySerializationContext):
            return EncryptionCodec(self._keys, patience_seconds=ACTIVITY_PATIENCE_SECONDS)
        return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises UnknownPayloadKey when there is no key at all."""
        return [self.encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises UnknownPayloadKey, DamagedPayload."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return [self.decrypt(payload) for payload in payloads]
            except UnknownPayloadKey:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_LOOKED_AT_EVERY_SECONDS)

    def encrypt(self, payload: Payload) -> Payload:
        key_id, cipher = self._keys.first()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = cipher.encrypt(nonce, payload.SerializeToString(), _bound(key_id))
        return Payload(metadata={ENCODING: ENCRYPTED, KEY_ID: key_id.encode()}, data=nonce + sealed)

    def decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get(ENCODING) != ENCRYPTED:
            return payload
        key_id = payload.metadata.get(KEY_ID, b"").decode(errors="replace")
        cipher = self._keys.find(key_id)
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, _bound(key_id)))
        except (InvalidTag, ValueError, DecodeError):
            raise DamagedPayload(
                f"a message that names the key “{key_id}” was not encrypted with it, or was "
                "changed since",
                hint="`labelwright audit verify` names the history that it is in",
                key_id=key_id,
            ) from None


def ensure_keys(path: Path) -> PayloadKeys:
    """The keys at `path`; makes a first one if there is no such file.

    Raises InvalidInput when the file holds something else.
    """
    if not path.exists():
        create_once(path, _line(os.urandom(KEY_BYTES)))
    keys = PayloadKeys(path)
    if not keys.ids():
        raise InvalidInput(
            f"{path} holds no key",
            hint="put the file back from a backup: histories need the keys that encrypted them",
        )
    return keys


def add_key(path: Path) -> str:
    """Puts a new key before the others and returns its id. All that was encrypted stays readable.

    Raises InvalidInput when the file holds something else than keys.
    """
    ensure_keys(path)
    with _alone(path):
        before = path.read_text()
        list(_keys_of(before, path))
        line = _line(os.urandom(KEY_BYTES))
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(line + before.encode())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    return line.split()[0].decode()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two who add a key at once would lose one, which may have encrypted something by then."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _line(key: bytes) -> bytes:
    """Named by its digest, so that one name cannot come to stand for two keys."""
    return f"{digest_bytes(key)[:16]} {base64.b64encode(key).decode()}\n".encode()


def _keys_of(text: str, path: Path) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key_id, _, encoded = line.strip().partition(" ")
        try:
            key = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES or key_id in seen:
            raise InvalidInput(
                f"line {number} of {path} is no key under a name of its own",
                hint=f"a line is a name, a space, and {KEY_BYTES} bytes in base64",
            )
        seen.add(key_id)
        yield key_id, key


def _bound(key_id: str) -> bytes:
    """What is authenticated besides the payload: its encoding and the name of its key."""
    return ENCRYPTED + b"\0" + key_id.encode()
