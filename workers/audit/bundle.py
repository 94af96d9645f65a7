"""An evidence bundle: all that a round's verification needs, in one file that an auditor is sent.

docs/evidence-format.md describes it. Opening one looks at every byte: each is the one that the
signed listing, or the container's form, says it is, or the member that holds it is named.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
from pydantic import ValidationError

from domain.canonical import Sha256, canonical, digest_bytes
from domain.errors import DigestMismatch, InvalidInput, NotABundle, NotFound, TooLarge
from domain.ids import RoundId, Timestamp, round_workflow_id, shard_workflow_id
from domain.tree_heads import ROUND, TreeHead, place_of
from storage.artifacts import table_of
from storage.documents import from_json
from workers.audit.findings import Finding, FindingKind
from workers.audit.ustar import BLOCK, Found, is_member_name, scan

BUNDLE_FORMAT = "labelwright-evidence-1"
LISTING, SIGNATURE, TIMESTAMP = "bundle.json", "bundle.sig", "head.tsr"
HISTORIES, LEDGER, ARTIFACTS, DATASET, PINNED = (
    "histories",
    "ledger",
    "artifacts",
    "dataset",
    "pinned",
)
"""Folders of a bundle."""
HEAD_CONTEXT = "labelwright tree head"
LISTING_CONTEXT = "labelwright evidence listing"
MEMBER_CONTEXT = "labelwright evidence member"
"""What a signature is over comes after one of these: none can be passed for another."""

SIGNATURE_BYTES = 105
"""Sixteen digits of the key's id, a colon, and 64 bytes in base64."""
_SOURCE = r"(?:round|shard-[0-9]{3,7})"
_KNOWN = re.compile(
    rf"{HISTORIES}/{_SOURCE}/[0-9]{{3,6}}\.pb\.gz|{LEDGER}/{_SOURCE}\.jsonl\.gz"
    rf"|{ARTIFACTS}/[0-9a-f]{{64}}|{PINNED}/[a-z]+\.json|{DATASET}/.+|{re.escape(TIMESTAMP)}"
)
"""What members are called, besides the listing and its signature."""
MAX_LISTING = 256 << 20
MAX_INFLATED = 1 << 30
"""Bytes that a compressed member may come to; Temporal ends a history at 50 MB."""


@dataclass(frozen=True, kw_only=True)
class Member:
    name: str
    sha256: Sha256
    bytes: int
    about: str
    """What it is, in words."""
    signature: str
    """Over the member's `claim`, so that a listing that was written anew shows what was changed."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What should be in the bundle and could not be read when it was made."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Listing:
    """`bundle.json`: the signed head, and every other member but the listing's signature."""

    format: str
    head: TreeHead
    head_signature: str
    with_pool: bool
    """Whether the snapshot of the pool is in it."""
    left_out: tuple[LeftOut, ...]
    members: tuple[Member, ...]


class Bundle:
    """A bundle whose bytes are those that its listing names."""

    def __init__(self, file: IO[bytes], listing: Listing, places: dict[str, Found]) -> None:
        self._file = file
        self._places = places
        self.listing = listing

    @property
    def round_id(self) -> RoundId:
        return self.listing.head.round

    def names(self, folder: str) -> list[str]:
        """Members below `folder/`, in the order of the listing."""
        return [each.name for each in self.listing.members if each.name.startswith(folder + "/")]

    def read(self, name: str) -> bytes:
        """Raises NotFound."""
        place = self._places.get(name)
        if place is None:
            raise NotFound(f"the bundle has no member {name}", name=name)
        self._file.seek(place.offset)
        return self._file.read(place.size)

    def inflate(self, name: str) -> bytes:
        """A compressed member's content. Raises NotFound, InvalidInput, TooLarge."""
        return inflated(self.read(name), name)


