"""Writes a bundle: members are gathered in a temporary file, then follow their signed listing.

The listing comes first and names every digest, so nothing can be written before all of it is known;
gathering it on disk keeps the memory small however large the bundle is.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from domain.canonical import Sha256, canonical
from domain.tree_heads import TreeHead
from workers.audit.bundle import (
    BUNDLE_FORMAT,
    HEAD_CONTEXT,
    LISTING,
    LISTING_CONTEXT,
    MEMBER_CONTEXT,
    SIGNATURE,
    LeftOut,
    Listing,
    Member,
    claim,
)
from workers.audit.ustar import CHUNK, END, header, padding
from workers.signing import Signer


@dataclass(frozen=True, kw_only=True)
class _Part:
    name: str
    about: str
    offset: int
    size: int
    sha256: Sha256


@dataclass
class Spool:
    """Members that wait to be written. A context manager: leaving it removes the temporary file."""

    folder: Path | None = None
    """Where the temporary file is; none: where such files usually are."""
    left_out: list[LeftOut] = field(default_factory=list)
    _parts: list[_Part] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=self.folder)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, name: str, chunks: Iterable[bytes], *, about: str) -> None:
        running, offset = hashlib.sha256(), self._file.tell()
        for chunk in chunks:
            running.update(chunk)
            self._file.write(chunk)
        self._parts.append(
            _Part(
                name=name,
                about=about,
                offset=offset,
                size=self._file.tell() - offset,
                sha256=Sha256(running.hexdigest()),
            )
        )

    def leave_out(self, name: str, why: str) -> None:
        self.left_out.append(LeftOut(name=name, why=why))

    def sealed(
        self,
        head: TreeHead,
        signer: Signer,
        *,
        with_pool: bool,
        stamp: Callable[[Listing], bytes] | None = None,
    ) -> Sealed:
        """The bundle, signed and ready to be read out; `stamp` gives a time stamp over its head."""
        signature = signer.sign_statement(HEAD_CONTEXT, canonical(head))

        def listing() -> Listing:
            return Listing(
                format=BUNDLE_FORMAT,
                head=head,
                head_signature=signature,
                with_pool=with_pool,
                left_out=tuple(self.left_out),
                members=tuple(_member(head, part, signer) for part in self._parts),
            )

        if stamp is not None:
            stamped = stamp(listing())
            self.add("head.tsr", [stamped], about="time stamp over the signed head, RFC 3161")
        complete = listing()
        data = canonical(complete)
        return Sealed(
            listing=complete,
            _front=(
                (LISTING, data),
                (SIGNATURE, signer.sign_statement(LISTING_CONTEXT, data).encode()),
            ),
            _parts=tuple(self._parts),
            _file=self._file,
        )


@dataclass(frozen=True, kw_only=True)
class Sealed:
    listing: Listing
    _front: tuple[tuple[str, bytes], ...]
    _parts: tuple[_Part, ...]
    _file: IO[bytes]

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the bundle, in order."""
        for name, data in self._front:
            yield header(name, len(data)) + data + padding(len(data))
        for part in self._parts:
            yield header(part.name, part.size)
            self._file.seek(part.offset)
            left = part.size
            while left:
                chunk = self._file.read(min(left, CHUNK))
                left -= len(chunk)
                yield chunk
            yield padding(part.size)
        yield END


def _member(head: TreeHead, part: _Part, signer: Signer) -> Member:
    statement = claim(
        head.round, head.exported_at, name=part.name, sha256=part.sha256, size=part.size
    )
    return Member(
        name=part.name,
        sha256=part.sha256,
        bytes=part.size,
        about=part.about,
        signature=signer.sign_statement(MEMBER_CONTEXT, statement),
    )
