"""Paths for tall problems: the whole Gram matrix once, then no pass over the data."""

from collections.abc import Iterable, Iterator

import numpy as np

from sparsestat.solvers.certificate import certify
from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.result import Smooth, Solution
from sparsestat.solvers.solver import Solver
from sparsestat.solvers.terms import minimise_quadratic
from sparsestat.solvers.working_set import filled, refuses_all_but_squares

__all__ = ["GRAM", "gram_path"]


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
    features = problem.structure.whole(np.isfinite(problem.weights))
    if not np.array_equal(features, np.arange(problem.n_features)):
        H = H.take(features, axis=0).take(features, axis=1)
    w = np.zeros(c.shape) if start is None else start.astype(np.float64)
    w = w.take(features, axis=-1)
    for alpha in alphas:
        q = _negative_gradient(H, c.take(features, axis=-1), w)
        terms = problem.structure.terms(alpha, features)
        n_iter = minimise_quadratic(terms, H, q, w, 0.5 * tol * scale, max_iter)
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
    support = np.flatnonzero(filled(w))
    return c - w[..., support] @ H[support]


def _state(problem, H, c, features, w) -> tuple[np.ndarray, float]:
    """Return q = X'r / n - l2 w, and norm(r)^2 / n + l2 norm(w)^2.

    From the Gram matrix where that is exact, otherwise by a pass over the data, which is
    what the certificate then stands on.
    """
    n, c = problem.y.shape[-1], c.take(features, axis=-1)
    if problem.design.exact_gram:
        q = _negative_gradient(H, c, w)
        y_square = np.vdot(problem.y, problem.y) / n
        return q, max(y_square - np.vdot(w, c) - np.vdot(w, q), 0.0)
    b = np.zeros((*w.shape[:-1], problem.n_features))
    b[..., features] = w
    r = problem.y - problem.design.predict(b)
    q = problem.design.gradient(r).take(features, axis=-1) - problem.l2 * w
    return q, np.vdot(r, r) / n + problem.l2 * np.vdot(w, w)
