"""Problems with a coefficient for every feature and output, of classes or responses."""

import numpy as np
from scipy import sparse

from benchmarks.problem import Problem

__all__ = ["SeveralOutputs"]


class SeveralOutputs(Problem):
    """A problem whose y has shape (n, K): the coefficients of a feature lie together."""

    @property
    def n_coefs(self) -> int:
        """How many coefficients there are."""
        return self.X.shape[1] * self.y.shape[1]

    @property
    def _y(self) -> np.ndarray:
        return self.y.reshape(-1, 1)

    def _fitted(self, coefs: sparse.csc_array) -> np.ndarray:
        B = coefs.toarray().reshape(self.X.shape[1], -1)
        return (self.X @ B).reshape(self.y.size, -1)

    def _gradients(self, residuals: np.ndarray) -> np.ndarray:
        R = residuals.reshape(self.X.shape[0], -1)
        return (self.X.T @ R).reshape(self.n_coefs, -1) / self.X.shape[0]
