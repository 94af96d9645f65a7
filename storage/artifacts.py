"""Bulk data by its SHA-256: written once, checked whenever it is read.

A root is a local folder or a URI that `pyarrow.fs` knows (`s3://`, `gs://`). What is being written
has a temporary name until it is whole, so a crash leaves nothing half-written under a digest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Protocol
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from domain.canonical import Sha256, digest_bytes
from domain.errors import DigestMismatch, InvalidInput, NotFound, Unavailable

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ROW_GROUP = 64 * 1024


class ArtifactsUnavailable(Unavailable):
    """The store cannot be written or read: the disk is full, the object store does not answer."""

    code: ClassVar[str] = "artifacts_unavailable"


class ReadableArtifacts(Protocol):
    """Artifacts to read, wherever they lie: a store, or the bundle that an auditor was sent."""

    def get(self, sha: Sha256) -> bytes:
        """The bytes of that digest. Raises NotFound or DigestMismatch."""

    def get_table(self, sha: Sha256, *, columns: Sequence[str] | None = None) -> pa.Table:
        """The table of that digest, or some columns of it. Raises as `get` does."""


class ArtifactStore:
    """Content-addressed files below one root."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)
        if "://" in self.root:
            self._files, self._base = fs.FileSystem.from_uri(self.root)
            self._local = isinstance(self._files, fs.LocalFileSystem)
        else:
            self._files, self._base = fs.LocalFileSystem(), str(Path(root).absolute())
            self._local = True

    def put(self, data: bytes) -> Sha256:
        """Stores `data` and returns its digest. Raises ArtifactsUnavailable, leaving nothing."""
        sha = digest_bytes(data)
        path = self.path_of(sha)
        if self._size(path) == len(data):
            return sha
        incoming = f"{self._base}/incoming/{uuid4().hex}"
        try:
            self._files.create_dir(f"{self._base}/incoming", recursive=True)
            self._files.create_dir(path.rpartition("/")[0], recursive=True)
            with self._files.open_output_stream(incoming) as stream:
                stream.write(data)
            if self._local:
                _flush(incoming)
            self._files.move(incoming, path)
        except OSError as error:
            with suppress(OSError):
                self._files.delete_file(incoming)
            raise ArtifactsUnavailable(
                f"an artifact could not be stored: {error}",
                hint="nothing was changed; see that the disk has room, then try again",
            ) from error
        return sha

    def get(self, sha: Sha256) -> bytes:
        """The bytes of that digest. Raises NotFound, DigestMismatch or ArtifactsUnavailable."""
        try:
            with self._files.open_input_stream(self.path_of(sha)) as stream:
                data: bytes = stream.read()
        except FileNotFoundError as error:
            raise NotFound("the artifact is not in the store", sha256=sha) from error
        except OSError as error:
            raise ArtifactsUnavailable(f"an artifact could not be read: {error}") from error
        if digest_bytes(data) != sha:
            raise DigestMismatch(
                "a stored artifact is not what was written: its bytes have changed",
                hint="restore the file from a backup of the artifact store",
                sha256=sha,
            )
        return data

    def put_table(self, table: pa.Table) -> Sha256:
        """Stores `table` as Parquet; equal tables give equal bytes, however they are chunked."""
        sink = pa.BufferOutputStream()
        pq.write_table(
            table.combine_chunks().replace_schema_metadata(None),
            sink,
            compression="zstd",
            row_group_size=_ROW_GROUP,
        )
        return self.put(sink.getvalue().to_pybytes())

    def get_table(self, sha: Sha256, *, columns: Sequence[str] | None = None) -> pa.Table:
        """The table of that digest, or some columns of it. Raises as `get` does."""
        return table_of(self.get(sha), columns=columns)

    def protect(self, sha: Sha256) -> None:
        """Takes everybody's right to write to the artifact away, where its files have such rights.

        It never changes in any case: this is for those who would change it by hand.
        """
        if self._local:
            path = Path(self.path_of(sha))
            path.chmod(path.stat().st_mode & ~0o222)

    def exists(self, sha: Sha256) -> bool:
        return self._size(self.path_of(sha)) is not None

    def path_of(self, sha: Sha256) -> str:
        """Where the artifact is, or would be, on the store's file system."""
        if _DIGEST.fullmatch(sha) is None:
            raise InvalidInput("an artifact is named by 64 lower-case hexadecimal digits")
        return f"{self._base}/{sha[:2]}/{sha}"

    def _size(self, path: str) -> int | None:
        try:
            [info] = self._files.get_file_info([path])
        except OSError as error:
            raise ArtifactsUnavailable(f"the artifact store does not answer: {error}") from error
        return info.size if info.type is fs.FileType.File else None


def table_of(data: bytes, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The table that a Parquet file holds, or some columns of it."""
    return pq.read_table(pa.BufferReader(data), columns=columns)


def _flush(path: str) -> None:
    # Without it a power cut could leave an empty file under a name that promises its content.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
