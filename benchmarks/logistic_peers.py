"""The solvers of logistic regression that are compared, as in `peers`."""

from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.peers import (
    OURS,
    Solver,
    adelie_path,
    any_problem,
    complete,
    convex,
    ours,
    registrar,
    skglm_newton_path,
)
from benchmarks.problem import Problem

__all__ = ["SOLVERS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)

register(OURS, "sparsestat", any_problem)(ours)


@register("adelie", "adelie", convex)
def adelie(problem: Problem, tol: float):
    import adelie

    return adelie_path(problem, adelie.glm.binomial(problem.y), tol)


@register("skglm", "skglm", any_problem)
def skglm(problem: Problem, tol: float):
    from skglm.datafits import Logistic

    return skglm_newton_path(problem, Logistic(), tol, signs(problem))


@register("celer", "celer", convex)
def celer(problem: Problem, tol: float):
    from celer import celer_path

    _, coefs, _ = celer_path(
        problem.X,
        signs(problem),
        "logreg",
        alphas=problem.alphas * problem.y.size,
        tol=tol,
        max_iter=100,
        use_PN=True,
    )
    return coefs


def logit_net(problem: Problem, y: np.ndarray, tol: float) -> Any:
    """Fit a path to labels, of two classes or more, by python-glmnet."""
    from glmnet import LogitNet

    model = LogitNet(
        lambda_path=problem.alphas,
        standardize=False,
        fit_intercept=False,
        n_splits=0,
        tol=tol,
        max_iter=1_000_000,
    )
    return model.fit(problem.X, y)


@register("python-glmnet", "python-glmnet", convex)
def glmnet(problem: Problem, tol: float):
    return complete(logit_net(problem, problem.y, tol).coef_path_[0], problem)


@register("scikit-learn (liblinear)", "scikit-learn", convex)
def liblinear(problem: Problem, tol: float):
    return one_by_one(problem, solver="liblinear", tol=tol, max_iter=10_000)


@register("scikit-learn (saga)", "scikit-learn", convex)
def saga(problem: Problem, tol: float):
    return one_by_one(problem, solver="saga", tol=tol, max_iter=100_000, warm_start=True)


def one_by_one(problem: Problem, **options: Any) -> np.ndarray:
    """Fit scikit-learn's LogisticRegression at each strength."""
    from sklearn.linear_model import LogisticRegression

    # It would copy X into this order at each strength.
    X = problem.X.tocsr() if sparse.issparse(problem.X) else np.ascontiguousarray(problem.X)
    model = LogisticRegression(l1_ratio=1.0, fit_intercept=False, random_state=0, **options)
    coefs = np.zeros((X.shape[1], problem.alphas.size), order="F")
    for t, alpha in enumerate(problem.alphas):
        model.set_params(C=1.0 / (alpha * problem.y.size)).fit(X, problem.y)
        coefs[:, t] = model.coef_[0]
    return coefs


def signs(problem: Problem) -> np.ndarray:
    """Return the labels as -1 and 1."""
    return 2.0 * problem.y - 1.0
