"""The rows of a file in chunks that fit in memory, each row looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial

from domain.access import level_of, unknown_words
from domain.canonical import canonical, digest_bytes
from domain.errors import InvalidInput
from domain.ids import RecordId
from domain.labels import LabelSchema
from storage.copying import Cell
from storage.readers import Rejection, Row

CHUNK_ROWS = 5_000
CHUNK_BYTES = 32 * 1024 * 1024
KNOWN_LABELS = 10_000
"""How many labels are remembered as fit or unfit."""


@dataclass
class Chunk:
    """Rows that may go in, by record id, and what became of the others."""

    rows: dict[RecordId, dict[str, Cell]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    read: int = 0
    repeated: int = 0
    unknown_words: set[str] = field(default_factory=set)
    """Of what says who may see a record: such a record is hidden from all but the most cleared."""
    size: int = 0

    @property
    def full(self) -> bool:
        return self.read >= CHUNK_ROWS or self.size >= CHUNK_BYTES

    def meet(self, row: dict[str, Cell], *, line: int, digest: str) -> None:
        """Sets a row aside whose record stood before in the file, at `line`."""
        if digest == row["record_digest"]:
            self.repeated += 1
            return
        reason = f"the record id stands on line {line} already, with other content"
        rejection = Rejection(
            line=int(row["line"] or 0), record_id=RecordId(str(row["record_id"])), reason=reason
        )
        self.rejections.append(rejection)


def chunks(rows: Iterable[Row | Rejection], schema: LabelSchema | None) -> Iterator[Chunk]:
    # The same few labels come again and again, and looking one up is slow.
    unfit = lru_cache(KNOWN_LABELS)(partial(_unfit, schema=schema))
    chunk = Chunk()
    for row in rows:
        chunk.read += 1
        _sort(chunk, row, unfit)
        if chunk.full:
            yield chunk
            chunk = Chunk()
    if chunk.read:
        yield chunk


def _sort(chunk: Chunk, row: Row | Rejection, unfit: Callable[[str], str | None]) -> None:
    if isinstance(row, Rejection):
        chunk.rejections.append(row)
        return
    record = row.record
    reason = None if record.label is None else unfit(record.label)
    if reason is not None:
        chunk.rejections.append(Rejection(line=row.line, record_id=record.record_id, reason=reason))
        return
    chunk.unknown_words.update(unknown_words(record.metadata))
    content = canonical(record.content)
    staged: dict[str, Cell] = {
        "record_id": record.record_id,
        "record_digest": record.record_digest,
        "content": content.decode(),
        "content_digest": digest_bytes(content),
        "metadata": canonical(record.metadata).decode(),
        "label": record.label,
        "role": None if record.role is None else record.role.value,
        "level": level_of(record.metadata).level,
        "line": row.line,
    }
    first = chunk.rows.get(record.record_id)
    if first is not None:
        chunk.meet(staged, line=int(first["line"] or 0), digest=str(first["record_digest"]))
        return
    chunk.rows[record.record_id] = staged
    chunk.size += len(content)


def _unfit(label: str, schema: LabelSchema | None) -> str | None:
    """Why a record of the pool cannot have this label."""
    if schema is None:
        return "the pool has no label schema"
    try:
        schema.check_known(label)
    except InvalidInput as error:
        return error.message
    return None
