"""Solvers: pure functions from a plain numeric problem to solutions."""

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
from sparsestat.solvers.problem import GLMProblem, LeastSquaresProblem, Problem
from sparsestat.solvers.result import Solution, Status

__all__ = [
    "SOLVERS",
    "CoxProblem",
    "GLMProblem",
    "LeastSquaresProblem",
    "MultinomialProblem",
    "Problem",
    "Solution",
    "Status",
    "alpha_grid",
    "alpha_max",
    "approach",
    "choose_solver",
    "degrees_of_freedom",
    "solve_path",
]
