"""Exchanging picks so that a batch keeps every minimum and maximum, with as few changes as can be.

Records that are in the same groups are interchangeable here: they form a cell. How many records
each cell should give is a small integer programme: keep to all bounds, violate none by more than
must be, change as little as possible. Source: L. Wolsey (1998), "Integer Programming"; solved by
HiGHS (Q. Huangfu, J. Hall (2018), "Parallelizing the dual revised simplex method").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from learning.selection.candidates import Mask
from learning.selection.rules import Group

VIOLATION = 1_000.0
"""What one record too few or too many costs, in exchanged picks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchange:
    """What to give up and what to take instead."""

    drop: Sequence[int]
    """Places in the list of picks, the last resort first kept."""
    take: Sequence[tuple[Mask, int]]
    """Which candidates (n,), and how many of them."""


def exchange(
    rows: Sequence[int],
    *,
    fixed: Sequence[bool],
    groups: Sequence[Group],
    eligible: Mask,
) -> Exchange | None:
    """What to exchange among the picks `rows` for the batch to keep all bounds; None: nothing.

    `fixed` picks stay. Picks are given up from the end of `rows`. Where the bounds contradict each
    other, or the candidates are too few, what is left violated is as little as possible.
    """
    cells = _cells(groups, len(eligible))
    names, inverse = np.unique(cells, return_inverse=True)
    picked, stays = np.array(rows, dtype=np.int64), np.array(fixed, dtype=np.bool_)
    present = np.bincount(inverse[picked], minlength=len(names))
    least = np.bincount(inverse[picked[stays]], minlength=len(names))
    may = eligible.copy()
    may[picked] = True
    available = np.bincount(inverse[may], minlength=len(names))
    sample = np.zeros(len(names), dtype=np.int64)
    sample[inverse] = np.arange(len(inverse))
    inside = np.array([group.codes[sample] == group.code for group in groups], dtype=np.float64)
    target = _solved(present, least, available, inside, groups)
    change = target - present
    if not change.any():
        return None
    drop: list[int] = []
    surplus = np.maximum(-change, 0)
    for place in range(len(rows) - 1, -1, -1):
        cell = inverse[rows[place]]
        if surplus[cell] and not stays[place]:
            surplus[cell] -= 1
            drop.append(place)
    wanted = [(inverse == cell, int(change[cell])) for cell in np.flatnonzero(change > 0)]
    return Exchange(drop=drop, take=wanted)


def _cells(groups: Sequence[Group], n: int) -> NDArray[np.int64]:
    """(n,) one number for each combination of groups that a record is in."""
    columns = {id(group.codes): group.codes for group in groups}
    cells = np.zeros(n, dtype=np.int64)
    for key, codes in columns.items():
        bound = sorted({group.code for group in groups if id(group.codes) == key})
        place = np.searchsorted(bound, codes)
        place[place == len(bound)] = 0
        here = np.where(np.array(bound)[place] == codes, place + 1, 0)
        cells = np.unique(cells * (len(bound) + 1) + here, return_inverse=True)[1]
    return cells


def _solved(
    present: NDArray[np.int64],
    least: NDArray[np.int64],
    available: NDArray[np.int64],
    inside: NDArray[np.float64],
    groups: Sequence[Group],
) -> NDArray[np.int64]:
    """Records wanted of each cell (c,)."""
    c, g = len(present), len(groups)
    # Variables: records by cell, more than now, fewer than now, too few by group, too many.
    cost = np.concatenate([np.zeros(c), np.ones(2 * c), np.full(2 * g, VIOLATION)])
    one, none = sparse.identity(c), sparse.csr_matrix((c, g))
    change = sparse.hstack([one, -one, one, none, none])
    empty = sparse.csr_matrix((g, c))
    slack, no_slack = sparse.identity(g), sparse.csr_matrix((g, g))
    minima = sparse.hstack([inside, empty, empty, slack, no_slack])
    maxima = sparse.hstack([inside, empty, empty, no_slack, -slack])
    total = np.concatenate([np.ones(c), np.zeros(2 * c + 2 * g)])[None, :]
    size = float(present.sum())
    upper = np.full(2 * c + 2 * g, np.inf)
    found = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(
            np.concatenate([least, np.zeros(2 * c + 2 * g)]),
            np.concatenate([np.maximum(available, least), upper]),
        ),
        constraints=[
            LinearConstraint(change, present, present),
            LinearConstraint(minima, [group.at_least for group in groups], np.inf),
            LinearConstraint(maxima, -np.inf, [group.at_most for group in groups]),
            LinearConstraint(total, size, size),
        ],
    )
    # The present batch itself is feasible, with slack: there always is an answer.
    target: NDArray[np.int64] = np.rint(found.x[:c]).astype(np.int64)
    return target
