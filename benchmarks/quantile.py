"""Lasso paths of quantile regression."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.loss import MEDIAN, UPPER_QUANTILE
from benchmarks.problem import Problem
from benchmarks.quantile_peers import SOLVERS

__all__ = ["SHAPES", "QuantileProblem", "run"]

FITTED = 1e-9  # residuals below this share of the mean of abs(y) are zero


@dataclass(frozen=True)
class QuantileProblem(Problem):
    """A path of quantile regression, with dual points for samples that are fitted exactly."""

    def _residuals(self, coefs: sparse.csc_array) -> np.ndarray:
        """Return slopes of the losses; of many, those that make coefficients stationary.

        For samples with residual zero, of which an optimum has as many as coefficients, they
        are the solution of the equations that the gradient meets at nonzero coefficients.
        """
        fitted = self._fitted(coefs)
        slopes = self.loss.residuals(self._y, fitted)
        tied = np.abs(self._y - fitted) <= FITTED * np.abs(self.y).mean()
        for t in np.flatnonzero(tied.any(axis=0)):
            b, rows = coefs[:, [t]], tied[:, t]
            columns = self.X[:, b.indices]
            needed = self.y.size * self.alphas[t] * np.sign(b.data)
            rest = needed - columns[~rows].T @ slopes[~rows, t]
            solution = np.linalg.lstsq(columns[rows].T, rest)[0]
            slopes[rows, t] = np.clip(solution, self.loss.level - 1.0, self.loss.level)
        return slopes


@dataclass(frozen=True)
class QuantileShape(Shape):
    """A design, and a response with outliers."""

    pose: ClassVar[type[Problem]] = QuantileProblem


def shapes() -> Iterable[Shape]:
    """Yield designs of three sizes for each of two quantiles."""
    for loss, seed in ((MEDIAN, 1001), (UPPER_QUANTILE, 1011)):
        suffix = f"{loss.level:g}"
        sizes = (
            QuantileShape(f"quantile-wide-{suffix}", 200, 1000, 8, "ar1", 0.5, 10, 0.2, seed),
            QuantileShape(
                f"quantile-tall-{suffix}", 1500, 100, 20, "ar1", 0.5, 10, 0.02, seed + 1
            ),
            QuantileShape(
                f"quantile-small-{suffix}", 200, 20, 5, "ar1", 0.5, 20, 0.02, seed + 2
            ),
        )
        yield from (replace(shape, loss=loss.name) for shape in sizes)


SHAPES = tuple(shapes())
LIMIT = 10.0


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "quantile", SHAPES, SOLVERS, LIMIT)
