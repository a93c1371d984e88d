"""Lasso paths of multinomial regression: every coefficient of every class is penalised."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.loss import Softmax
from benchmarks.multinomial_peers import SOLVERS
from benchmarks.outputs import SeveralOutputs
from benchmarks.responses import classes

__all__ = ["SHAPES", "ClassProblem", "run"]


@dataclass(frozen=True)
class ClassProblem(SeveralOutputs):
    """Minimise the mean loss + alpha times the l1 norm, of a coefficient a feature and class.

    Those of a feature lie together in `coefs`.

    Parameters
    ----------
    y : ndarray of shape (n, K)
        1 where a sample is of a class, else 0.
    """

    @property
    def classes(self) -> np.ndarray:
        """The class of each sample, as a number."""
        return self.y.argmax(axis=1)


@dataclass(frozen=True)
class ClassShape(Shape):
    """A design, and classes that each have their own few features.

    Parameters
    ----------
    n_classes : int
    """

    n_classes: int = 4

    def smoke(self) -> "ClassShape":
        """Return a tiny version of the same kind."""
        return replace(super().smoke(), n_classes=3)

    def problem(self) -> ClassProblem:
        """Draw the data."""
        rng = np.random.default_rng(self.seed)
        X = self.columns(rng)
        y = classes(X, self.n_nonzero, self.n_classes, rng)
        return ClassProblem.geometric(
            X, y, self.n_alphas, self.smallest, self.gamma, Softmax(self.n_classes)
        )


SHAPES = tuple(
    replace(shape, loss=Softmax.name)
    for shape in (
        ClassShape("multinomial-wide", 500, 3000, 10, "ar1", 0.5, 25, 0.15, seed=901),
        ClassShape("multinomial-tall", 5000, 200, 10, "ar1", 0.5, 25, 0.03, seed=902),
        ClassShape("multinomial-small", 300, 30, 5, "ar1", 0.5, 30, 0.03, 904, n_classes=3),
        ClassShape("multinomial-many", 1000, 300, 8, "block", 0.5, 20, 0.1, 903, n_classes=10),
    )
)
LIMIT = 10.0


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "multinomial", SHAPES, SOLVERS, LIMIT)
