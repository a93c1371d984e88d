"""How good a solution is: stationarity violation and duality gap."""

import numpy as np

from sparsestat.solvers.problem import Problem
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
        coefficient withstands, whole groups. All others are zero and optimal.
    w, q : ndarray of shape (m,) or (n_responses, m)
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
    terms = problem.structure.terms(alpha, features)
    now = terms.assess(q, w, problem.curvatures[features])
    violation = float(now.violation.max(initial=0.0)) / scale
    coef = np.zeros((*w.shape[:-1], problem.n_features))
    coef[..., features] = w
    return Solution(
        coef=coef,
        intercept=intercept,
        objective=smooth.value + now.value,
        kkt_violation=violation,
        dual_gap=_duality_gap(problem, terms, w, q, now.value, smooth),
        n_iter=n_iter,
        status=Status.CONVERGED if violation <= tol else Status.MAX_ITER,
    )


def _duality_gap(problem, terms, w, q, value, smooth) -> float:
    """Bound how far the objective of a convex problem is above its minimum.

    With f the loss plus the l2 term, the dual point is minus the gradient of f times
    s in [0, 1], and the gap is a sum of Fenchel-Young terms,

        excess of f at s + p(w) - s w'q + p*(s q),

    p* being the conjugate of p within the bounds, a sum over coefficients, or over groups.
    s is 1 unless some p* is infinite there. nan if the penalty has no conjugate, or if a
    coefficient is unpenalised (its gradient would have to vanish exactly).
    """
    penalty = problem.structure.scalar
    if not hasattr(penalty, "conjugate") or not terms.penalised:
        return float("nan")
    s = 1.0
    duals = terms.conjugates(penalty, q)
    endless = ~np.isfinite(duals)
    if endless.any():
        s = terms.feasible_share(penalty, q, endless)
        # There s q is within the limits, up to rounding, and p* is zero.
        duals = np.where(endless, 0.0, terms.conjugates(penalty, s * q))
    gap = smooth.excess(s) + value - s * np.vdot(w, q) + duals.sum()
    return max(float(gap), 0.0)  # rounding may take it below
