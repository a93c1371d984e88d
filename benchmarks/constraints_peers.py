"""The solvers that take sum-to-zero constraints, as in `peers`."""

import numpy as np

from benchmarks.peers import OURS, Solver, any_problem, ours, registrar
from benchmarks.problem import Problem

__all__ = ["SOLVERS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)


@register(OURS, "sparsestat", any_problem)
def our_contrasts(problem: Problem, tol: float):
    from scipy.optimize import LinearConstraint

    sum_to_zero = LinearConstraint(np.ones((1, problem.X.shape[1])), 0.0, 0.0)
    return ours(problem, tol, constraints=sum_to_zero)


@register("cvxpy", "cvxpy", any_problem)
def cvxpy(problem: Problem, tol: float):
    import cvxpy as cp

    n, p = problem.X.shape
    b, alpha = cp.Variable(p), cp.Parameter(nonneg=True)
    # Tolerances of interior-point methods are absolute: strengths are about 1 in these units.
    unit = float(problem.alphas[0])
    loss = cp.sum_squares(problem.y - problem.X @ b) / (2 * n * unit)
    program = cp.Problem(cp.Minimize(loss + alpha * cp.norm1(b)), [cp.sum(b) == 0])
    tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tol)
    coefs = np.zeros((p, problem.alphas.size), order="F")
    for t, strength in enumerate(problem.alphas):
        alpha.value = strength / unit
        program.solve(solver="CLARABEL", **tolerances)
        coefs[:, t] = b.value
    return coefs


@register("c-lasso", "c-lasso", any_problem)
def c_lasso(problem: Problem, tol: float):
    vars(np).setdefault("infty", np.inf)  # version 1.0.11 asks for what numpy 2 has no more
    from classo import classo_problem

    n, p = problem.X.shape
    # An algorithm that follows the solution exactly: it knows no tolerance.
    model = classo_problem(problem.X, problem.y, np.ones((1, p)))
    model.formulation.intercept = False
    model.formulation.huber = model.formulation.concomitant = False
    model.formulation.classification = False
    model.model_selection.StabSel, model.model_selection.PATH = False, True
    parameters = model.model_selection.PATHparameters
    parameters.numerical_method = "Path-Alg"
    parameters.rescaled_lam = False
    parameters.lambdas = 2 * n * problem.alphas  # of the sum of squares
    model.solve()
    return np.array(model.solution.PATH.BETAS).T
