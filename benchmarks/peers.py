"""The solvers that are compared: one function each, from a problem and a tolerance.

Here are those of least squares; those of other losses have files of their own.
To add one, write a function under ``@register``. It imports its package itself, runs on
one thread, fits no intercept, leaves the data as they are, and returns coefficients of
shape (p, n_alphas), dense or sparse. Tolerances mean what they mean in each package: the
benchmarks choose one by the accuracy that is reached. Iteration limits are high enough
that the tolerance decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.problem import Problem
from benchmarks.record import installed_version

__all__ = [
    "OURS",
    "SOLVERS",
    "Solver",
    "adelie_path",
    "any_problem",
    "complete",
    "convex",
    "ours",
    "registrar",
    "skglm_newton_path",
    "skglm_path",
]

OURS = "sparsestat"
SOLVERS: dict[str, "Solver"] = {}


@dataclass(frozen=True)
class Solver:
    """A way to solve some path problems.

    Parameters
    ----------
    name : str
    package : str
        The distribution it comes from; "R " and a name for a package of R.
    suits : callable
        Whether it is meant for a problem.
    solve : callable
        Coefficients from a problem and a tolerance, or what another process tells of them.
    """

    name: str
    package: str
    suits: Callable[[Problem], bool]
    solve: Callable[[Problem, float], Any]

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return installed_version(self.package) is not None


def registrar(solvers: dict[str, Solver]) -> Callable:
    """Return a decorator that puts a function among `solvers`, as the tables name it."""

    def register(name: str, package: str, suits: Callable[[Problem], bool]) -> Callable:
        def add(solve: Callable) -> Callable:
            solvers[name] = Solver(name, package, suits, solve)
            return solve

        return add

    return register


register = registrar(SOLVERS)


def any_problem(problem: Problem) -> bool:
    return True


def convex(problem: Problem) -> bool:
    return problem.convex


def tall_lasso(problem: Problem) -> bool:
    n, p = problem.X.shape
    return problem.convex and n > p


@register(OURS, "sparsestat", any_problem)
def ours(problem: Problem, tol: float, **options: Any):
    from sparsestat import L1, MCP, penalized_path

    options = {
        "loss": problem.loss.name,
        "penalty": L1() if problem.convex else MCP(gamma=problem.gamma),
        "alphas": problem.alphas,
        **options,
    }
    path = penalized_path(
        problem.X,
        problem.y,
        fit_intercept=False,
        standardize=False,
        tol=tol,
        max_iter=100_000,
        **options,
    )
    return path.coefs


@register("scikit-learn", "scikit-learn", convex)
def scikit_learn(problem: Problem, tol: float, precompute: bool = False):
    from sklearn.linear_model import lasso_path

    _, coefs, _ = lasso_path(
        problem.X,
        problem.y,
        alphas=problem.alphas,
        precompute=precompute,
        copy_X=False,
        tol=tol,
        max_iter=100_000,
    )
    return coefs


@register("scikit-learn (Gram)", "scikit-learn", tall_lasso)
def scikit_learn_gram(problem: Problem, tol: float):
    return scikit_learn(problem, tol, precompute=True)


@register("skglm", "skglm", any_problem)
def skglm(problem: Problem, tol: float):
    from skglm.datafits import Quadratic
    from skglm.penalties import L1, MCPenalty
    from skglm.solvers import AndersonCD
    from skglm.utils.jit_compilation import compiled_clone

    # skglm takes its tolerance in units of the gradient.
    descent = AndersonCD(
        tol=tol * problem.null_gradient, fit_intercept=False, max_iter=200, max_epochs=100_000
    )
    alpha = problem.alphas[0]
    penalty = L1(alpha) if problem.convex else MCPenalty(alpha, problem.gamma)
    # `path` loops over a sparse X in plain Python unless the datafit is compiled before.
    datafit = compiled_clone(Quadratic())
    _, coefs, _ = descent.path(problem.X, problem.y, datafit, penalty, problem.alphas)
    return coefs


@register("celer", "celer", convex)
def celer(problem: Problem, tol: float):
    from celer import celer_path

    _, coefs, _ = celer_path(
        problem.X, problem.y, "lasso", alphas=problem.alphas, tol=tol, max_iter=100
    )
    return coefs


# --- What several losses share ----------------------------------------------------------


def skglm_path(
    problem: Problem,
    datafit: Any,
    solver: Any,
    y: np.ndarray | None = None,
    scale: float = 1.0,
):
    """Solve at one strength after another, times `scale`, with a solver of skglm."""
    from skglm.penalties import L1, MCPenalty

    y = problem.y if y is None else y
    n, p = problem.X.shape
    w, fitted = np.zeros(p), np.zeros(n)  # both are updated in place
    coefs = np.zeros((p, problem.alphas.size), order="F")
    for t, alpha in enumerate(problem.alphas):
        alpha *= scale
        penalty = L1(alpha) if problem.convex else MCPenalty(alpha, problem.gamma)
        w = solver.solve(problem.X, y, datafit, penalty, w, fitted)[0]
        coefs[:, t] = w
    return coefs


def skglm_newton_path(problem: Problem, datafit: Any, tol: float, y: np.ndarray | None = None):
    """Solve at one strength after another with skglm's prox-Newton method."""
    from skglm.solvers import ProxNewton

    # skglm takes its tolerance in units of the gradient.
    solver = ProxNewton(tol=tol * problem.null_gradient, fit_intercept=False, max_iter=200)
    return skglm_path(problem, datafit, solver, y)


def adelie_path(problem: Problem, glm: Any, tol: float, **options: Any):
    """Solve a path by adelie, with further options of its own."""
    import adelie

    X = problem.X
    if sparse.issparse(X):
        X = adelie.matrix.sparse(sparse.csc_matrix(X), method="naive")
    state = adelie.grpnet(
        X,
        glm,
        lmda_path=problem.alphas,
        intercept=False,
        tol=tol,
        irls_tol=tol,
        max_iters=10_000_000,
        early_exit=False,
        progress_bar=False,
        n_threads=1,
        **options,
    )
    return complete(state.betas.T, problem)


def complete(coefs, problem: Problem) -> sparse.csc_array:
    """Add zeros for the strengths at the end of the path that a solver has left out."""
    coefs = sparse.csc_array(coefs)
    coefs.resize(coefs.shape[0], problem.alphas.size)
    return coefs
