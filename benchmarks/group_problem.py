"""Path problems with penalties of the norms of groups, and how good an answer is.

As in `problem`, the criteria are computed from the definitions, with no code of any solver.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from benchmarks.problem import Problem

__all__ = ["GroupProblem", "TaskProblem"]


@dataclass(frozen=True)
class GroupProblem(Problem):
    """Minimise mean loss + sum_g P(norm(b_g); (1 - r) root_g alpha) + r alpha norm_1(b).

    At each alpha; root_g is the square root of the size of group g.

    Parameters
    ----------
    group_size : int
        Groups are so many columns that lie together.
    l1_ratio : float
        The share r of the l1 norm.
    """

    group_size: int = 1
    l1_ratio: float = 0.0

    @property
    def root(self) -> float:
        """What strengths are multiplied by, for the norms."""
        return (1.0 - self.l1_ratio) * float(np.sqrt(self.group_size))

    def along(self, n_alphas: int, smallest: float) -> "GroupProblem":
        """Return the problem with strengths from the largest useful one down."""
        largest = float(self._needed(self.product()).max())
        return replace(self, alphas=largest * np.geomspace(1.0, smallest, n_alphas))

    def head(self, n_features: int = 50, n_alphas: int = 3) -> "GroupProblem":
        """Return a small problem of the same types, to compile and load code with."""
        count = n_features // self.group_size * self.group_size
        X = self.X[:, :count]
        X = X.copy() if sparse.issparse(X) else np.asfortranarray(X)
        return replace(self, X=X).along(n_alphas, 0.3)

    def objectives(self, coefs) -> np.ndarray:
        """Return the objective at each strength; `coefs` has shape (p, n_alphas)."""
        coefs, columns = self._entries(coefs)
        norms, strengths = self._norms(coefs.toarray()), self.root * self.alphas
        values = strengths * norms
        if not self.convex:
            inside = np.minimum(norms, self.gamma * strengths)
            values = strengths * inside - inside**2 / (2 * self.gamma)
        singles = np.bincount(columns, np.abs(coefs.data), minlength=self.alphas.size)
        penalties = values.sum(axis=0) + self.l1_ratio * self.alphas * singles
        return self.loss.means(self._y, self._fitted(coefs)) + penalties

    def violation(self, coefs) -> float:
        """Return the largest stationarity violation of a group, over the null gradient.

        It is the Euclidean distance of minus the gradient to the subdifferential.
        """
        coefs, _ = self._entries(coefs)
        gradients, b = self._gradients(self._residuals(coefs)), coefs.toarray()
        norms, strengths = self._norms(b), self.root * self.alphas
        slopes = np.broadcast_to(strengths, norms.shape)
        if not self.convex:
            slopes = np.maximum(strengths - norms / self.gamma, 0.0)
        pull = slopes / np.where(norms > 0.0, norms, np.inf)
        singles = self.l1_ratio * self.alphas
        rest = gradients - np.repeat(pull, self.group_size, axis=0) * b
        rest = np.where(b != 0.0, rest - singles * np.sign(b), soft(rest, singles))
        off = self._norms(rest)
        off = np.where(norms > 0.0, off, np.maximum(off - strengths, 0.0))
        return float(off.max()) / self.null_gradient

    def gaps(self, coefs) -> np.ndarray:
        """Return the duality gap at each strength, over the null objective.

        A dual point v is feasible if X'v / n is a gradient at which zero stays the best, and
        ours is a feasible multiple of the residuals.
        """
        coefs, _ = self._entries(coefs)
        residuals = self._residuals(coefs)
        needed = self._needed(self._gradients(residuals)).max(axis=0)
        limit = self.alphas / np.maximum(needed, np.finfo(float).tiny)
        duals = self.loss.duals(self._y, self._fitted(coefs), residuals, limit)
        return (self.objectives(coefs) - duals) / self.null_objective

    def _needed(self, gradients: np.ndarray) -> np.ndarray:
        """Return the least strength at which zero withstands gradients, for each group.

        It is the root in alpha of norm(soft(gradient, r alpha)) = alpha root_g.
        """
        high = self._norms(gradients) / self.root
        if self.l1_ratio == 0.0:
            return high
        low = np.zeros_like(high)
        for _ in range(60):
            middle = 0.5 * (low + high)
            thresholds = np.repeat(self.l1_ratio * middle, self.group_size, axis=0)
            beyond = self._norms(soft(gradients, thresholds)) > self.root * middle
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        return high

    def _norms(self, values: np.ndarray) -> np.ndarray:
        """Return the norms of groups of rows."""
        parts = values.reshape(-1, self.group_size, values.shape[-1])
        return np.sqrt((parts**2).sum(axis=1))


def soft(values: np.ndarray, thresholds) -> np.ndarray:
    """Move numbers towards zero by thresholds."""
    return np.sign(values) * np.maximum(np.abs(values) - thresholds, 0.0)


@dataclass(frozen=True)
class TaskProblem(GroupProblem):
    """Several responses that share their features: a group is the coefficients of one.

    Minimise (1/2) mean_ik (Y - X B)_ik^2 + alpha sum_j norm(B_j), with B_j the coefficients
    of feature j for all responses: they lie together in `coefs`. Peers whose squares are
    summed over responses, not averaged, take `group_size` times the strengths.

    Parameters
    ----------
    y : ndarray of shape (n, group_size)
    """

    root = 1.0

    @property
    def n_coefs(self) -> int:
        """How many coefficients there are."""
        return self.X.shape[1] * self.group_size

    def head(self, n_features: int = 50, n_alphas: int = 3) -> "TaskProblem":
        """Return a small problem of the same types, to compile and load code with."""
        return replace(self, X=np.asfortranarray(self.X[:, :n_features])).along(n_alphas, 0.3)

    @property
    def _y(self) -> np.ndarray:
        return self.y.reshape(-1, 1)

    def _fitted(self, coefs: sparse.csc_array) -> np.ndarray:
        B = coefs.toarray().reshape(self.X.shape[1], -1)
        return (self.X @ B).reshape(self.y.size, -1)

    def _gradients(self, residuals: np.ndarray) -> np.ndarray:
        R = residuals.reshape(self.X.shape[0], -1)
        return (self.X.T @ R).reshape(self.n_coefs, -1) / self.y.size
