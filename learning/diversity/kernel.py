"""Similarity of rows, the same to the last bit on any number of threads.

Rows are of unit length or zero. They are rounded to a grid so coarse that products of float32 rows
are whole numbers below 2²⁴, exact in whatever order a BLAS adds them up. From there on there are
only operations that IEEE 754 rounds correctly: libraries disagree about the last bit of an
exponential. Rounding moves a cosine by about 10⁻⁴, which no kernel of a sensible width notices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

GRID = np.float32(3_900)
"""Steps in a unit: squared lengths stay below 2²⁴ although rounding makes rows a little longer."""
BITS = 15
"""Of a kernel value: whole numbers from 0 to 2¹⁵."""


def on_grid(rows: Float32) -> Float32:
    """Whole multiples of the grid's step."""
    grid: Float32 = rows * GRID
    return np.rint(grid, out=grid)


def square_lengths(grid: Float32) -> Float32:
    """(n,) in grid units."""
    squares: Float32 = np.einsum("ij,ij->i", grid, grid)
    return squares


def squared_distances(
    grid: Float32, squares: Float32, others: Float32, other_squares: Float32
) -> Float32:
    """(n, m) between rows on the grid, in grid units; `squares` are their lengths."""
    distances: Float32 = grid @ others.T
    distances *= np.float32(-2.0)
    distances += squares[:, None]
    distances += other_squares
    return np.maximum(distances, np.float32(0.0), out=distances)


def kernel(distances: Float32, square_width: np.float32) -> Float32:
    """2¹⁵ · (1 + d²/16σ²)⁻¹⁶, close to exp(-d²/σ²), in whole numbers; overwrites its input.

    A rational quadratic kernel (C. Rasmussen, C. Williams (2006), "Gaussian Processes for Machine
    Learning", 4.2.1). `square_width` is σ² in the unit of the squared `distances`.
    """
    values = distances
    values *= np.float32(1.0) / (np.float32(16.0) * square_width)
    values += np.float32(1.0)
    np.divide(np.float32(1.0), values, out=values)
    for _ in range(4):
        values *= values
    values *= np.float32(2.0**BITS)
    return np.rint(values, out=values)
