"""Work on many rows, a block at a time, by as many threads as BLAS may use.

A BLAS divides one product among its threads and leaves everything around it to one of them; for
small products waking them costs more than it saves. Blocks side by side, each with products of one
thread, keep all cores busy with both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

WORTH_IT = 2**15
"""Below this many rows starting threads costs more than it saves."""


class Crew:
    """Threads that work on blocks; made by `crew`."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def in_blocks(self, rows: int, height: int, work: Callable[[slice], None]) -> None:
        """Calls `work` for each block of `height` of the rows from 0 to `rows`.

        Blocks are worked on at the same time and in any order: what `work` does for one must not
        depend on another.
        """
        blocks = [slice(top, min(top + height, rows)) for top in range(0, rows, height)]
        if self._threads == 1 or len(blocks) == 1:
            for block in blocks:
                work(block)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=self._threads)
        for _ in self._pool.map(work, blocks):
            pass

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


@contextmanager
def crew() -> Iterator[Crew]:
    """As many threads as BLAS had; until the end its products are made by one thread each."""
    blas = _blas()
    threads = max((library.num_threads for library in blas.lib_controllers), default=1)
    with blas.limit(limits=1):
        workers = Crew(threads)
        try:
            yield workers
        finally:
            workers.close()


def in_blocks(rows: int, height: int, work: Callable[[slice], None]) -> None:
    """`Crew.in_blocks` for once, by the calling thread alone where rows are few."""
    if rows < WORTH_IT:
        Crew(1).in_blocks(rows, height, work)
        return
    with crew() as workers:
        workers.in_blocks(rows, height, work)


@cache
def _blas() -> ThreadpoolController:
    # Looking through what a process has loaded takes milliseconds, so it is done once: NumPy has
    # its BLAS from the start.
    return ThreadpoolController().select(user_api="blas")
