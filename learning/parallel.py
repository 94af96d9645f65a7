"""Work on many rows, a block at a time, by as many threads as BLAS may use.

A BLAS divides one product among its threads and leaves everything around it to one of them. Blocks
side by side, each with products of one thread, keep all cores busy with both.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_info, threadpool_limits

WORTH_IT = 2**15
"""Below this many rows starting threads costs more than it saves."""


def in_blocks(rows: int, height: int, work: Callable[[slice], None]) -> None:
    """Calls `work` for each block of `height` of the rows from 0 to `rows`.

    Blocks are worked on at the same time and in any order: what `work` does for one must not
    depend on another.
    """
    blocks = [slice(top, min(top + height, rows)) for top in range(0, rows, height)]
    threads = _threads() if rows >= WORTH_IT else 1
    if threads == 1:
        for block in blocks:
            work(block)
        return
    with (
        threadpool_limits(limits=1, user_api="blas"),
        ThreadPoolExecutor(max_workers=threads) as pool,
    ):
        for _ in pool.map(work, blocks):
            pass


def _threads() -> int:
    found = (each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
    return max(found, default=1)
