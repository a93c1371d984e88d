"""Symmetric matrices over a set that grows and shrinks."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sparsestat._jit import kernel

__all__ = ["GrowingMatrix", "submatrix", "whole_rows"]


@kernel()
def gather(entries, stride, rows):
    """Return the submatrix of some rows, and the same columns, of a matrix in memory."""
    part = np.empty((rows.size, rows.size))
    for a in range(rows.size):
        start = rows[a] * stride
        for b in range(rows.size):
            part[a, b] = entries[start + rows[b]]
    return part


def submatrix(H: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return H[rows][:, rows] for a matrix with contiguous rows, in one pass."""
    stride = H.strides[0] // H.itemsize
    length = (H.shape[0] - 1) * stride + H.shape[1] if H.size else 0
    return gather(as_strided(H, (length,), (H.itemsize,)), stride, rows)


def whole_rows(H: np.ndarray) -> np.ndarray:
    """Return a matrix with contiguous rows as one that is contiguous, for kernels.

    Columns beyond those of H do not belong to it: they are what lies between its rows.
    """
    stride = max(H.strides[0] // H.itemsize, H.shape[1])
    return as_strided(H, (H.shape[0], stride), (stride * H.itemsize, H.itemsize))


class GrowingMatrix:
    """A symmetric matrix with room to grow.

    Attributes
    ----------
    size : int
    values : ndarray of shape (size, size)
        A view.
    """

    def __init__(self) -> None:
        self._store = np.empty((0, 0))
        self.size = 0

    @property
    def values(self) -> np.ndarray:
        """The matrix."""
        return self._store[: self.size, : self.size]

    def extend(self, rows: np.ndarray, ridge: float) -> None:
        """Add rows, complete with their columns; add `ridge` to their diagonal."""
        first, size = self.size, rows.shape[1]
        if size > self._store.shape[0]:
            store = np.empty((max(2 * first, size),) * 2)
            store[:first, :first] = self.values
            self._store = store
        self.size = size
        self.values[first:] = rows
        self.values[:first, first:] = rows[:, :first].T
        diagonal = np.arange(first, size)
        self.values[diagonal, diagonal] += ridge

    def keep(self, positions: np.ndarray) -> None:
        """Drop all rows and columns but those at `positions`."""
        kept = submatrix(self.values, positions)
        self.size = positions.size
        self.values[:] = kept
