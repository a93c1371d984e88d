"""Paths of the group lasso and the sparse group lasso."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.group_peers import SOLVERS
from benchmarks.group_problem import GroupProblem
from benchmarks.loss import LOGISTIC, LOSSES
from benchmarks.responses import RESPONSES

__all__ = ["SHAPES", "run"]


@dataclass(frozen=True)
class GroupShape(Shape):
    """A design with columns in groups, and a response that some groups have an effect on.

    Parameters
    ----------
    n_nonzero : int
        Number of groups with an effect.
    group_size : int
        Groups are so many columns that lie together.
    l1_ratio : float
        Share of the l1 norm in the sparse group lasso.
    """

    group_size: int = 5
    l1_ratio: float = 0.0

    def smoke(self) -> "GroupShape":
        """Return a tiny version of the same kind."""
        small = super().smoke()
        groups = max(small.n_features // self.group_size, 10)
        return replace(small, n_features=groups * self.group_size)

    def problem(self) -> GroupProblem:
        """Draw the data."""
        rng = np.random.default_rng(self.seed)
        X = self.columns(rng)
        effects = rng.standard_normal(X.shape[1])
        sums = (X * effects).reshape(X.shape[0], -1, self.group_size).sum(axis=2)
        y = RESPONSES[self.loss](sums, self.n_nonzero, rng)
        nothing = np.empty(0)
        terms = {"group_size": self.group_size, "l1_ratio": self.l1_ratio}
        problem = GroupProblem(X, y, nothing, None, LOSSES[self.loss], **terms)
        return problem.along(self.n_alphas, self.smallest)


SHAPES = (
    GroupShape("group-wide", 500, 10_000, 20, "ar1", 0.5, 50, 0.05, seed=501, group_size=10),
    GroupShape("group-tall", 10_000, 500, 10, "ar1", 0.5, 50, 0.01, seed=502),
    GroupShape("group-factor", 400, 6000, 20, "factor", 0.5, 40, 0.05, seed=503, group_size=6),
    GroupShape(
        "group-logistic-wide", 500, 5000, 10, "ar1", 0.5, 30, 0.1, seed=504, loss=LOGISTIC.name
    ),
    GroupShape(
        "group-logistic-tall", 10_000, 300, 8, "block", 0.5, 20, 0.05, 505, loss=LOGISTIC.name
    ),
    GroupShape("sparse-group-wide", 500, 5000, 15, "ar1", 0.5, 30, 0.1, 506, l1_ratio=0.5),
    GroupShape("sparse-group-tall", 5000, 500, 10, "ar1", 0.5, 30, 0.05, 507, l1_ratio=0.5),
)


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "groups", SHAPES, SOLVERS)
