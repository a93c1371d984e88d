"""Solvers: pure functions from a plain numeric problem to solutions."""

from sparsestat.solvers.path import SOLVERS, alpha_grid, alpha_max, approach, solve_path
from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.result import Solution, Status

__all__ = [
    "SOLVERS",
    "LeastSquaresProblem",
    "Solution",
    "Status",
    "alpha_grid",
    "alpha_max",
    "approach",
    "solve_path",
]
