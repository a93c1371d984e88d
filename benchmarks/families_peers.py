"""The solvers of Poisson, gamma and Huber regression that are compared, as in `peers`."""

import numpy as np

from benchmarks import r
from benchmarks.loss import GAMMA, HUBER, POISSON
from benchmarks.peers import (
    OURS,
    Solver,
    adelie_path,
    any_problem,
    ours,
    registrar,
    skglm_newton_path,
    skglm_path,
)
from benchmarks.problem import Problem

__all__ = ["SOLVERS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)

register(OURS, "sparsestat", any_problem)(ours)


def poisson(problem: Problem) -> bool:
    return problem.loss is POISSON and problem.convex


def log_linear(problem: Problem) -> bool:
    return problem.loss in (POISSON, GAMMA) and problem.convex


@register("skglm", "skglm", any_problem)
def skglm(problem: Problem, tol: float):
    from skglm.datafits import Gamma, Huber, Poisson
    from skglm.solvers import AndersonCD

    if problem.loss is HUBER:
        scaled = tol * problem.null_gradient  # it takes its tolerance in units of the gradient
        descent = AndersonCD(tol=scaled, fit_intercept=False, max_iter=200, max_epochs=100_000)
        return skglm_path(problem, Huber(HUBER.delta), descent)
    datafit = Poisson() if problem.loss is POISSON else Gamma()
    return skglm_newton_path(problem, datafit, tol)


@register("adelie", "adelie", poisson)
def adelie(problem: Problem, tol: float):
    import adelie

    return adelie_path(problem, adelie.glm.poisson(problem.y), tol)


@register("glum", "glum", log_linear)
def glum(problem: Problem, tol: float):
    from glum import GeneralizedLinearRegressor

    model = GeneralizedLinearRegressor(
        alpha=problem.alphas,
        alpha_search=True,
        l1_ratio=1.0,
        family=problem.loss.name,
        link="log",
        fit_intercept=False,
        solver="irls-cd",
        gradient_tol=tol,
        max_iter=1000,
        copy_X=False,
    )
    model.fit(problem.X, problem.y)
    return np.asarray(model.coef_path_).T


# It goes through all strengths, however little the deviance falls. Of families as objects
# the tolerance bounds what Newton steps change; their models are solved more closely, by
# the factor that its defaults have.
GLMNET = """
glmnet.control(fdev = 0, devmax = 1, epsnr = tol, mxitnr = 1000);
fit <- glmnet(X, y, family = {family}, lambda = alphas, standardize = FALSE,
              intercept = FALSE, thresh = {inner}, maxit = 1e9);
as.matrix(fit$beta)
"""
FAMILIES = {POISSON: ("'poisson'", "tol"), GAMMA: ("Gamma(link = 'log')", "1e-4 * tol")}


@register("glmnet", "R glmnet", log_linear)
def glmnet(problem: Problem, tol: float):
    family, inner = FAMILIES[problem.loss]
    code = "library(glmnet);" + GLMNET.format(family=family, inner=inner)
    return r.evaluate(code, problem, tol)
