"""Lasso paths whose coefficients sum to zero, as those of log-contrasts do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import comparison
from benchmarks.constraints_peers import SOLVERS
from benchmarks.designs import Shape
from benchmarks.problem import Problem
from benchmarks.responses import respond

__all__ = ["SHAPES", "ContrastProblem", "run"]


@dataclass(frozen=True)
class ContrastProblem(Problem):
    """Minimise the mean loss + alpha norm_1(b) over b with sum zero.

    An answer whose sum is not zero is taken for the one with the sum shared out among its
    nonzero coefficients.
    """

    suboptimality = 1e-4  # c-lasso comes no nearer than about 3e-5

    def violation(self, coefs) -> float:
        """Return the largest stationarity violation on the path, over the null gradient.

        The multiplier of a strength is the mean of those that its coefficients suggest.
        """
        coefs, columns = self._entries(coefs)
        gradients = self._gradients(self._residuals(coefs))
        support = coefs.indices, columns
        pull = gradients[support] - self.alphas[columns] * np.sign(coefs.data)
        count = np.bincount(columns, minlength=self.alphas.size)
        total = np.bincount(columns, pull, minlength=self.alphas.size)
        middle = 0.5 * (gradients.max(axis=0) + gradients.min(axis=0))
        gradients -= np.where(count > 0, total / np.maximum(count, 1), middle)
        distances = np.maximum(np.abs(gradients) - self.alphas, 0.0)
        distances[support] = np.abs(
            gradients[support] - np.sign(coefs.data) * self.alphas[columns]
        )
        return float(distances.max()) / self.null_gradient

    def _needed(self, gradients: np.ndarray) -> np.ndarray:
        # For some multiplier nu no abs(gradient - nu) is larger.
        return 0.5 * (gradients.max(axis=0) - gradients.min(axis=0))

    def _entries(self, coefs) -> tuple[sparse.csc_array, np.ndarray]:
        coefs, columns = super()._entries(coefs)
        count = np.bincount(columns, minlength=self.alphas.size)
        total = np.bincount(columns, coefs.data, minlength=self.alphas.size)
        coefs.data = coefs.data - (total / np.maximum(count, 1))[columns]
        return coefs, columns


@dataclass(frozen=True)
class ContrastShape(Shape):
    """Centred logarithms of compositions, and a response from contrasts of a few."""

    def problem(self) -> ContrastProblem:
        """Draw the data."""
        rng = np.random.default_rng(self.seed)
        Z = self.columns(rng)
        X = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
        X = np.asfortranarray(X - X.mean(axis=0))
        y = respond(Z[:, 1:] - Z[:, :-1], self.n_nonzero, rng)
        return ContrastProblem.geometric(X, y, self.n_alphas, self.smallest)


SHAPES = (
    ContrastShape("contrasts-small", 100, 200, 6, "ar1", 0.5, 40, 0.05, seed=701),
    ContrastShape("contrasts-wide", 200, 1000, 10, "ar1", 0.5, 40, 0.05, seed=702),
    ContrastShape("contrasts-tall", 2000, 200, 10, "ar1", 0.5, 40, 0.01, seed=703),
)
LIMIT = 30.0


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "constraints", SHAPES, SOLVERS, LIMIT)
