"""How good a solution is: stationarity violation and duality gap."""

import numpy as np

from sparsestat.solvers.problem import LeastSquaresProblem
from sparsestat.solvers.quadratic import assess
from sparsestat.solvers.result import Solution, Status

__all__ = ["certify"]


def certify(
    problem: LeastSquaresProblem,
    alpha: float,
    features: np.ndarray,
    w: np.ndarray,
    gradient: np.ndarray,
    square: float,
    scale: float,
    tol: float,
    n_iter: int,
) -> Solution:
    """Make the record of a solution from what a solver holds when it stops.

    Parameters
    ----------
    problem : LeastSquaresProblem
    alpha : float
    features : ndarray of int, shape (m,)
        Every feature with a nonzero coefficient is among them.
    w : ndarray of shape (m,)
        Their coefficients.
    gradient : ndarray of shape (p,)
        Negative gradient of loss plus l2 term; of features left out, exact where it
        exceeds what a zero coefficient withstands.
    square : float
        norm(r)^2 / n + l2 norm(w)^2.
    scale : float
        Largest absolute gradient at zero.
    tol : float
    n_iter : int

    Returns
    -------
    Solution
    """
    strengths = problem.strengths(alpha)
    limits = problem.limits(alpha)
    q = gradient[features]
    now = assess(problem.penalty.parameters, q, w, strengths[features], problem.positive)
    pull = np.maximum(gradient, 0.0) if problem.positive else np.abs(gradient)
    outside = pull - limits
    outside[features] = 0.0
    violation = max(now.violation.max(initial=0.0), outside.max(initial=0.0)) / scale
    coef = np.zeros(problem.n_features)
    coef[features] = w
    return Solution(
        coef=coef,
        intercept=0.0,
        objective=0.5 * square + now.value,
        kkt_violation=violation,
        dual_gap=_duality_gap(
            problem, strengths, limits, pull, now.value - w @ q, w @ q, square
        ),
        n_iter=n_iter,
        status=Status.CONVERGED if violation <= tol else Status.MAX_ITER,
    )


def _duality_gap(problem, strengths, limits, pull, primal, product, square) -> float:
    """Bound how far the objective of a convex problem is above its minimum.

    With f the loss plus the l2 term, the dual point is minus the gradient of f times
    s in [0, 1], and the gap is a sum of Fenchel-Young terms,

        (1 - s)^2 square / 2 + sum_j p(|b_j|) - s b_j q_j + p*(s q_j).

    s is 1 unless some p* is infinite there. nan if the penalty has no conjugate, or if
    a coefficient is unpenalised (its gradient would have to vanish exactly).
    """
    conjugate = getattr(problem.penalty, "conjugate", None)
    if conjugate is None or not problem.weights.all():
        return float("nan")
    free = np.isfinite(strengths)
    dual = conjugate(pull[free], strengths[free]).sum()
    s = 1.0
    if not np.isfinite(dual):
        s = float((limits / np.maximum(pull, limits))[free].min())
        dual = conjugate(s * pull[free], strengths[free] * (1 + 1e-15)).sum()
    return float(0.5 * (1.0 - s) ** 2 * square + primal + (1.0 - s) * product + dual)
