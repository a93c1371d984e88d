"""How good a solution is: stationarity violation and duality gap."""

import numpy as np

from sparsestat.solvers.problem import Problem
from sparsestat.solvers.quadratic import assess
from sparsestat.solvers.result import Smooth, Solution, Status

__all__ = ["certify"]


def certify(
    problem: Problem,
    alpha: float,
    *,
    features: np.ndarray,
    w: np.ndarray,
    q: np.ndarray,
    smooth: Smooth,
    scale: float,
    tol: float,
    n_iter: int,
    intercept: float = 0.0,
) -> Solution:
    """Make the record of a solution from what a solver holds when it stops.

    Parameters
    ----------
    problem : Problem
    alpha : float
    features : ndarray of int, shape (m,)
        Features that may have a nonzero coefficient or a gradient beyond what a zero
        coefficient withstands. All others are zero and optimal.
    w, q : ndarray of shape (m,)
        Their coefficients and negative gradients of loss plus l2 term.
    smooth : Smooth
    scale : float
        Largest absolute gradient at the null model.
    tol : float
    n_iter : int
    intercept : float

    Returns
    -------
    Solution
    """
    strengths = problem.strengths(alpha, features)
    curvatures = problem.curvatures[features]
    now = assess(problem.penalty.parameters, q, w, strengths, curvatures, problem.positive)
    violation = float(now.violation.max(initial=0.0)) / scale
    coef = np.zeros(problem.n_features)
    coef[features] = w
    return Solution(
        coef=coef,
        intercept=intercept,
        objective=smooth.value + now.value,
        kkt_violation=violation,
        dual_gap=_duality_gap(problem, strengths, w, q, now.value, smooth),
        n_iter=n_iter,
        status=Status.CONVERGED if violation <= tol else Status.MAX_ITER,
    )


def _duality_gap(problem, strengths, w, q, value, smooth) -> float:
    """Bound how far the objective of a convex problem is above its minimum.

    With f the loss plus the l2 term, the dual point is minus the gradient of f times
    s in [0, 1], and the gap is a sum of Fenchel-Young terms,

        excess of f at s + sum_j p(|w_j|) - s w_j q_j + p*(s q_j).

    s is 1 unless some p* is infinite there. nan if the penalty has no conjugate, or if
    a coefficient is unpenalised (its gradient would have to vanish exactly).
    """
    conjugate = getattr(problem.penalty, "conjugate", None)
    if conjugate is None or not strengths.all():
        return float("nan")
    pull = np.maximum(q, 0.0) if problem.positive else np.abs(q)
    s = 1.0
    dual = conjugate(pull, strengths).sum()
    if not np.isfinite(dual):
        limits = problem.penalty.slope_at_zero(1.0) * strengths
        s = float((limits / np.maximum(pull, limits)).min())
        dual = 0.0  # s q is within the limits, up to rounding
    gap = smooth.excess(s) + value - s * (w @ q) + dual
    return max(float(gap), 0.0)  # rounding may take it below
