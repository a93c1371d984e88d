"""Plain numpy, scipy and cvxpy answers to compare the solvers with."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, xlogy

from sparsestat import L1, ElasticNet


def distance(q, b, penalty, strengths, curvatures, lower=-np.inf, upper=np.inf):
    """Return the largest distance to stationarity at the negative gradient q.

    That of q to the subdifferential within the bounds; for penalties that jump, of b to
    what its proximal operator makes of it, times the curvature. Infinite strengths fix
    coefficients at zero.
    """
    lower, upper = np.broadcast_to(lower, q.shape), np.broadcast_to(upper, q.shape)
    kept = np.isfinite(strengths)
    q, b, strengths, curvatures = q[kept], b[kept], strengths[kept], curvatures[kept]
    lower, upper = lower[kept], upper[kept]
    if penalty.jumps:
        c = np.where(curvatures > 0.0, curvatures, 1.0)  # columns of zeros
        z = b + q / c
        free = penalty.prox(z, 1.0 / c, strengths)
        ends = np.array([0.0 * z, np.clip(free, lower, upper)])  # concave in between
        values = 0.5 * c * (ends - z) ** 2 + penalty.value(ends, strengths)
        end = np.where(
            (lower <= free) & (free <= upper), free, ends[values.argmin(0), np.arange(z.size)]
        )
        return (c * np.abs(end - b)).max()
    slope = penalty.derivative(b, strengths)
    pull = np.where(
        b == 0.0, np.maximum(np.abs(q) - slope, 0.0) * np.sign(q), q - np.sign(b) * slope
    )
    outward = ((b >= upper) & (pull > 0.0)) | ((b <= lower) & (pull < 0.0))
    return np.where(outward, 0.0, np.abs(pull)).max()


def penalty_sum(b, penalty, alpha, weights, l2):
    used = b != 0.0
    weights = np.ones(b.size) if weights is None else weights
    return penalty.value(b[used], alpha * weights[used]).sum() + l2 / 2 * b @ b


def stationarity(X, y, b, penalty, alpha, weights=None, l2=0.0, lower=-np.inf, upper=np.inf):
    """Return the largest distance to stationarity of least squares, unscaled."""
    weights = np.ones(X.shape[1]) if weights is None else weights
    q = X.T @ (y - X @ b) / len(y) - l2 * b
    curvatures = (X**2).mean(axis=0) + l2
    return distance(q, b, penalty, alpha * weights, curvatures, lower, upper)


def objective(X, y, b, penalty, alpha, weights=None, l2=0.0):
    """Return half the mean squared error plus penalties."""
    return ((y - X @ b) ** 2).mean() / 2 + penalty_sum(b, penalty, alpha, weights, l2)


def minimum(loss, b, penalty, alpha, weights, l2, lower, upper, tol=1e-12):
    """Return the least of a convex loss plus penalties, by cvxpy."""
    weights = np.ones(b.size) if weights is None else weights
    ratio = {L1: 1.0, ElasticNet: getattr(penalty, "l1_ratio", None)}[type(penalty)]
    excluded = np.isinf(weights)
    weights = np.where(excluded, 0.0, weights)
    lasso = cp.sum(cp.multiply(alpha * ratio * weights, cp.abs(b)))
    ridge = cp.sum(cp.multiply(alpha * (1 - ratio) * weights + l2, cp.square(b))) / 2
    lower, upper = np.full(b.size, lower), np.full(b.size, upper)
    low, high = np.isfinite(lower), np.isfinite(upper)
    constraints = [b[low] >= lower[low]] if low.any() else []
    constraints += [b[high] <= upper[high]] if high.any() else []
    if excluded.any():
        constraints.append(b[excluded] == 0)
    problem = cp.Problem(cp.Minimize(loss + lasso + ridge), constraints)
    problem.solve(solver="CLARABEL", tol_gap_abs=tol, tol_gap_rel=tol, tol_feas=tol)
    return problem.value


def convex_optimum(X, y, penalty, alpha, weights=None, l2=0.0, lower=-np.inf, upper=np.inf):
    """Return the optimal value of convex least squares by cvxpy."""
    b = cp.Variable(X.shape[1])
    loss = cp.sum_squares(y - X @ b) / (2 * len(y))
    return minimum(loss, b, penalty, alpha, weights, l2, lower, upper)


@dataclass
class Logistic:
    """A logistic model written out: y is 0 or 1, weights need not have mean 1."""

    X: np.ndarray
    y: np.ndarray
    fit_intercept: bool = True
    sample_weight: np.ndarray | None = None
    offset: np.ndarray | float = 0.0

    @property
    def shares(self):
        weight = np.ones(len(self.y)) if self.sample_weight is None else self.sample_weight
        return weight / weight.sum()

    def residual(self, b, b0):
        """Return minus the derivatives of the weighted mean loss in the linear predictor."""
        eta = self.X @ b + b0 + self.offset
        return self.shares * np.where(self.y == 1, expit(-eta), -expit(eta))

    def loss(self, b, b0):
        margin = (2 * self.y - 1) * (self.X @ b + b0 + self.offset)
        return self.shares @ np.logaddexp(0.0, -margin)

    def curvatures(self, l2=0.0):
        """Return the upper bounds of second derivatives along the coefficients."""
        return self.shares @ self.X**2 / 4 + l2

    def hessian(self, b, b0):
        """Return the Hessian in the coefficients and, last, the intercept if there is one."""
        eta = self.X @ b + b0 + self.offset
        Z = np.column_stack([self.X, np.ones(len(self.y))]) if self.fit_intercept else self.X
        return Z.T * (self.shares * expit(eta) * expit(-eta)) @ Z

    def stationarity(
        self, b, b0, penalty, alpha, weights=None, l2=0.0, lower=-np.inf, upper=np.inf
    ):
        """Return the largest distance to stationarity, unscaled."""
        weights = np.ones(b.size) if weights is None else weights
        q = self.X.T @ self.residual(b, b0) - l2 * b
        return distance(q, b, penalty, alpha * weights, self.curvatures(l2), lower, upper)

    def objective(self, b, b0, penalty, alpha, weights=None, l2=0.0):
        return self.loss(b, b0) + penalty_sum(b, penalty, alpha, weights, l2)

    def optimum(self, penalty, alpha, weights=None, l2=0.0, lower=-np.inf, upper=np.inf):
        """Return the optimal value of a convex model, the intercept a variable."""
        b, b0 = cp.Variable(self.X.shape[1]), cp.Variable()
        eta = self.X @ b + (b0 if self.fit_intercept else 0.0) + self.offset
        loss = self.shares @ cp.logistic(cp.multiply(1 - 2 * self.y, eta))
        return minimum(loss, b, penalty, alpha, weights, l2, lower, upper, tol=1e-9)

    def gap(self, b, b0, alpha, weights=None, l2=0.0, lower=-np.inf, upper=np.inf):
        """Return the lasso's objective less that of its dual at a share of the gradient.

        The dual variables are s in [0, 1] times the derivatives of the loss, with s the
        largest for which they are feasible.
        """
        weights = np.ones(b.size) if weights is None else weights
        kept = np.isfinite(weights)
        residual = self.residual(b, b0)
        q = (self.X.T @ residual - l2 * b)[kept]
        pull = np.maximum(q, 0.0) if lower == 0.0 else np.abs(q)
        limits = alpha * weights[kept]
        s = (limits / np.maximum(pull, limits)).min()
        u = -s * residual / self.shares
        entropy = xlogy(self.y + u, self.y + u) + xlogy(1 - self.y - u, 1 - self.y - u)
        dual = self.shares @ (u * self.offset - entropy) - s**2 * l2 / 2 * b @ b
        return self.objective(b, b0, L1(), alpha, weights, l2) - dual

    def null(self, free=(), lower=-np.inf, upper=np.inf):
        """Return coefficients and intercept of the model of some features only, by L-BFGS."""
        free = np.asarray(free, dtype=int)

        def unpack(u):
            b = np.zeros(self.X.shape[1])
            b[free] = u[: free.size]
            return b, u[free.size] if self.fit_intercept else 0.0

        def value_and_gradient(u):
            b, b0 = unpack(u)
            r = self.residual(b, b0)
            slope = -self.X[:, free].T @ r
            return self.loss(b, b0), np.append(slope, -r.sum())[: u.size]

        size = free.size + self.fit_intercept
        if size == 0:
            return unpack(np.empty(0))
        sides = np.broadcast_arrays(lower, upper, np.zeros(self.X.shape[1]))[:2]
        bounds = [*zip(sides[0][free], sides[1][free], strict=True), (None, None)]
        fit = minimize(
            value_and_gradient,
            np.zeros(size),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds[:size],
            options={"ftol": 0.0, "gtol": 1e-11, "maxcor": 30},
        )
        return unpack(fit.x)

    def scale(self, weights=None, lower=-np.inf, upper=np.inf):
        """Return the largest gradient at the null model, excluded features left out."""
        weights = np.ones(self.X.shape[1]) if weights is None else weights
        null = self.null(np.flatnonzero(weights == 0.0), lower, upper)
        return np.abs(self.X.T @ self.residual(*null))[np.isfinite(weights)].max()


def rough_solutions(solve, problem, alpha, optimum, rounding=1e-9):
    """Yield unfinished solutions, whose gaps must bound how far they are off."""
    gaps = []
    for max_iter in (1, 2, 5):
        (rough,) = solve(problem, [alpha], max_iter=max_iter)
        assert rough.objective - optimum <= rough.dual_gap + rounding
        gaps.append(rough.dual_gap)
        yield rough
    assert max(gaps) > 1e-6  # so that the bound has been put to the test
