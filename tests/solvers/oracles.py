"""Plain numpy and cvxpy answers to compare the solvers with."""

import cvxpy as cp
import numpy as np

from sparsestat import L1, ElasticNet


def stationarity(X, y, b, penalty, alpha, weights=None, l2=0.0, positive=False):
    """Return the largest distance to stationarity, from the definition, unscaled."""
    strengths = alpha * (np.ones(X.shape[1]) if weights is None else weights)
    g = X.T @ (y - X @ b) / len(y) - l2 * b
    slope = penalty.derivative(b, np.where(np.isfinite(strengths), strengths, 0.0))
    pull = g if positive else np.abs(g)
    at_zero = np.maximum(pull - slope, 0.0)
    distance = np.where(b == 0.0, at_zero, np.abs(g - np.sign(b) * slope))
    return distance[np.isfinite(strengths)].max()


def objective(X, y, b, penalty, alpha, weights=None, l2=0.0):
    """Return half the mean squared error plus penalties."""
    weights = np.ones(X.shape[1]) if weights is None else weights
    used = b != 0.0
    smooth = ((y - X @ b) ** 2).mean() / 2 + l2 / 2 * b @ b
    return smooth + penalty.value(b[used], alpha * weights[used]).sum()


def convex_optimum(X, y, penalty, alpha, weights=None, l2=0.0, positive=False):
    """Return the optimal value of a convex problem by cvxpy."""
    weights = np.ones(X.shape[1]) if weights is None else weights
    ratio = {L1: 1.0, ElasticNet: getattr(penalty, "l1_ratio", None)}[type(penalty)]
    b = cp.Variable(X.shape[1])
    lasso = cp.sum(cp.multiply(alpha * ratio * weights, cp.abs(b)))
    ridge = cp.sum(cp.multiply(alpha * (1 - ratio) * weights + l2, cp.square(b))) / 2
    loss = cp.sum_squares(y - X @ b) / (2 * len(y))
    constraints = [b >= 0] if positive else []
    problem = cp.Problem(cp.Minimize(loss + lasso + ridge), constraints)
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    return problem.value
