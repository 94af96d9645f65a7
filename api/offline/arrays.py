"""Arrays in .npy files: mapped into memory where they can be used as they are, else copied once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from domain.errors import InvalidScores, UnreadableFile
from learning.signals.geometry import MAX_LENGTH
from learning.signals.probabilities import check_probabilities

Float32 = NDArray[np.float32]
Order = NDArray[np.int64]

_BLOCK_BYTES = 2**24
COUNTED = "rows are counted from 0"


@dataclass(frozen=True, kw_only=True)
class ArrayFile:
    """An array of floating-point numbers in a file, of which only the header was read."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int
    """Bytes before the first number."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def usable(self) -> bool:
        """Whether the bytes are float32 by rows, as they are wanted."""
        return self.dtype == np.dtype("=f4") and not self.fortran

    def mapped(self) -> NDArray[Any]:
        if not all(self.shape):
            return np.zeros(self.shape, dtype=self.dtype)
        order: Literal["C", "F"] = "F" if self.fortran else "C"
        found = np.memmap(
            self.path, self.dtype, "r", offset=self.offset, shape=self.shape, order=order
        )
        # A plain array on the same pages: slices of a memmap are slower.
        return np.asarray(found)

    def blocks(self) -> Iterator[tuple[slice, Float32]]:
        """Rows after rows as float32, by places. Reads the file instead of mapping it, so that
        pages that are read once do not count as memory of this process."""
        width = max(1, int(np.prod(self.shape[1:])))
        step = max(1, _BLOCK_BYTES // (width * self.dtype.itemsize))
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for start in range(0, self.rows, step):
                place = slice(start, min(start + step, self.rows))
                yield place, self._block(stream, place, width)

    def _block(self, stream: BinaryIO, place: slice, width: int) -> Float32:
        if self.fortran:
            found = self.mapped()[place]
        else:
            count = (place.stop - place.start) * width
            found = np.fromfile(stream, dtype=self.dtype, count=count)
            found = found.reshape(-1, *self.shape[1:])
        with np.errstate(over="ignore"):
            rows: Float32 = found.astype(np.float32, copy=False)
        return rows


def opened(path: Path, *, axes: str) -> ArrayFile:
    """The array in a .npy file; `axes` names its dimensions: `rows × dimensions`.

    Raises UnreadableFile when there is none, InvalidScores when it holds something else than
    floating-point numbers or has another number of dimensions.
    """
    try:
        with path.open("rb") as stream:
            shape, fortran, dtype = _header(stream)
            offset = stream.tell()
        size = path.stat().st_size
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no .npy file"
        raise UnreadableFile(
            f"{path} cannot be read: {reason}",
            hint="write it by numpy.save(file, array)",
        ) from error
    if not np.issubdtype(dtype, np.floating) or dtype.itemsize > 8:
        raise InvalidScores(
            f"{path.name} holds {dtype}; floating-point numbers are wanted",
            hint="convert them: numpy.save(file, array.astype('float32')); "
            "quantised embeddings need their scale applied first",
        )
    wanted = len(axes.split("×"))
    if len(shape) != wanted:
        raise InvalidScores(f"{path.name} has shape {shape}; {axes} are wanted")
    if size < offset + int(np.prod(shape)) * dtype.itemsize:
        raise UnreadableFile(
            f"{path} is cut off: its header promises {shape[0]:,} rows", hint="write it again"
        )
    return ArrayFile(path=path, shape=shape, dtype=dtype, fortran=fortran, offset=offset)


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = reader(stream)
    return shape, fortran, dtype


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitRows:
    rows: Float32
    """(n, d), each of length one, or zero."""
    normalised: bool
    zeros: int
    """Rows of zeros: nothing is known of these records."""


def unit_rows(file: ArrayFile, *, order: Order | None = None) -> UnitRows:
    """The rows as embeddings, the row `order[i]` at place i.

    Mapped as they are where they can be: float32, of length one, in order. Else copied once, read
    block by block. Raises InvalidScores, naming the row, for NaN and infinities.
    """
    lengths = np.empty(file.rows, dtype=np.float32)
    for place, block in file.blocks():
        with np.errstate(over="ignore", invalid="ignore"):
            lengths[place] = np.sqrt(np.einsum("ij,ij->i", block, block))
    if not np.isfinite(lengths).all():
        row = int(np.flatnonzero(~np.isfinite(lengths))[0])
        raise InvalidScores(
            f"row {row:,} of {file.name} holds NaN, an infinity or numbers beyond float32",
            hint=COUNTED,
            row=row,
        )
    zero = lengths == 0.0
    normalised = bool((~zero & (np.abs(lengths - 1.0) > MAX_LENGTH - 1.0)).any())
    if file.usable and not normalised and order is None:
        return UnitRows(rows=file.mapped(), normalised=False, zeros=int(zero.sum()))
    lengths[zero] = 1.0
    rows = np.empty(file.shape, dtype=np.float32)
    places = _places(order, file.rows)
    for place, block in file.blocks():
        rows[places[place]] = block / lengths[place, None] if normalised else block
    return UnitRows(rows=rows, normalised=normalised, zeros=int(zero.sum()))


def distributions(file: ArrayFile, *, order: Order | None = None) -> Float32:
    """(n, …, k) probabilities as float32, the row `order[i]` at place i.

    Raises InvalidScores, naming the row, for NaN, infinities, negative numbers, and rows that do
    not add up to 1.
    """
    if file.usable and order is None:
        rows = file.mapped()
    else:
        rows = np.empty(file.shape, dtype=np.float32)
        places = _places(order, file.rows)
        for place, block in file.blocks():
            rows[places[place]] = block
    _check_distributions(file, rows, order)
    return rows


def _check_distributions(file: ArrayFile, rows: Float32, order: Order | None) -> None:
    flat = rows.reshape(-1, rows.shape[-1])
    try:
        check_probabilities(flat)
    except InvalidScores as error:
        if "row" not in error.context:
            raise InvalidScores(f"{file.name}: {error.message}", hint=error.hint) from None
        place, member = divmod(int(str(error.context["row"])), len(flat) // len(rows))
        row = place if order is None else int(order[place])
        of_member = f", member {member}" if rows.ndim > 2 else ""
        fault = error.message.split(" ", 5)[-1]
        raise InvalidScores(
            f"row {row:,}{of_member} of {file.name}: the probabilities {fault}",
            hint=f"{error.hint}; {COUNTED}",
            row=row,
        ) from None


def _places(order: Order | None, count: int) -> Order:
    """Where each row of the file goes."""
    places = np.arange(count)
    if order is not None:
        places[order] = np.arange(count)
    return places
