"""Sparse designs: compressed columns, centred without being filled in."""

import numpy as np
from scipy import sparse

from sparsestat._jit import kernel
from sparsestat.linalg.screening import GradientState, full_gradient, is_settled, record

__all__ = ["CentredSparseBlock", "CentredSparseDesign"]


@kernel()
def refresh_compressed(data, indices, indptr, r, norms, limits, head, state):
    """Recompute x_j'r / n for the compressed columns that might matter; return how many."""
    count = 0
    for j in range(indptr.size - 1):
        if not state.resting[j] or is_settled(state, j, norms[j], limits[j], head):
            continue
        total = 0.0
        for i in range(indptr[j], indptr[j + 1]):
            total += data[i] * r[indices[i]]
        record(state, j, total / r.size, head)
        count += 1
    return count


class CentredSparseDesign:
    """The matrix X = S - u m' with S sparse, u a vector of rows and m of column means.

    With u the square roots of normalised weights (ones if unweighted) and m the
    weighted column means, X is S centred. Residuals r of a model with intercept
    satisfy u'r = 0, so that X'r = S'r: gradients cost no more than without centring.

    Parameters
    ----------
    S : scipy.sparse.csc_array of shape (n, p)
    u : ndarray of shape (n,)
        Square roots of the weights that the rows of S were multiplied by, or ones.
    means : ndarray of shape (p,)
        The (weighted) column means; zeros where X is not to be centred.
    norms : ndarray of shape (p,), optional
        norm(x_j) / sqrt(n), for a caller who knows them better than norm(s_j)^2 / n -
        m_j^2, which cancels where the mean is large.

    Attributes
    ----------
    shape : tuple of int
    norms : ndarray of shape (p,)
        norm(x_j) / sqrt(n).
    exact_gram : bool
        False: S'S / n - mm' cancels where means are large.
    """

    has_columns = True
    exact_gram = False

    def __init__(
        self,
        S: sparse.csc_array,
        u: np.ndarray,
        means: np.ndarray,
        norms: np.ndarray | None = None,
    ) -> None:
        self.matrix = S
        self.u = u
        self.means = means
        self.shape = S.shape
        # Unsigned indices spare the kernel the test for negative ones.
        unsigned = S.indices.view(f"u{S.indices.itemsize}")
        self._parts = tuple(_read_only(part) for part in (S.data, unsigned, S.indptr))
        if norms is None:
            squares = S.power(2).sum(axis=0) / S.shape[0] - means**2
            norms = np.sqrt(np.maximum(squares, 0.0))
        self.norms = norms

    def gradient(self, r: np.ndarray) -> np.ndarray:
        """Return X'r / n, for r with u'r = 0 where X is centred; of each row of r."""
        return full_gradient(self, r)

    def mean_squares(self, weight: np.ndarray | None) -> np.ndarray:
        """Return the mean squares of the columns, weighted if need be (where u is ones)."""
        if weight is None:
            return self.norms**2
        share = weight / weight.size
        squares = self.matrix.power(2).T @ share
        return squares - self.means * (2.0 * (self.matrix.T @ share) - self.means)

    def ranges(self) -> np.ndarray:
        """Return the largest entry of each column less the least (where u is ones)."""
        high, low = (
            part.toarray().ravel() for part in (self.matrix.max(0), self.matrix.min(0))
        )
        return high.astype(np.float64) - low

    def gram(self) -> np.ndarray:
        """Return X'X / n, of shape (p, p)."""
        wide = self.matrix.astype(np.float64, copy=False)
        return (wide.T @ wide).toarray() / self.shape[0] - np.outer(self.means, self.means)

    def predict(self, b: np.ndarray) -> np.ndarray:
        """Return X b, of each row of b if there are several."""
        return (self.matrix @ b.T).T - np.multiply.outer(b @ self.means, self.u)

    def refresh(
        self, r: np.ndarray, limits: np.ndarray, head: int, state: GradientState
    ) -> int:
        """Recompute the gradients that no bound settles; return how many."""
        return refresh_compressed(*self._parts, r, self.norms, limits, head, state)

    def block(self) -> "CentredSparseBlock":
        """Return an empty working block of this design."""
        return CentredSparseBlock(self)


def _read_only(part: np.ndarray) -> np.ndarray:
    part = part.view()
    part.flags.writeable = False
    return part


class CentredSparseBlock:
    """The columns being worked on, still sparse, in double precision."""

    def __init__(self, design: CentredSparseDesign) -> None:
        self._design = design
        self._take(np.empty(0, dtype=np.intp))

    def _take(self, features: np.ndarray) -> None:
        self._features = features
        self._columns = self._design.matrix[:, features].astype(np.float64)
        self._rows = self._columns.T.tocsr()
        self._means = self._design.means[features]
        self._by_sample: sparse.csr_array | None = None  # made when first asked for
        self.size = features.size

    def append(self, features: np.ndarray) -> None:
        """Add columns."""
        self._take(np.concatenate([self._features, features]))

    def gram(self, first: int = 0) -> np.ndarray:
        """Return X_new'X_block / n, X_new the columns from position `first` on."""
        cross = (self._rows[first:] @ self._columns).toarray() / self._columns.shape[0]
        return cross - np.outer(self._means[first:], self._means)

    def weighted_gram(self, d: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Return X_new' diag(d) (X_old, X_new) / n for d >= 0.

        `new` and `old` are positions in the block. For designs where u is ones.
        """
        n, both = d.size, np.concatenate([old, new])
        scaled = self._columns[:, both]
        scaled.data *= d[scaled.indices]
        cross = (self._rows[new] @ scaled).toarray() / n
        sums, means, total = scaled.sum(axis=0) / n, self._means[both], float(d.mean())
        first = old.size
        cross -= np.outer(sums[first:], means) + np.outer(means[first:], sums)
        cross += total * np.outer(means[first:], means)
        return cross

    def weighted_sums(self, d: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return X_positions'd / n, for designs where u is ones."""
        return (self._rows @ d)[positions] / d.size - float(d.mean()) * self._means[positions]

    def dense(self, positions: np.ndarray) -> np.ndarray:
        """Return some columns, one a row."""
        return self._rows[positions].toarray() - np.outer(
            self._means[positions], self._design.u
        )

    def keep(self, positions: np.ndarray) -> None:
        """Drop all columns but those at `positions`."""
        self._take(self._features[positions])

    def predict(self, w: np.ndarray) -> np.ndarray:
        """Return X_block w, of each row of w if there are several."""
        return (self._columns @ w.T).T - np.multiply.outer(w @ self._means, self._design.u)

    def gradient(self, r: np.ndarray, first: int = 0) -> np.ndarray:
        """Return X_block' r / n, as the design does, of the columns from `first` on.

        `r` may have several rows.
        """
        return (self._rows @ r.T)[first:].T / r.shape[-1]

    def combine(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return X_block[:, positions] values; -1 stands for a column of ones."""
        w = np.zeros(self.size + 1)
        w[positions] = values
        return self.predict(w[:-1]) + w[-1]

    def samples(self, samples: np.ndarray, first: int = 0) -> np.ndarray:
        """Return the rows of X_block for some samples, of the columns from `first` on."""
        if self._by_sample is None:
            self._by_sample = self._columns.tocsr()
        rows = self._by_sample[samples].toarray()
        return (rows - np.outer(self._design.u[samples], self._means))[:, first:]
