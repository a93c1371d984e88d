"""One path problem, and how good an answer to it is.

The criteria are computed here from the definitions, with no code of any solver.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from benchmarks.loss import SQUARED, Loss

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """Minimise mean_i loss(y_i, x_i'b) + sum_j p(abs(b_j); alpha) at each alpha.

    Parameters
    ----------
    X : ndarray of shape (n, p), Fortran order, or scipy.sparse.csc_array
    y : ndarray of shape (n,)
        Numbers, or for survival times records.
    alphas : ndarray of shape (n_alphas,)
        Decreasing.
    gamma : float or None
        None: p is the l1 penalty. A number: the MCP with this gamma.
    loss : Loss
    """

    X: np.ndarray | sparse.csc_array
    y: np.ndarray
    alphas: np.ndarray
    gamma: float | None = None
    loss: Loss = SQUARED

    # What solvers must reach if the problem is convex, over the null objective.
    suboptimality: ClassVar[float] = 1e-6

    @classmethod
    def geometric(
        cls, X, y, n_alphas: int, smallest: float, gamma=None, loss: Loss = SQUARED
    ) -> "Problem":
        """Take `n_alphas` strengths from the largest useful one to `smallest` times it."""
        return cls(X, y, np.empty(0), gamma, loss).along(n_alphas, smallest)

    def along(self, n_alphas: int, smallest: float) -> Self:
        """Return the problem with strengths from the largest useful one down."""
        largest = float(self._needed(self.product())[0])
        return replace(self, alphas=largest * np.geomspace(1.0, smallest, n_alphas))

    @property
    def convex(self) -> bool:
        """Whether the penalty is the l1 norm."""
        return self.gamma is None

    @property
    def n_coefs(self) -> int:
        """How many coefficients there are."""
        return self.X.shape[1]

    @cached_property
    def null_objective(self) -> float:
        """The objective at b = 0."""
        return float(self.loss.means(self._y, np.zeros(self._y.shape))[0])

    @cached_property
    def null_gradient(self) -> float:
        """The largest absolute gradient at b = 0."""
        return float(np.abs(self.product()).max())

    def product(self) -> np.ndarray:
        """Return minus the gradient at b = 0, one product with X', the yardstick of costs."""
        return self._gradients(self._null_residuals)

    def head(self, n_features: int = 50, n_alphas: int = 3) -> Self:
        """Return a small problem of the same types, to compile and load code with."""
        X = self.X[:, :n_features]
        X = X.copy() if sparse.issparse(X) else np.asfortranarray(X)
        return replace(self, X=X).along(n_alphas, 0.3)

    def objectives(self, coefs) -> np.ndarray:
        """Return the objective at each strength; `coefs` has shape (p, n_alphas)."""
        coefs, columns = self._entries(coefs)
        size, strength = np.abs(coefs.data), self.alphas[columns]
        if self.convex:
            values = strength * size
        else:
            inside = np.minimum(size, self.gamma * strength)
            values = strength * inside - inside**2 / (2 * self.gamma)
        penalties = np.bincount(columns, values, minlength=self.alphas.size)
        return self.loss.means(self._y, self._fitted(coefs)) + penalties

    def violation(self, coefs) -> float:
        """Return the largest stationarity violation on the path, over the null gradient.

        At one strength it is the largest distance of minus the loss gradient to the
        subdifferential of the penalty.
        """
        coefs, columns = self._entries(coefs)
        gradients = self._gradients(self._residuals(coefs))
        distances = np.maximum(np.abs(gradients) - self.alphas, 0.0)
        slopes = self.alphas[columns]
        if not self.convex:
            slopes = np.maximum(slopes - np.abs(coefs.data) / self.gamma, 0.0)
        support = coefs.indices, columns
        distances[support] = np.abs(gradients[support] - np.sign(coefs.data) * slopes)
        return float(distances.max()) / self.null_gradient

    def gaps(self, coefs) -> np.ndarray:
        """Return the duality gap at each strength if convex, over the null objective.

        A dual point v is feasible if zero withstands the gradient X'v / n at alpha: under l1,
        if no entry is larger. Ours is a feasible multiple of the residuals.
        """
        coefs, _ = self._entries(coefs)
        residuals = self._residuals(coefs)
        needed = self._needed(self._gradients(residuals))
        limit = self.alphas / np.maximum(needed, np.finfo(float).tiny)
        duals = self.loss.duals(self._y, self._fitted(coefs), residuals, limit)
        return (self.objectives(coefs) - duals) / self.null_objective

    @property
    def _y(self) -> np.ndarray:
        return self.y[:, None]

    @cached_property
    def _null_residuals(self) -> np.ndarray:
        return self.loss.residuals(self._y, np.zeros(self._y.shape))

    def _entries(self, coefs) -> tuple[sparse.csc_array, np.ndarray]:
        """Return the nonzero coefficients and, for each, its position on the path."""
        coefs = sparse.csc_array(coefs)
        if coefs.shape != (self.n_coefs, self.alphas.size):
            raise ValueError(f"coefs has shape {coefs.shape}")
        coefs.eliminate_zeros()
        return coefs, np.repeat(np.arange(self.alphas.size), np.diff(coefs.indptr))

    def _fitted(self, coefs: sparse.csc_array) -> np.ndarray:
        fitted = self.X @ coefs
        return fitted.toarray() if sparse.issparse(fitted) else fitted

    def _gradients(self, residuals: np.ndarray) -> np.ndarray:
        return self.X.T @ residuals / self.X.shape[0]

    def _needed(self, gradients: np.ndarray) -> np.ndarray:
        """Return the least strength at which zero withstands each column of gradients."""
        return np.abs(gradients).max(axis=0)

    def _residuals(self, coefs: sparse.csc_array) -> np.ndarray:
        return self.loss.residuals(self._y, self._fitted(coefs))
