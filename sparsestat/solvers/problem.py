"""The plain numeric problem that solvers take."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sparsestat.penalties import Penalty

__all__ = ["LeastSquaresProblem"]


@dataclass(frozen=True)
class LeastSquaresProblem:
    """Penalised least squares without intercept.

    Minimise over b

        norm(y - X b)^2 / (2 n) + (l2 / 2) norm(b)^2 + sum_j p(|b_j|; alpha weights_j),

    optionally with b >= 0.

    Parameters
    ----------
    design : DenseDesign or CentredSparseDesign
        X, of shape (n, p).
    y : ndarray of shape (n,), float64
    penalty : Penalty
        p.
    weights : ndarray of shape (p,)
        0 leaves a coefficient unpenalised, infinity fixes it at zero.
    l2 : float
    positive : bool
    """

    design: Any
    y: np.ndarray
    penalty: Penalty
    weights: np.ndarray
    l2: float = 0.0
    positive: bool = False

    @property
    def n_features(self) -> int:
        """The number of coefficients."""
        return self.design.shape[1]

    @cached_property
    def gradient_at_zero(self) -> np.ndarray:
        """X'y / n: one pass over the data, needed in several places."""
        return self.design.gradient(self.y)

    def strengths(self, alpha: float, features: np.ndarray) -> np.ndarray:
        """Return alpha weights_j of some features, none of them excluded."""
        return alpha * self.weights[features]

    def limits(self, alpha: float) -> np.ndarray:
        """Return the largest gradients that zero coefficients withstand.

        Infinite or nan for excluded features, which no gradient exceeds.
        """
        with np.errstate(invalid="ignore"):  # 0 times infinity
            return (self.penalty.slope_at_zero(1.0) * alpha) * self.weights