@dataclass(frozen=True)
class BundledArtifacts:
    """The artifacts that a bundle holds, read as those of a store are."""

    bundle: Bundle

    def get(self, sha: Sha256) -> bytes:
        """The bytes of that digest. Raises NotFound, DigestMismatch."""
        try:
            data = self.bundle.read(f"{ARTIFACTS}/{sha}")
        except NotFound:
            raise NotFound("the artifact is not in the bundle", sha256=sha) from None
        if digest_bytes(data) != sha:
            raise DigestMismatch(
                "an artifact in the bundle is not what its name says: its bytes have changed",
                sha256=sha,
            )
        return data

    def get_table(self, sha: Sha256, *, columns: Sequence[str] | None = None) -> pa.Table:
        """The table of that digest, or some columns of it. Raises as `get` does."""
        return table_of(self.get(sha), columns=columns)


@dataclass(frozen=True, kw_only=True)
class Opened:
    bundle: Bundle | None
    """None when a byte is not what it should be: nothing is taken from such a file."""
    listing_bytes: bytes
    signature: str
    """Of the listing."""
    findings: tuple[Finding, ...]


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The bundle in the file, every byte of which was looked at.

    Raises NotABundle for another file, NotFound where there is none.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise NotABundle(f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield _looked_through(file, path)


def claim(
    round_id: RoundId, exported_at: Timestamp, *, name: str, sha256: Sha256, size: int
) -> bytes:
    """What the signature of a member is over."""
    return canonical(
        {
            "round": round_id,
            "exported_at": exported_at,
            "name": name,
            "sha256": sha256,
            "bytes": size,
        }
    )


def source_folder(source: str) -> str:
    """`round` or `shard-003`: how a ledger is called in the names of members."""
    return source if source == ROUND else f"shard-{place_of(source) - 1:03}"


def source_of(folder: str) -> str:
    """The ledger that a member's name speaks of. Raises InvalidInput."""
    kind, _, number = folder.partition("-")
    if folder == ROUND:
        return ROUND
    if kind == "shard" and number.isascii() and number.isdigit():
        return f"shard {int(number)}"
    raise InvalidInput(f"“{folder}” is no ledger of a round")


def workflow_of(round_id: RoundId, source: str) -> str:
    if source == ROUND:
        return round_workflow_id(round_id)
    return shard_workflow_id(round_id, place_of(source) - 1)


def inflated(data: bytes, name: str) -> bytes:
    """What gzip has compressed. Raises InvalidInput, TooLarge."""
    machine = zlib.decompressobj(wbits=31)
    try:
        content = machine.decompress(data, MAX_INFLATED)
    except zlib.error as error:
        raise InvalidInput(f"{name} is not compressed as it should be: {error}") from error
    if machine.unconsumed_tail:
        raise TooLarge(f"{name} is larger than {MAX_INFLATED:,} bytes when it is unpacked")
    if not machine.eof or machine.unused_data:
        raise InvalidInput(f"{name} is not compressed as it should be")
    return content


def _looked_through(file: IO[bytes], path: Path) -> Opened:
    first = file.read(BLOCK)
    if first[: len(LISTING)] != LISTING.encode() and first[257:262] != b"ustar":
        raise NotABundle(
            f"{path} is no evidence bundle",
            hint="`labelwright audit export ROUND --out FILE` makes one",
        )
    start = next(scan(file))
    if not isinstance(start, Found) or start.name != LISTING or start.size > MAX_LISTING:
        return _closed(b"", _altered(LISTING, "its header is not what it should be"))
    file.seek(start.offset)
    data = file.read(start.size)
    listing = _listing(data)
    if listing is None:
        return _closed(data, _altered(LISTING, "it is not a listing of this format"))
    return _compared(file, start, data, listing)


def _closed(data: bytes, finding: Finding) -> Opened:
    return Opened(bundle=None, listing_bytes=data, signature="", findings=(finding,))


def _listing(data: bytes) -> Listing | None:
    """The listing, if it is written as we write it."""
    try:
        listing = from_json(Listing, json.loads(data))
    except (ValidationError, ValueError, RecursionError):
        return None
    as_written = canonical(listing) == data and listing.format == BUNDLE_FORMAT
    names = [each.name for each in listing.members]
    known = all(_KNOWN.fullmatch(name) and is_member_name(name) for name in names)
    return listing if as_written and known and len(set(names)) == len(names) else None


def _compared(file: IO[bytes], start: Found, data: bytes, listing: Listing) -> Opened:
    """Compares what lies in the file with what is listed."""
    listed = [(LISTING, start.size), (SIGNATURE, SIGNATURE_BYTES)]
    listed += [(each.name, each.bytes) for each in listing.members]
    findings: list[Finding] = []
    places: dict[str, Found] = {}
    order: list[str] = []
    wanted = {each.name: each for each in listing.members}
    for found in scan(file, listed=listed):
        if not isinstance(found, Found):
            if not found.is_right:
                findings.append(_altered("the end of the file", "it does not end as it should"))
            continue
        findings.extend(_damage(found, wanted.get(found.name)))
        if found.name not in {LISTING, SIGNATURE} and found.name not in wanted:
            findings.append(_added(found.name))
        elif found.name in places:
            findings.append(_added(found.name, again=True))
        else:
            places[found.name] = found
            order.append(found.name)
    findings.extend(_missing(name) for name in (SIGNATURE, *wanted) if name not in places)
    findings.extend(_moved(order, [LISTING, SIGNATURE, *wanted]))
    bundle = Bundle(file, listing, places)
    signature = bundle.read(SIGNATURE) if SIGNATURE in places else b""
    return Opened(
        bundle=None if findings else bundle,
        listing_bytes=data,
        signature=signature.decode("ascii", "replace"),
        findings=tuple(findings),
    )


def _damage(found: Found, wanted: Member | None) -> Iterator[Finding]:
    if not found.header_is_right:
        yield _altered(found.name, "its header is not what it should be")
    if not found.is_whole:
        yield _altered(found.name, "the file ends in the middle of it")
    if not found.padding_is_right:
        yield _altered(found.name, "what fills its last block is not empty")
    if wanted is not None and (found.sha256, found.size) != (wanted.sha256, wanted.bytes):
        yield _altered(
            found.name,
            "its bytes are not those that were exported",
            expected=f"{wanted.sha256}, {wanted.bytes} bytes",
            found=f"{found.sha256}, {found.size} bytes",
        )


def _moved(order: Sequence[str], wanted: Sequence[str]) -> Iterator[Finding]:
    there = set(order)
    known = [name for name in wanted if name in there]
    place = next(
        (at for at, pair in enumerate(zip(order, known, strict=False)) if len(set(pair)) > 1), None
    )
    if place is not None and set(known) == there:
        yield Finding(
            kind=FindingKind.MEMBER_MOVED,
            subject=f"member {order[place]}",
            message=f"The members of the bundle are in another order than was exported: "
            f"{order[place]} stands where {known[place]} should.",
            expected=known[place],
            found=order[place],
        )


def _altered(
    name: str, what: str, *, expected: str | None = None, found: str | None = None
) -> Finding:
    return Finding(
        kind=FindingKind.BUNDLE_ALTERED,
        subject=f"member {name}" if " " not in name else name,
        message=f"The bundle is damaged at {name}: {what}.",
        expected=expected,
        found=found,
    )


def _added(name: str, *, again: bool = False) -> Finding:
    why = "is in it twice" if again else "is not in its listing"
    return Finding(
        kind=FindingKind.MEMBER_ADDED,
        subject=f"member {name}",
        message=f"The bundle has a member {name} that {why}.",
    )


def _missing(name: str) -> Finding:
    return Finding(
        kind=FindingKind.MEMBER_MISSING,
        subject=f"member {name}",
        message=f"The bundle has no member {name}, which belongs in it.",
    )
