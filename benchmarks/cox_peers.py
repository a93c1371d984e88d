"""The solvers of proportional hazards that are compared, as in `peers`."""

import numpy as np

from benchmarks import r
from benchmarks.peers import (
    OURS,
    Solver,
    adelie_path,
    any_problem,
    convex,
    ours,
    registrar,
    skglm_newton_path,
)
from benchmarks.problem import Problem
from benchmarks.survival import BRESLOW

__all__ = ["SOLVERS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)


def breslow(problem: Problem) -> bool:
    return problem.convex and problem.loss is BRESLOW


@register(OURS, "sparsestat", any_problem)
def our_cox(problem: Problem, tol: float):
    from sparsestat import CoxLoss

    return ours(problem, tol, loss=CoxLoss(problem.loss.ties))


@register("adelie", "adelie", convex)
def adelie(problem: Problem, tol: float):
    import adelie

    y = problem.y
    glm = adelie.glm.cox(
        start=np.full(y.size, -1.0),
        stop=y["time"],
        status=y["event"].astype(float),
        tie_method=problem.loss.ties,
    )
    return adelie_path(problem, glm, tol)


@register("skglm", "skglm", any_problem)
def skglm(problem: Problem, tol: float):
    from skglm.datafits import Cox

    datafit = Cox(use_efron=problem.loss.ties == "efron")
    return skglm_newton_path(problem, datafit, tol, times_and_events(problem))


@register("scikit-survival", "scikit-survival", breslow)
def scikit_survival(problem: Problem, tol: float):
    from sksurv.linear_model import CoxnetSurvivalAnalysis

    model = CoxnetSurvivalAnalysis(
        alphas=problem.alphas, l1_ratio=1.0, tol=tol, max_iter=10_000_000
    )
    return model.fit(problem.X, problem.y).coef_


GLMNET = """
library(glmnet);
glmnet.control(fdev = 0, devmax = 1);
colnames(y) <- c('time', 'status');
fit <- glmnet(X, y, family = 'cox', lambda = alphas, standardize = FALSE, thresh = tol,
              maxit = 1e9);
as.matrix(fit$beta)
"""


@register("glmnet", "R glmnet", breslow)
def glmnet(problem: Problem, tol: float):
    return r.evaluate(GLMNET, problem, tol, times_and_events(problem))


def times_and_events(problem: Problem) -> np.ndarray:
    return np.column_stack([problem.y["time"], problem.y["event"]]).astype(float, order="F")
