"""Solvers: pure functions from a plain numeric problem to solutions."""

from sparsestat.solvers.accelerated import ACCELERATED
from sparsestat.solvers.cox_problem import CoxProblem
from sparsestat.solvers.freedom import degrees_of_freedom
from sparsestat.solvers.multinomial import MultinomialProblem
from sparsestat.solvers.path import (
    SOLVERS,
    alpha_grid,
    alpha_max,
    approach,
    choose_solver,
    solve_path,
)
from sparsestat.solvers.problem import (
    GLMProblem,
    LeastSquaresProblem,
    MultiTaskProblem,
    Problem,
)
from sparsestat.solvers.quantile import QuantileProblem
from sparsestat.solvers.result import Solution, Status
from sparsestat.solvers.subset import SUBSET, best_subsets

__all__ = [
    "ACCELERATED",
    "SOLVERS",
    "SUBSET",
    "CoxProblem",
    "GLMProblem",
    "LeastSquaresProblem",
    "MultiTaskProblem",
    "MultinomialProblem",
    "Problem",
    "QuantileProblem",
    "Solution",
    "Status",
    "alpha_grid",
    "alpha_max",
    "approach",
    "best_subsets",
    "choose_solver",
    "degrees_of_freedom",
    "solve_path",
]
