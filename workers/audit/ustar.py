"""The container of a bundle: a POSIX ustar archive of which every byte is known beforehand.

Any `tar` unpacks it. What is written is regular files only, under plain names, all with the same
mode, owner and time, and two empty blocks at the end: so a header follows from its name and size,
and a reader that makes it anew finds a changed byte wherever it is, in padding too.

Format: POSIX.1-2001 (IEEE Std 1003.1), pax, "ustar Interchange Format".
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from domain.canonical import Sha256

BLOCK = 512
CHUNK = 1 << 20
END = b"\0" * (2 * BLOCK)
MAX_SIZE = 8**11 - 1
"""Bytes of a member: what eleven octal digits can say."""
MAX_MEMBERS = 1_000_000
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
"""No absolute path, no `..`, no empty part, nothing that begins with a dot."""
_SIZE = slice(124, 135)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A member as it lies in the file."""

    name: str
    offset: int
    """Of its first byte of content."""
    size: int
    sha256: Sha256
    header_is_right: bool
    padding_is_right: bool
    is_whole: bool
    """Whether the file goes on to the end of its content and padding."""

    @property
    def ends(self) -> int:
        return self.offset + padded(self.size)


@dataclass(frozen=True, kw_only=True)
class End:
    """What comes after the last member."""

    offset: int
    is_right: bool


def is_member_name(name: str) -> bool:
    return len(name.encode()) <= 100 and NAME.fullmatch(name) is not None and ".." not in name


def header(name: str, size: int) -> bytes:
    """The one header that a member of that name and size has. Raises ValueError."""
    if not is_member_name(name) or not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no member can be called {name!r} and have {size} bytes")
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)


def padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def padding(size: int) -> bytes:
    return b"\0" * (padded(size) - size)


def stated(block: bytes) -> tuple[str, int] | None:
    """Name and size that a header block states, where it is the header that belongs to them."""
    try:
        name = block[:100].rstrip(b"\0").decode("ascii")
        size = int(block[_SIZE].decode("ascii"), 8)
        right = header(name, size)
    except ValueError:
        return None
    return (name, size) if right == block else None


def scan(file: IO[bytes], *, listed: list[tuple[str, int]] | None = None) -> Iterator[Found | End]:
    """Every member in the order of the file, and then the end; nothing is held in memory.

    Where a header is damaged, the next one of `listed` that has not been met stands in for it, so
    that the members after it are still found. Without any left the scan ends there.
    """
    left = list(listed or ())
    offset = 0
    for _ in range(MAX_MEMBERS):
        file.seek(offset)
        block = file.read(BLOCK)
        says = stated(block)
        meant = says or (left[0] if left and not _is_end(block, file) else None)
        if meant is None:
            file.seek(offset)
            yield End(offset=offset, is_right=file.read(len(END) + 1) == END)
            return
        left = [each for each in left if each[0] != meant[0]]
        found = _member(file, *meant, at=offset + BLOCK, header_is_right=says is not None)
        yield found
        if not found.is_whole:
            yield End(offset=offset, is_right=False)
            return
        offset = found.ends
    yield End(offset=offset, is_right=False)


def _is_end(block: bytes, file: IO[bytes]) -> bool:
    """Whether nothing but the end comes, damaged or not."""
    here = file.tell()
    rest = file.seek(0, 2) - here
    file.seek(here)
    return len(block) < BLOCK or rest <= BLOCK


def _member(file: IO[bytes], name: str, size: int, *, at: int, header_is_right: bool) -> Found:
    file.seek(at)
    running, left = hashlib.sha256(), size
    while left and (chunk := file.read(min(left, CHUNK))):
        running.update(chunk)
        left -= len(chunk)
    filling = file.read(padded(size) - size) if not left else b""
    return Found(
        name=name,
        offset=at,
        size=size,
        sha256=Sha256(running.hexdigest()),
        header_is_right=header_is_right,
        padding_is_right=left > 0 or filling == padding(size),
        is_whole=not left and len(filling) == padded(size) - size,
    )
