"""Ways to forge a bundle, by seed: bits turned over, and edits by somebody who has no key.

Whoever edits recomputes every digest that can be recomputed without the key. A forgery says where
it was made, so that a test can ask whether a finding names that place.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.history.v1 import History

from domain.canonical import Sha256, canonical, digest_bytes
from domain.tree_heads import TreeHead
from storage.documents import from_json
from workers.audit.bundle import (
    HEAD_CONTEXT,
    LISTING,
    LISTING_CONTEXT,
    MEMBER_CONTEXT,
    SIGNATURE,
    claim,
)
from workers.audit.ustar import END, header, padded, padding
from workers.signing import Signer

STRANGER = Signer(Ed25519PrivateKey.generate())
"""Has a key, and not ours."""


@dataclass(frozen=True, kw_only=True)
class Forgery:
    what: str
    places: tuple[str, ...]
    """One of them is named by a finding, or the forgery is not found as it should be."""
    data: bytes


@dataclass
class Parts:
    """A bundle taken apart."""

    listing: dict[str, Any]
    signature: bytes
    members: dict[str, bytes]

    @classmethod
    def of(cls, data: bytes) -> Parts:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found = {each.name: archive.extractfile(each) for each in archive.getmembers()}
            members = {name: file.read() for name, file in found.items() if file is not None}
        listing = json.loads(members.pop(LISTING))
        return cls(listing=listing, signature=members.pop(SIGNATURE), members=members)

    def named(self, folder: str) -> list[str]:
        return [name for name in self.members if name.startswith(folder)]

    def put_together(self) -> bytes:
        """With the digests and sizes that the members have now; signatures stay as they were."""
        before = {each["name"]: each for each in self.listing["members"]}
        self.listing["members"] = [
            before.get(name, {"about": "", "signature": ""})
            | {"name": name, "sha256": digest_bytes(data), "bytes": len(data)}
            for name, data in self.members.items()
        ]
        return self._written()

    def signed_by(self, signer: Signer) -> bytes:
        """As a whole by somebody else."""
        self.put_together()
        head = self.listing["head"]
        exact = from_json(TreeHead, head)
        self.listing["head_signature"] = signer.sign_statement(HEAD_CONTEXT, canonical(exact))
        for each in self.listing["members"]:
            statement = claim(
                head["round"],
                head["exported_at"],
                name=each["name"],
                sha256=Sha256(each["sha256"]),
                size=each["bytes"],
            )
            each["signature"] = signer.sign_statement(MEMBER_CONTEXT, statement)
        listing = canonical(self.listing)
        self.signature = signer.sign_statement(LISTING_CONTEXT, listing).encode()
        return self._written()

    def _written(self) -> bytes:
        everything = {LISTING: canonical(self.listing), SIGNATURE: self.signature, **self.members}
        blocks = [
            header(name, len(data)) + data + padding(len(data)) for name, data in everything.items()
        ]
        return b"".join([*blocks, END])


def forged(data: bytes, seed: int, *, what: str | None = None) -> Forgery:
    """The forgery of that seed; `what` is one of FORGERIES."""
    rng = random.Random(seed)
    name = what or rng.choice([*FORGERIES, "bit"])
    if name == "bit":
        return _bit(data, rng)
    parts = Parts.of(data)
    while True:
        places = FORGERIES[name](parts, rng)
        if places:
            break
    written = parts.signed_by(STRANGER) if name == "stranger" else parts.put_together()
    assert written != data, f"{name} changed nothing"
    return Forgery(what=name, places=places, data=written)


def flipped_at(data: bytes, bit: int) -> Forgery:
    """One bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return Forgery(what="bit", places=(_holder(data, bit // 8),), data=bytes(changed))


def _bit(data: bytes, rng: random.Random) -> Forgery:
    return flipped_at(data, rng.randrange(len(data) * 8))


def _holder(data: bytes, offset: int) -> str:
    """The member that a byte of the file belongs to: its header, content or padding."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for each in archive.getmembers():
            if each.offset <= offset < each.offset_data + padded(each.size):
                return f"member {each.name}"
    return "the end of the file"


def _in_history(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    """A value in what some event carries."""
    name = rng.choice(parts.named("histories/"))
    history = History.FromString(gzip.decompress(parts.members[name]))
    payloads = [each for event in history.events for each in _payloads(event)]
    payload = rng.choice(payloads)
    document = _or_none(payload.data)
    if document is None:
        return ()
    payload.data = json.dumps(_altered(document, rng)).encode()
    return _keep(parts, name, history)


def _of_history(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    """An event that is gone, doubled, or at another time."""
    name = rng.choice(parts.named("histories/"))
    history = History.FromString(gzip.decompress(parts.members[name]))
    at = rng.randrange(1, len(history.events))
    match rng.randrange(3):
        case 0:
            del history.events[at]
        case 1:
            history.events.insert(at, history.events[at])
        case _:
            history.events[at].event_time.seconds += rng.randrange(1, 3600)
    return _keep(parts, name, history)


def _signal(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    """A signal that was never received: an answer of somebody."""
    name = rng.choice(parts.named("histories/"))
    history = History.FromString(gzip.decompress(parts.members[name]))
    signals = [
        event
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    if not signals:
        return ()
    history.events.remove(rng.choice(signals))
    for number, event in enumerate(history.events, 1):
        event.event_id = number
    return _keep(parts, name, history)


def _ledger(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    """An entry that is changed, gone, added or elsewhere."""
    name = rng.choice(parts.named("ledger/"))
    lines = gzip.decompress(parts.members[name]).splitlines()
    at = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            lines[at] = canonical(_altered(json.loads(lines[at]), rng))
        case 1:
            del lines[at]
        case 2:
            lines.insert(at, canonical({"sequence": at, "decision": {}, "hash": "0" * 64}))
        case _:
            other = rng.randrange(len(lines))
            if other == at:
                return ()
            lines[at], lines[other] = lines[other], lines[at]
    parts.members[name] = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)
    return (f"member {name}",)


def _rows(folder: str) -> Callable[[Parts, random.Random], tuple[str, ...]]:
    """A value in a table below the folder."""

    def forge(parts: Parts, rng: random.Random) -> tuple[str, ...]:
        names = [name for name in parts.named(folder) if not name.endswith(".json")]
        if not names:
            return ("",)
        name = rng.choice(names)
        rows = pq.read_table(pa.BufferReader(parts.members[name]))
        if not rows.num_rows:
            return ()
        values = rows.to_pylist()
        row = rng.choice(values)
        column = rng.choice([each for each in row if isinstance(row[each], str | int | float)])
        row[column] = _altered(row[column], rng)
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(values, schema=rows.schema), sink)
        parts.members[name] = sink.getvalue().to_pybytes()
        return (f"member {name}", name.rpartition("/")[2])

    return forge


def _document(folder: str) -> Callable[[Parts, random.Random], tuple[str, ...]]:
    """A value in a JSON document below the folder."""

    def forge(parts: Parts, rng: random.Random) -> tuple[str, ...]:
        names = [name for name in parts.named(folder) if name.endswith(".json")]
        if not names:
            return ("",)
        name = rng.choice(names)
        parts.members[name] = canonical(_altered(json.loads(parts.members[name]), rng))
        return (f"member {name}",)

    return forge


def _head(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    head = parts.listing["head"]
    match rng.randrange(5):
        case 0:
            head["root"] = f"{rng.getrandbits(256):064x}"
        case 1:
            head["entries"] += 1
        case 2:
            rng.choice(head["sources"])["length"] += 1
        case 3:
            head["exported_at"] = "2001-01-01T00:00:00.000000+00:00"
        case _:
            head["exported_by"]["name"] = "somebody else"
    return ("tree head",)


def _less(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    del parts.members[rng.choice(list(parts.members))]
    return (f"member {LISTING}",)


def _more(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    name = f"artifacts/{rng.getrandbits(256):064x}"
    parts.members[name] = b"nobody exported this"
    return (f"member {name}",)


def _order(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    names = list(parts.members)
    first, second = rng.sample(range(len(names)), 2)
    names[first], names[second] = names[second], names[first]
    parts.members = {name: parts.members[name] for name in names}
    return (f"member {LISTING}",)


def _stranger(parts: Parts, rng: random.Random) -> tuple[str, ...]:
    """An answer is changed, and everything signed anew with another key."""
    places = _in_history(parts, rng)
    return places and (*places, f"member {LISTING}")


FORGERIES: dict[str, Callable[[Parts, random.Random], tuple[str, ...]]] = {
    "value in a history": _in_history,
    "event of a history": _of_history,
    "signal of a history": _signal,
    "ledger": _ledger,
    "artifact": _rows("artifacts/"),
    "dataset file": _rows("dataset/"),
    "manifest": _document("dataset/"),
    "pinned document": _document("pinned/"),
    "head": _head,
    "member less": _less,
    "member more": _more,
    "order": _order,
    "stranger": _stranger,
}


def _keep(parts: Parts, name: str, history: History) -> tuple[str, ...]:
    parts.members[name] = gzip.compress(history.SerializeToString(deterministic=True), mtime=0)
    return (f"member {name}",)


def _payloads(event: Message) -> list[Payload]:
    """What the event carries: inputs, results."""
    found: list[Payload] = []
    for _, value in event.ListFields():
        if isinstance(value, Payloads):
            found += value.payloads
        elif isinstance(value, Message):
            found += _payloads(value)
    return found


def _or_none(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _altered(value: Any, rng: random.Random) -> Any:
    """The value with one leaf of it changed."""
    match value:
        case dict() if value:
            key = rng.choice(list(value))
            return value | {key: _altered(value[key], rng)}
        case list() if value:
            at = rng.randrange(len(value))
            return [*value[:at], _altered(value[at], rng), *value[at + 1 :]]
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case _:
            return "forged"
