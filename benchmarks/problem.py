"""One path problem, and how good an answer to it is.

The criteria are computed here from the definitions, with no code of any solver.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """Minimise norm(y - X b)^2 / (2 n) + sum_j p(abs(b_j); alpha) at each alpha.

    Parameters
    ----------
    X : ndarray of shape (n, p), Fortran order, or scipy.sparse.csc_array
    y : ndarray of shape (n,)
    alphas : ndarray of shape (n_alphas,)
        Decreasing.
    gamma : float or None
        None: p is the l1 penalty. A number: the MCP with this gamma.
    """

    X: np.ndarray | sparse.csc_array
    y: np.ndarray
    alphas: np.ndarray
    gamma: float | None = None

    @classmethod
    def geometric(cls, X, y, n_alphas: int, smallest: float, gamma=None) -> "Problem":
        """Take `n_alphas` strengths from the largest useful one to `smallest` times it."""
        alpha_max = float(np.abs(X.T @ y).max()) / y.size
        return cls(X, y, alpha_max * np.geomspace(1.0, smallest, n_alphas), gamma)

    @property
    def convex(self) -> bool:
        """Whether the penalty is the l1 norm."""
        return self.gamma is None

    @cached_property
    def null_objective(self) -> float:
        """The objective at b = 0."""
        return float(self.y @ self.y) / (2 * self.y.size)

    @cached_property
    def null_gradient(self) -> float:
        """The largest absolute gradient at b = 0."""
        return float(np.abs(self.X.T @ self.y).max()) / self.y.size

    def head(self, n_features: int = 50, n_alphas: int = 3) -> "Problem":
        """Return a small problem of the same types, to compile and load code with."""
        X = self.X[:, :n_features]
        X = X.copy() if sparse.issparse(X) else np.asfortranarray(X)
        small = Problem.geometric(X, self.y, n_alphas, 0.3)
        return replace(small, gamma=self.gamma)

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
        residuals = self._residuals(coefs)
        return (residuals**2).sum(axis=0) / (2 * self.y.size) + penalties

    def violation(self, coefs) -> float:
        """Return the largest stationarity violation on the path, over the null gradient.

        At one strength it is the largest distance of minus the loss gradient to the
        subdifferential of the penalty.
        """
        coefs, columns = self._entries(coefs)
        gradients = self.X.T @ self._residuals(coefs) / self.y.size
        distances = np.maximum(np.abs(gradients) - self.alphas, 0.0)
        slopes = self.alphas[columns]
        if not self.convex:
            slopes = np.maximum(slopes - np.abs(coefs.data) / self.gamma, 0.0)
        support = coefs.indices, columns
        distances[support] = np.abs(gradients[support] - np.sign(coefs.data) * slopes)
        return float(distances.max()) / self.null_gradient

    def gaps(self, coefs) -> np.ndarray:
        """Return the lasso's duality gap at each strength, over the null objective.

        The dual point is the residual, scaled to the best feasible multiple of it.
        """
        coefs, _ = self._entries(coefs)
        residuals = self._residuals(coefs)
        steepest = np.abs(self.X.T @ residuals).max(axis=0) / self.y.size
        limit = self.alphas / np.maximum(steepest, np.finfo(float).tiny)
        along = self.y @ residuals
        squares = (residuals**2).sum(axis=0)
        scale = np.clip(along / np.maximum(squares, np.finfo(float).tiny), -limit, limit)
        dual = (scale * along - scale**2 * squares / 2) / self.y.size
        return (self.objectives(coefs) - dual) / self.null_objective

    def _entries(self, coefs) -> tuple[sparse.csc_array, np.ndarray]:
        """Return the nonzero coefficients and, for each, its position on the path."""
        coefs = sparse.csc_array(coefs)
        if coefs.shape != (self.X.shape[1], self.alphas.size):
            raise ValueError(f"coefs has shape {coefs.shape}")
        coefs.eliminate_zeros()
        return coefs, np.repeat(np.arange(self.alphas.size), np.diff(coefs.indptr))

    def _residuals(self, coefs: sparse.csc_array) -> np.ndarray:
        fitted = self.X @ coefs
        return self.y[:, None] - (fitted.toarray() if sparse.issparse(fitted) else fitted)
