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
    bounds = (problem.lower[features], problem.upper[features])
    now = assess(problem.penalty.parameters, q, w, strengths, curvatures, *bounds)
    violation = float(now.violation.max(initial=0.0)) / scale
    coef = np.zeros(problem.n_features)
    coef[features] = w
    return Solution(
        coef=coef,
        intercept=intercept,
        objective=smooth.value + now.value,
        kkt_violation=violation,
        dual_gap=_duality_gap(problem, strengths, bounds, w, q, now.value, smooth),
        n_iter=n_iter,
        status=Status.CONVERGED if violation <= tol else Status.MAX_ITER,
    )


def _duality_gap(problem, strengths, bounds, w, q, value, smooth) -> float:
    """Bound how far the objective of a convex problem is above its minimum.

    With f the loss plus the l2 term, the dual point is minus the gradient of f times
    s in [0, 1], and the gap is a sum of Fenchel-Young terms,

        excess of f at s + sum_j p(|w_j|) - s w_j q_j + p*(s q_j),

    p* being the conjugate of p within the bounds. s is 1 unless some p* is infinite there.
    nan if the penalty has no conjugate, or if a coefficient is unpenalised (its gradient
    would have to vanish exactly).
    """
    conjugate = getattr(problem.penalty, "conjugate", None)
    if conjugate is None or not strengths.all():
        return float("nan")
    pull, reach = np.abs(q), np.where(q > 0.0, bounds[1], -bounds[0])
    s = 1.0
    duals = conjugate(pull, strengths, reach)
    endless = ~np.isfinite(duals)
    if endless.any():
        limits = problem.penalty.slope_at_zero(1.0) * strengths[endless]
        s = float((limits / np.maximum(pull[endless], limits)).min())
        # There s q is within the limits, up to rounding, and p* is zero.
        duals = np.where(
            endless, 0.0, conjugate(s * pull, strengths, np.where(endless, 0.0, reach))
        )
    gap = smooth.excess(s) + value - s * (w @ q) + duals.sum()
    return max(float(gap), 0.0)  # rounding may take it below
