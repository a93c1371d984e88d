"""The solvers of logistic regression that are compared, as in `peers`."""

from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.peers import OURS, Solver, any_problem, convex, ours, registrar
from benchmarks.problem import Problem

__all__ = ["SOLVERS"]

SOLVERS: dict[str, Solver] = {}
register = registrar(SOLVERS)

register(OURS, "sparsestat", any_problem)(ours)


@register("adelie", "adelie", convex)
def adelie(problem: Problem, tol: float):
    import adelie

    X = problem.X
    if sparse.issparse(X):
        X = adelie.matrix.sparse(sparse.csc_matrix(X), method="naive")
    state = adelie.grpnet(
        X,
        adelie.glm.binomial(problem.y),
        lmda_path=problem.alphas,
        intercept=False,
        tol=tol,
        irls_tol=tol,
        max_iters=10_000_000,
        early_exit=False,
        progress_bar=False,
        n_threads=1,
    )
    return complete(state.betas.T, problem)


@register("skglm", "skglm", any_problem)
def skglm(problem: Problem, tol: float):
    from skglm.datafits import Logistic
    from skglm.penalties import L1, MCPenalty
    from skglm.solvers import ProxNewton

    # skglm takes its tolerance in units of the gradient.
    newton = ProxNewton(tol=tol * problem.null_gradient, fit_intercept=False, max_iter=200)
    n, p = problem.X.shape
    w, fitted = np.zeros(p), np.zeros(n)  # both are updated in place
    coefs = np.zeros((p, problem.alphas.size), order="F")
    for t, alpha in enumerate(problem.alphas):
        penalty = L1(alpha) if problem.convex else MCPenalty(alpha, problem.gamma)
        newton.solve(problem.X, signs(problem), Logistic(), penalty, w, fitted)
        coefs[:, t] = w
    return coefs


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


@register("python-glmnet", "python-glmnet", convex)
def glmnet(problem: Problem, tol: float):
    from glmnet import LogitNet

    model = LogitNet(
        lambda_path=problem.alphas,
        standardize=False,
        fit_intercept=False,
        n_splits=0,
        tol=tol,
        max_iter=1_000_000,
    )
    model.fit(problem.X, problem.y)
    return complete(model.coef_path_[0], problem)


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


def complete(coefs, problem: Problem) -> sparse.csc_array:
    """Add zeros for the strengths at the end of the path that a solver has left out."""
    coefs = sparse.csc_array(coefs)
    coefs.resize(coefs.shape[0], problem.alphas.size)
    return coefs
