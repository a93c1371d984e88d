"""Matrix-free designs: products with X and its transpose are all there is."""

from typing import Any

import numpy as np
from scipy.sparse.linalg import aslinearoperator

__all__ = ["OperatorDesign"]


class OperatorDesign:
    """The matrix X = A - u m' with A known by its products only.

    For the solvers that need no columns: :func:`~sparsestat.solvers.accelerated_path`.

    Parameters
    ----------
    A : LinearOperator, array or sparse array of shape (n, p)
        Real. Its ``matvec`` and ``rmatvec`` are used.
    means : ndarray of shape (p,), optional
        Column means, for X to be A centred without being worked out; zeros by default.
    u : ndarray of shape (n,), optional
        Square roots of the weights that the rows of A were multiplied by; ones by default.
    norms : ndarray of shape (p,), optional
        norm(x_j) / sqrt(n) where that is known; nan by default. Penalties that jump
        need them.

    Attributes
    ----------
    shape : tuple of int
    norms : ndarray of shape (p,)

    Raises
    ------
    TypeError
        If A is complex.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import LinearOperator
    >>> from sparsestat.linalg import OperatorDesign
    >>> def backwards(r):
    ...     return np.cumsum(r[::-1])[::-1]
    >>> sums = LinearOperator((3, 3), matvec=np.cumsum, rmatvec=backwards)
    >>> design = OperatorDesign.centred(sums, np.full(3, 1 / 3))
    >>> design.predict(np.array([1.0, 0.0, 1.0]))
    array([-0.33333333, -0.33333333,  0.66666667])
    """

    has_columns = False

    def __init__(
        self,
        A: Any,
        means: np.ndarray | None = None,
        u: np.ndarray | None = None,
        norms: np.ndarray | None = None,
    ) -> None:
        self.operator = aslinearoperator(A)
        if np.issubdtype(self.operator.dtype, np.complexfloating):
            raise TypeError(f"X must be real. Got an operator of dtype {self.operator.dtype}.")
        self.shape = self.operator.shape
        n, p = self.shape
        self.means = np.zeros(p) if means is None else means
        self.u = np.ones(n) if u is None else u
        self.norms = np.full(p, np.nan) if norms is None else norms

    @classmethod
    def centred(cls, A: Any, share: np.ndarray) -> "OperatorDesign":
        """Return a design without its column means, weighted by shares that add up to 1."""
        return cls(A, means=np.asarray(aslinearoperator(A).rmatvec(share), dtype=np.float64))

    def predict(self, b: np.ndarray) -> np.ndarray:
        """Return X b."""
        product = np.asarray(self.operator.matvec(b), dtype=np.float64)
        return product - self.u * (self.means @ b)

    def gradient(self, r: np.ndarray) -> np.ndarray:
        """Return X'r / n."""
        product = np.asarray(self.operator.rmatvec(r), dtype=np.float64)
        return (product - self.means * (self.u @ r)) / r.size

    def mean_squares(self, weight: np.ndarray | None) -> np.ndarray:
        """Return the mean squares of the columns, nan where they are not known."""
        return self.norms**2 if weight is None else np.full(self.shape[1], np.nan)

    def ranges(self) -> np.ndarray:
        """Return the ranges of the columns, which are not known: nan."""
        return np.full(self.shape[1], np.nan)
