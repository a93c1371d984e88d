"""Exact solutions for losses with a kink at each response, from ones that are close.

Such a loss, linear on either side, is a_i r_i+ + c_i r_i-, where r+ - r- is the residual:
with both parts as further variables, bounded by zero and bound to the coefficients by one
equation a sample, the problem is a quadratic with constraints, which the active-set method
solves (:class:`~sparsestat.solvers.active_set.ActiveSet`). Samples that are fitted exactly
are those with neither part. Every step factorises a matrix of all samples: this is for
oracles and for hundreds of samples.
"""

from dataclasses import replace

import numpy as np

from sparsestat.penalties import L1
from sparsestat.solvers.active_set import ActiveSet, Quadratic
from sparsestat.solvers.certificate import certify
from sparsestat.solvers.constrained_quadratic import solve_constrained
from sparsestat.solvers.constraints import LinearConstraints
from sparsestat.solvers.problem import GLMProblem
from sparsestat.solvers.result import Smooth, Solution, Status

__all__ = ["solve_piecewise"]

# Residuals below this, relative to their mean, are taken for zero at first.
NEGLIGIBLE = 1e-6
ROUNDS, PATIENCE = 12, 4
# Linear programs are solved by proximal points: what is added to the Hessian, in the units
# of slopes over sizes.
PROXIMAL = 1e-6


def solve_piecewise(
    problem: GLMProblem,
    alpha: float,
    X: np.ndarray,
    coef: np.ndarray,
    nu: np.ndarray,
    *,
    scale: float,
    tol: float,
    max_iter: int,
) -> Solution:
    """Make a solution exact.

    Parameters
    ----------
    problem : GLMProblem
        Its loss is linear on either side of the response.
    alpha : float
    X : ndarray of shape (n, k)
        The columns of features that are not excluded.
    coef : ndarray of shape (p,)
    nu : ndarray of shape (m,)
        Multipliers of the constraints.
    scale, tol, max_iter
        As solvers take them.
    """
    y, kept = problem.y, np.flatnonzero(np.isfinite(problem.weights))
    fixed = X @ coef[kept] + problem.offset
    at = problem.at(fixed, 0.0)
    r = y - at.eta
    r[np.abs(r) <= NEGLIGIBLE * np.abs(r).mean()] = 0.0
    quadratic, bend, slopes = _written_out(problem, alpha, X, kept)
    start = [coef[kept], [float(at.intercept)] * problem.fit_intercept, np.maximum(r, 0.0)]
    w = np.concatenate([*start, np.maximum(-r, 0.0)])
    sides = np.where(r > 0.0, -slopes[0], np.where(r < 0.0, slopes[1], 0.0))
    multipliers = np.concatenate([nu, sides])
    large = max(np.abs(w).max(), np.finfo(float).tiny)
    near = np.full(w.size, PROXIMAL * scale / large)
    n_iter = 0
    for stuck in np.arange(ROUNDS) >= PATIENCE:
        q, state = -bend * w, (w, multipliers, 0.1 * tol * scale)
        closer = quadratic._replace(H=np.diag(bend + near))
        if stuck:  # where kinks tie
            n_iter += solve_constrained(closer, q, *state, max_iter - n_iter)
        else:
            n_iter += ActiveSet(closer, q, *state).run(max_iter - n_iter)
        if n_iter >= max_iter or quadratic.solved(-bend * w, w, multipliers, tol * scale):
            break
    return _certified(problem, alpha, X, quadratic, w, multipliers, scale, tol, n_iter)


def _written_out(problem, alpha, X, kept):
    """Return the quadratic in coefficients, intercept and both parts of the residuals."""
    n, k = X.shape
    m = 0 if problem.constraints is None else problem.constraints.lower.size
    free = int(problem.fit_intercept)
    slopes = problem.residual(problem.y - 1.0) / n, -problem.residual(problem.y + 1.0) / n
    strengths, penalty = problem.strengths(alpha, kept), problem.penalty
    zeros = np.zeros(k)
    bend = np.concatenate(
        [penalty.curvature(zeros, strengths) + problem.l2, np.zeros(free + 2 * n)]
    )
    samples = np.column_stack([X, np.ones((n, free)), np.eye(n), -np.eye(n)])
    rows = problem.constraints or LinearConstraints.none(problem.n_features)
    above = np.column_stack([rows.A[:, kept], np.zeros((m, free + 2 * n))])
    target = problem.y - problem.offset
    quadratic = Quadratic(
        L1().parameters,
        np.diag(bend),
        np.concatenate([penalty.derivative(zeros, strengths), np.zeros(free), *slopes]),
        np.concatenate([problem.lower[kept], np.full(free, -np.inf), np.zeros(2 * n)]),
        np.concatenate([problem.upper[kept], np.full(free + 2 * n, np.inf)]),
        LinearConstraints(
            np.concatenate([above, samples]),
            np.concatenate([rows.lower, target]),
            np.concatenate([rows.upper, target]),
        ),
    )
    return quadratic, bend, slopes


def _certified(problem, alpha, X, quadratic, w, multipliers, scale, tol, n_iter) -> Solution:
    """Make the record of a solution, the slopes of the loss being the samples' multipliers."""
    kept = np.flatnonzero(np.isfinite(problem.weights))
    n, k = X.shape
    nu, slopes = multipliers[: multipliers.size - n], -multipliers[multipliers.size - n :]
    b = w[:k]
    intercept = float(w[k]) if problem.fit_intercept else 0.0
    eta = X @ b + problem.offset + intercept
    value, ridge = problem.value(eta), 0.5 * problem.l2 * float(b @ b)
    taken = float(slopes @ (problem.y - eta))
    q, slack = X.T @ slopes - problem.l2 * b, 0.0
    if problem.constraints is not None:
        A = problem.constraints.A[:, kept]
        q -= nu @ A
        slack = problem.constraints.support(nu) - float(nu @ (A @ b))
    solution = certify(
        problem,
        alpha,
        features=kept,
        w=b,
        q=q,
        smooth=Smooth(
            value + ridge,
            lambda s: value - s * taken + (1.0 - s) ** 2 * ridge + s * slack,
        ),
        scale=scale,
        tol=tol,
        n_iter=n_iter,
        intercept=intercept,
    )
    bend = quadratic.H.diagonal()
    worst = quadratic.assess(-bend * w, w, multipliers).violation.max() / scale
    off = quadratic.rows.infeasibility(w, multipliers)
    violation = max(solution.kkt_violation, float(worst), off)
    gap = solution.dual_gap if off == 0.0 else np.nan
    status = Status.CONVERGED if violation <= tol else Status.MAX_ITER
    return replace(solution, kkt_violation=violation, dual_gap=gap, status=status)
