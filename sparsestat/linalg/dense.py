"""Dense designs: columns of a matrix in memory, and the part of them being worked on."""

from functools import cached_property

import numpy as np

from sparsestat._jit import REASSOCIATE, kernel
from sparsestat.linalg.screening import GradientState, full_gradient, is_settled, record

__all__ = ["DenseBlock", "DenseDesign"]


@kernel(fastmath=REASSOCIATE)
def refresh_columns(columns, r, norms, limits, head, state):
    """Recompute x_j'r / n for the columns that might matter; return how many."""
    p, n = columns.shape
    count = 0
    for j in range(p):
        if not state.resting[j] or is_settled(state, j, norms[j], limits[j], head):
            continue
        total = 0.0
        for i in range(n):
            total += columns[j, i] * r[i]
        record(state, j, total / n, head)
        count += 1
    return count


@kernel(fastmath=REASSOCIATE)
def combine_columns(columns, positions, values, total):
    """Add up multiples of a few columns, two at a time; -1 stands for a column of ones."""
    m = positions.size
    for a in range(0, m, 2):
        b = min(a + 1, m - 1)
        value, other = values[a], values[b] if b > a else 0.0
        j, k = positions[a], positions[b]
        constant = 0.0
        if j < 0:
            constant, value, j = constant + value, 0.0, k
        if k < 0:
            constant, other, k = constant + other, 0.0, j
        if j < 0:  # nothing but ones
            for i in range(total.size):
                total[i] += constant
            continue
        for i in range(total.size):
            total[i] += constant + value * columns[j, i] + other * columns[k, i]


class DenseDesign:
    """An n x p matrix X whose columns are contiguous in memory.

    Parameters
    ----------
    X : ndarray of shape (n, p), Fortran order, float32 or float64
        Used in place, never written to.

    Attributes
    ----------
    shape : tuple of int
    exact_gram : bool
        Whether `gram` is exact up to rounding of its own size.
    """

    has_columns = True
    exact_gram = True

    def __init__(self, X: np.ndarray) -> None:
        columns = X.T.view()
        columns.flags.writeable = False  # one numba type for all X, memory-mapped or not
        self.columns = columns
        self.shape = X.shape

    @cached_property
    def norms(self) -> np.ndarray:
        """The norms of the columns over sqrt(n), worked out when first asked for."""
        squares = np.einsum("ji,ji->j", self.columns, self.columns, dtype=np.float64)
        return np.sqrt(squares / self.shape[0])

    def gradient(self, r: np.ndarray) -> np.ndarray:
        """Return X'r / n, of each row of r if there are several."""
        if self.columns.dtype == np.float64:
            return (self.columns @ r.T).T / r.shape[-1]
        return full_gradient(self, r)  # sums in double precision

    def mean_squares(self, weight: np.ndarray | None) -> np.ndarray:
        """Return the mean squares of the columns, weighted if need be."""
        if weight is None:
            return self.norms**2
        squares = np.einsum("ji,ji,i->j", self.columns, self.columns, weight, dtype=np.float64)
        return squares / self.shape[0]

    def ranges(self) -> np.ndarray:
        """Return the largest entry of each column less the least."""
        high, low = self.columns.max(axis=1), self.columns.min(axis=1)
        return high.astype(np.float64) - low

    def gram(self) -> np.ndarray:
        """Return X'X / n, of shape (p, p)."""
        wide = self.columns.astype(np.float64, copy=False)
        return (wide @ wide.T) / self.shape[0]

    def predict(self, b: np.ndarray) -> np.ndarray:
        """Return X b, of each row of b if there are several, reading only what matters."""
        support = np.flatnonzero(b if b.ndim == 1 else b.any(axis=0))
        return b[..., support] @ self.columns[support].astype(np.float64, copy=False)

    def refresh(
        self, r: np.ndarray, limits: np.ndarray, head: int, state: GradientState
    ) -> int:
        """Recompute the gradients that no bound settles; return how many."""
        return refresh_columns(self.columns, r, self.norms, limits, head, state)

    def block(self) -> "DenseBlock":
        """Return an empty working block of this design."""
        return DenseBlock(self)


class DenseBlock:
    """Copies of the columns being worked on, in double precision, one a row."""

    def __init__(self, design: DenseDesign) -> None:
        self._design = design
        self._rows = np.empty((0, design.shape[0]))
        self.size = 0

    @property
    def rows(self) -> np.ndarray:
        """The columns, one a row: a view."""
        return self._rows[: self.size]

    def append(self, features: np.ndarray) -> None:
        """Add columns."""
        size = self.size + features.size
        if size > self._rows.shape[0]:
            rows = np.empty((max(2 * self.size, size, 32), self._rows.shape[1]))
            rows[: self.size] = self._rows[: self.size]
            self._rows = rows
        self._rows[self.size : size] = self._design.columns[features]
        self.size = size

    def gram(self, first: int = 0) -> np.ndarray:
        """Return X_new'X_block / n, X_new the columns from position `first` on."""
        cross = self._rows[first : self.size] @ self._rows[: self.size].T
        return cross / self._rows.shape[1]

    def weighted_gram(self, d: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Return X_new' diag(d) (X_old, X_new) / n for d >= 0.

        `new` and `old` are positions in the block.
        """
        share, part = d / d.size, self._rows[new]
        if old.size:
            part *= share
            cross = part @ self._rows[: self.size].T  # to copy columns would cost as much
            return cross.take(np.concatenate([old, new]), axis=1)
        part *= np.sqrt(share)  # one factor, so that BLAS works out half of the product
        return part @ part.T

    def weighted_sums(self, d: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return X_positions'd / n."""
        return (self._rows[: self.size] @ d)[positions] / d.size

    def dense(self, positions: np.ndarray) -> np.ndarray:
        """Return some columns, one a row."""
        return self._rows[positions]

    def keep(self, positions: np.ndarray) -> None:
        """Drop all columns but those at `positions`."""
        self._rows[: positions.size] = self._rows[positions]
        self.size = positions.size

    def predict(self, w: np.ndarray) -> np.ndarray:
        """Return X_block w, of each row of w if there are several."""
        return w @ self._rows[: self.size]

    def gradient(self, r: np.ndarray, first: int = 0) -> np.ndarray:
        """Return X_block' r / n, of the columns from position `first` on.

        `r` may have several rows.
        """
        return (self._rows[first : self.size] @ r.T).T / r.shape[-1]

    def combine(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return X_block[:, positions] values; -1 stands for a column of ones."""
        total = np.zeros(self._rows.shape[1])
        combine_columns(self._rows, positions, values, total)
        return total

    def samples(self, samples: np.ndarray, first: int = 0) -> np.ndarray:
        """Return the rows of X_block for some samples, of the columns from `first` on."""
        return self._rows[first : self.size, samples].T
