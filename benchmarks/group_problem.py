"""Path problems with penalties of the norms of groups, and how good an answer is.

As in `problem`, the criteria are computed from the definitions, with no code of any solver.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from benchmarks.outputs import SeveralOutputs
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

    def head(self, n_features: int = 50, n_alphas: int = 3) -> Self:
        """Return a small problem of the same types, to compile and load code with."""
        return super().head(n_features // self.group_size * self.group_size, n_alphas)

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

    def _needed(self, gradients: np.ndarray) -> np.ndarray:
        """Return the least strength at which zero withstands each column of gradients.

        For a group it is the root in alpha of norm(soft(gradient, r alpha)) = alpha root_g.
        """
        high = self._norms(gradients) / self.root
        if self.l1_ratio == 0.0:
            return high.max(axis=0)
        low = np.zeros_like(high)
        for _ in range(60):
            middle = 0.5 * (low + high)
            thresholds = np.repeat(self.l1_ratio * middle, self.group_size, axis=0)
            beyond = self._norms(soft(gradients, thresholds)) > self.root * middle
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        return high.max(axis=0)

    def _norms(self, values: np.ndarray) -> np.ndarray:
        """Return the norms of groups of rows."""
        parts = values.reshape(-1, self.group_size, values.shape[-1])
        return np.sqrt((parts**2).sum(axis=1))


def soft(values: np.ndarray, thresholds) -> np.ndarray:
    """Move numbers towards zero by thresholds."""
    return np.sign(values) * np.maximum(np.abs(values) - thresholds, 0.0)


@dataclass(frozen=True)
class TaskProblem(SeveralOutputs, GroupProblem):
    """Several responses that share their features: a group is the coefficients of one.

    Minimise (1/2) mean_ik (Y - X B)_ik^2 + alpha sum_j norm(B_j), with B_j the coefficients
    of feature j for all responses: they lie together in `coefs`. Peers whose squares are
    summed over responses, not averaged, take `group_size` times the strengths.

    Parameters
    ----------
    y : ndarray of shape (n, group_size)
    """

    root = 1.0

    def _gradients(self, residuals: np.ndarray) -> np.ndarray:
        return super()._gradients(residuals) / self.group_size
