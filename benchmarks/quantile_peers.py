"""The solvers of quantile regression that are compared, as in `peers`."""

import numpy as np

from benchmarks import r
from benchmarks.peers import OURS, Solver, any_problem, ours, registrar, skglm_path
from benchmarks.problem import Problem

__all__ = ["SOLVERS"]

LOOSEST = 1e-3  # with larger tolerances HiGHS can take longer, not less

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)


def tall(problem: Problem) -> bool:
    n, p = problem.X.shape
    return n > p


@register(OURS, "sparsestat", any_problem)
def our_quantiles(problem: Problem, tol: float):
    from sparsestat import QuantileLoss

    return ours(problem, tol, loss=QuantileLoss(problem.loss.level))


@register("scikit-learn (HiGHS)", "scikit-learn", any_problem)
def scikit_learn(problem: Problem, tol: float):
    from sklearn.linear_model import QuantileRegressor

    tolerances = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")
    model = QuantileRegressor(
        quantile=problem.loss.level,
        fit_intercept=False,
        solver="highs",
        solver_options=dict.fromkeys(tolerances, min(max(tol, 1e-10), LOOSEST)),
    )
    fits = (model.set_params(alpha=a).fit(problem.X, problem.y) for a in problem.alphas)
    return np.column_stack([fit.coef_ for fit in fits])


@register("skglm (primal-dual)", "skglm", any_problem)
def skglm(problem: Problem, tol: float):
    from skglm.experimental.pdcd_ws import PDCD_WS
    from skglm.experimental.quantile_regression import Pinball

    # Its loss is a sum; it stops by the lengths of steps in coefficients and slopes.
    solver = PDCD_WS(tol=tol, max_iter=10_000, max_epochs=10_000)
    n = problem.y.size
    return skglm_path(problem, Pinball(problem.loss.level), solver, scale=n)


@register("skglm (smoothed)", "skglm", any_problem)
def skglm_smoothed(problem: Problem, tol: float):
    from skglm.experimental.quantile_huber import SmoothQuantileRegressor

    # One tolerance serves as the last width of the smoothing and, in units of the gradient,
    # as that of the solver.
    model = SmoothQuantileRegressor(
        quantile=problem.loss.level,
        delta_final=tol,
        tol=tol * problem.null_gradient,
        max_iter=1000,
        fit_intercept=False,
    )
    fits = (model.set_params(alpha=a).fit(problem.X, problem.y) for a in problem.alphas)
    return np.column_stack([fit.coef_ for fit in fits])


@register("asgl", "asgl", any_problem)
def asgl(problem: Problem, tol: float):
    from asgl import Regressor

    # It sets smaller coefficients to zero; the accuracy of the solver is not to be chosen.
    model = Regressor(
        model="qr",
        penalization="lasso",
        quantile=problem.loss.level,
        fit_intercept=False,
        tol=tol,
    )
    fits = (model.set_params(lambda1=a).fit(problem.X, problem.y) for a in problem.alphas)
    return np.column_stack([np.ravel(fit.coef_) for fit in fits])


# Its penalty is a sum of absolute values whose slopes are half of what they are given.
QUANTREG = """
library(quantreg);
sapply(alphas, function(alpha) rq.fit.lasso(
  X, y, tau = {level}, lambda = rep(2 * nrow(X) * alpha, ncol(X)), eps = tol
)$coefficients)
"""


@register("quantreg", "R quantreg", tall)
def quantreg(problem: Problem, tol: float):
    return r.evaluate(QUANTREG.format(level=problem.loss.level), problem, tol)
