"""Paths for tall problems: the whole Gram matrix once, then no pass over the data."""

from collections.abc import Iterable, Iterator

import numpy as np

from sparsestat.solvers.certificate import certify
from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.quadratic import solve_quadratic
from sparsestat.solvers.result import Smooth, Solution
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.working_set import refuses_all_but_squares

__all__ = ["GRAM"]


def gram_path(
    problem: LeastSquaresProblem,
    alphas: Iterable[float],
    *,
    scale: float,
    tol: float,
    max_iter: int,
    start: np.ndarray | None = None,
) -> Iterator[Solution]:
    """Solve a problem at one strength after another with a precomputed Gram matrix.

    Costs n p^2 once and O(p) for each coefficient that changes. Parameters and yields
    as :func:`~sparsestat.solvers.working_set.working_set_path`.
    """
    c = problem.gradient_at_zero
    H = problem.design.gram()
    H.flat[:: problem.n_features + 1] += problem.l2
    features = np.flatnonzero(np.isfinite(problem.weights))
    if features.size < problem.n_features:
        H = H.take(features, axis=0).take(features, axis=1)
    w = np.zeros(features.size) if start is None else start[features].astype(np.float64)
    for alpha in alphas:
        q = _negative_gradient(H, c[features], w)
        n_iter = solve_quadratic(
            problem.penalty.parameters,
            H,
            q,
            w,
            problem.strengths(alpha, features),
            problem.lower[features],
            problem.upper[features],
            0.5 * tol * scale,
            max_iter,
        )
        q, square = _state(problem, H, c, features, w)
        solution = certify(
            problem,
            alpha,
            features=features,
            w=w,
            q=q,
            smooth=Smooth.of_squares(0.5 * square),
            scale=scale,
            tol=tol,
            n_iter=n_iter,
        )
        yield solution


GRAM = Solver(gram_path, refuses_all_but_squares)


def _negative_gradient(H, c, w) -> np.ndarray:
    support = np.flatnonzero(w)
    return c - w[support] @ H[support]


def _state(problem, H, c, features, w) -> tuple[np.ndarray, float]:
    """Return q = X'r / n - l2 w, and norm(r)^2 / n + l2 norm(w)^2.

    From the Gram matrix where that is exact, otherwise by a pass over the data, which is
    what the certificate then stands on.
    """
    if problem.design.exact_gram:
        q = _negative_gradient(H, c[features], w)
        y_square = problem.y @ problem.y / problem.y.size
        return q, max(y_square - w @ c[features] - w @ q, 0.0)
    b = np.zeros(problem.n_features)
    b[features] = w
    r = problem.y - problem.design.predict(b)
    q = problem.design.gradient(r)[features] - problem.l2 * w
    return q, r @ r / r.size + problem.l2 * (w @ w)
