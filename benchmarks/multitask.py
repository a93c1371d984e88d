"""Paths of several responses that share their features."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.group_peers import TASKS
from benchmarks.group_problem import TaskProblem
from benchmarks.responses import SNR

__all__ = ["SHAPES", "run"]


@dataclass(frozen=True)
class TaskShape(Shape):
    """A design and responses that the same few features have an effect on.

    Parameters
    ----------
    n_responses : int
    """

    n_responses: int = 5

    def problem(self) -> TaskProblem:
        """Draw the data."""
        rng = np.random.default_rng(self.seed)
        X = self.columns(rng)
        support = rng.choice(X.shape[1], self.n_nonzero, replace=False)
        signal = X[:, support] @ rng.standard_normal((self.n_nonzero, self.n_responses))
        noise = rng.standard_normal(signal.shape) * signal.std(axis=0) / np.sqrt(SNR)
        Y = signal + noise
        Y = (Y - Y.mean(axis=0)) / Y.std(axis=0)
        problem = TaskProblem(X, Y, np.empty(0), self.gamma, group_size=self.n_responses)
        return problem.along(self.n_alphas, self.smallest)


SHAPES = (
    TaskShape("tasks-wide", 500, 5000, 30, "ar1", 0.5, 30, 0.1, seed=601),
    TaskShape("tasks-tall", 10_000, 500, 20, "ar1", 0.5, 50, 0.01, seed=602),
    TaskShape("tasks-many", 300, 2000, 20, "factor", 0.5, 30, 0.1, seed=603, n_responses=30),
    TaskShape("tasks-mcp", 500, 5000, 30, "ar1", 0.5, 30, 0.15, seed=604, gamma=15.0),
)


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "multitask", SHAPES, TASKS)
