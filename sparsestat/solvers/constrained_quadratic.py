"""The inner problem under linear constraints: a dense quadratic plus a separable penalty.

Minimise over w

    (1/2) w'Hw - c'w + sum_k p(|w_k|; strength_k),   lb <= A w <= ub,

within the bounds of w. The state is w, q = c - Hw and the multipliers nu of the rows,
positive where a row is held at its upper bound, negative at its lower one: w is optimal
if it is feasible and q - A'nu lies in the subdifferential of the penalty.

Two steps alternate. An active-set method (:mod:`~sparsestat.solvers.active_set`) moves
along solutions of the KKT equations: exact, and fast from a neighbouring solution. Where
it gets stuck, as where no coefficient can move without another that still rests at zero,
a step of the method of multipliers finds the way: an augmented Lagrangian, which is a
problem without constraints, minimised by
:func:`~sparsestat.solvers.quadratic.solve_quadratic`.

References
----------
D. P. Bertsekas (1982). Constrained Optimization and Lagrange Multiplier Methods.
"""

import numpy as np

from sparsestat.solvers.active_set import ActiveSet, Quadratic
from sparsestat.solvers.quadratic import solve_quadratic

__all__ = ["solve_constrained"]

ROUNDS = 60
# Steps of the active-set method before it counts as stuck.
STEPS = 40
# How much more the augmented term bends along a row than the loss does.
STIFFNESS = 10.0


def solve_constrained(
    quadratic: Quadratic,
    q: np.ndarray,
    w: np.ndarray,
    nu: np.ndarray,
    tol: float,
    max_iter: int,
) -> int:
    """Minimise the quadratic plus penalty under the constraints in place, starting at `w`.

    Parameters
    ----------
    quadratic : Quadratic
    q, w : ndarray of shape (k,)
        Negative gradient and coefficients, overwritten.
    nu : ndarray of shape (m,)
        Multipliers, overwritten.
    tol : float
        Largest stationarity violation allowed, in the units of q.
    max_iter : int
        Largest number of epochs and Newton steps.

    Returns
    -------
    int
        Epochs and Newton steps used.
    """
    n_iter = finish(quadratic, q, w, nu, tol, max_iter)
    rows = quadratic.rows
    reach = (rows.A**2).sum(axis=1).max(initial=0.0)
    rho = STIFFNESS * quadratic.H.trace() / (w.size * reach) if reach > 0.0 else 1.0
    off = np.abs(rows.excess(w, nu)).max(initial=0.0)
    for _ in range(ROUNDS):
        if n_iter >= max_iter or quadratic.solved(q, w, nu, tol):
            break
        n_iter += multiplier_step(quadratic, q, w, nu, rho, 0.1 * tol, max_iter - n_iter)
        before, off = off, np.abs(rows.excess(w, nu)).max(initial=0.0)
        if off > 0.25 * before:
            rho *= 4.0
        n_iter += finish(quadratic, q, w, nu, tol, max_iter - n_iter)
    return n_iter


def finish(
    quadratic: Quadratic,
    q: np.ndarray,
    w: np.ndarray,
    nu: np.ndarray,
    tol: float,
    max_iter: int,
) -> int:
    """Solve in place by the active-set method, if it gets there; return its steps."""
    trial = q.copy(), w.copy(), nu.copy()
    n_iter = ActiveSet(quadratic, *trial, tol).run(min(STEPS, max_iter))
    if quadratic.solved(*trial, tol):
        q[:], w[:], nu[:] = trial
    return n_iter


def multiplier_step(
    quadratic: Quadratic,
    q: np.ndarray,
    w: np.ndarray,
    nu: np.ndarray,
    rho: float,
    tol: float,
    max_iter: int,
) -> int:
    """Minimise the augmented Lagrangian in place, then take its multipliers.

    It adds (rho / 2) norm(e)^2, where e is how far A w + nu / rho is out of bounds: a
    quadratic while the rows out of bounds stay the same, so Newton's method on models of
    it, with a step short enough to lower it.
    """
    rows, n_iter = quadratic.rows, 0
    shift = nu / rho

    def out_of_bounds(w):
        values = rows.A @ w + shift
        return values - np.clip(values, rows.lower, rows.upper)

    def height(w, excess):
        penalty = quadratic.assess(q, w, nu).value
        return penalty + 0.5 * rho * float(excess @ excess)

    excess = out_of_bounds(w)
    while n_iter < max_iter:
        bent = rows.A[(excess != 0.0) | rows.equal]
        end, pull = w.copy(), q - rho * (excess @ rows.A)
        n_iter += solve_quadratic(
            quadratic.parameters,
            quadratic.H + rho * (bent.T @ bent),
            pull,
            end,
            quadratic.strengths,
            quadratic.lower,
            quadratic.upper,
            tol,
            max_iter - n_iter,
        )
        change = end - w
        bend = quadratic.H @ change
        now = height(w, excess)
        for length in 0.5 ** np.arange(20.0):
            trial = w + length * change
            after = out_of_bounds(trial)
            fall = length * float(q @ change - 0.5 * length * (change @ bend))
            if height(trial, after) - fall <= now:
                break
        w[:] = trial
        q -= length * bend
        same = np.array_equal(after != 0.0, excess != 0.0)
        excess = after
        if same and length == 1.0:
            break
    nu[:] = rho * excess
    return n_iter
