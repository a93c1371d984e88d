"""The penalised model written out in numpy and cvxpy, formulas of its own included."""

from typing import NamedTuple

import cvxpy as cp
import numpy as np

from sparsestat import CEL0, L0, L1, MCP, SCAD, CappedL1, ElasticNet, LogSum, Lq

JUMPING = L0, CEL0, Lq


def penalty_slope(penalty, t, a):
    """Return p'(t; a), at t = 0 from the right."""
    match penalty:
        case L1():
            return a + 0.0 * t
        case ElasticNet(l1_ratio=r):
            return a * r + a * (1 - r) * t
        case MCP(gamma=g):
            return np.where(t < g * a, a - t / g, 0.0)
        case SCAD(gamma=g):
            return np.where(t <= a, a, np.where(t < g * a, (g * a - t) / (g - 1), 0.0))
        case LogSum(eps=e):
            return a / (e + t)
        case CappedL1(tau=c):
            return np.where(t < c, a, 0.0)


def jumping_prox(penalty, z, c, a):
    """Return the least of c (x - z)^2 / 2 + p(|x|; a), standardised least squares for CEL0."""
    size = np.abs(z)
    match penalty:
        case L0():
            return np.where(c * size**2 > 2 * a, z, 0.0)
        case CEL0():  # its curvature is 1, that of the loss 1 + l2
            root = np.sqrt(2 * a)
            shrunk = np.divide(c * size - root, c - 1, where=c > 1, out=np.zeros_like(z))
            inside = np.where(c > 1, np.clip(shrunk, 0.0, size), size * (c * size**2 > 2 * a))
            return np.sign(z) * inside
        case Lq(q=q):  # bisection for the larger stationary point, from where h is convex
            low = np.minimum((a * q * (1 - q) / c) ** (1 / (2 - q)), size)
            high = size
            for _ in range(200):
                middle = (low + high) / 2
                with np.errstate(divide="ignore", invalid="ignore"):
                    rising = (
                        c * (middle - size) + np.where(a > 0, a * q * middle ** (q - 1), 0) > 0
                    )
                low, high = np.where(rising, low, middle), np.where(rising, middle, high)
            better = c * (high - size) ** 2 / 2 + a * high**q < c * size**2 / 2
            return np.where((a == 0) | better, np.sign(z) * high, 0.0)


def penalty_value(penalty, t, a):
    """Return p(t; a)."""
    match penalty:
        case L1():
            return a * t
        case ElasticNet(l1_ratio=r):
            return a * r * t + a * (1 - r) * t**2 / 2
        case MCP(gamma=g):
            return np.where(t < g * a, a * t - t**2 / (2 * g), g * a**2 / 2)
        case SCAD(gamma=g):
            middle = (2 * g * a * t - t**2 - a**2) / (2 * (g - 1))
            return np.where(t <= a, a * t, np.where(t < g * a, middle, a**2 * (g + 1) / 2))
        case LogSum(eps=e):
            return a * np.log1p(t / e)
        case CappedL1(tau=c):
            return a * np.minimum(t, c)
        case Lq(q=q):
            return a * t**q
        case L0():
            return a * (t != 0.0)
        case CEL0():
            return a - np.maximum(np.sqrt(2 * a) - t, 0.0) ** 2 / 2


class Data(NamedTuple):
    """What is given to ``fit``, all dense."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    offset: np.ndarray | None = None

    @property
    def shares(self):
        """The weights, with sum 1."""
        weight = np.ones(len(self.y)) if self.sample_weight is None else self.sample_weight
        return weight / weight.sum()

    @property
    def response(self):
        """What X has to explain."""
        return self.y if self.offset is None else self.y - self.offset


class Scaled(NamedTuple):
    """Data on the scale of the problem: centred, standardised, rows times sqrt(shares)."""

    X: np.ndarray
    y: np.ndarray
    scales: np.ndarray


def scale(spec, data):
    """Centre and standardise as an unfitted estimator, `spec`, says."""
    shares = data.shares
    X, y = np.asarray(data.X, dtype=float), data.response
    if spec.fit_intercept:
        X, y = X - shares @ X, y - shares @ y
    standardize = spec.standardize or isinstance(spec.penalty, CEL0)
    scales = np.sqrt(shares @ X**2) if standardize else np.ones(X.shape[1])
    root = np.sqrt(shares)
    return Scaled(root[:, None] * X / scales, root * y, scales)


def strengths(spec):
    """Return alpha times the penalty weights, or alpha if there are none."""
    if spec.penalty_weights is None:
        return np.asarray(float(spec.alpha))
    weights = np.asarray(spec.penalty_weights, dtype=float)
    return np.where(
        np.isinf(weights), np.inf, spec.alpha * np.where(weights < np.inf, weights, 0)
    )


def violation(spec, data, coef, intercept):
    """Return the largest distance to stationarity over the largest gradient at zero."""
    problem = scale(spec, data)
    shares = data.shares
    residual = np.sqrt(shares) * (data.response - data.X @ coef.astype(float) - intercept)
    b = coef * problem.scales
    pull = problem.X.T @ residual - spec.l2 * b
    a = np.broadcast_to(strengths(spec), b.shape)
    finite = np.where(np.isinf(a), 0.0, a)
    if isinstance(spec.penalty, JUMPING):
        c = np.sum(problem.X**2, axis=0) + spec.l2
        used = c > 0.0
        moved = np.zeros(b.size)
        moved[used] = jumping_prox(spec.penalty, (b + pull / c)[used], c[used], finite[used])
        distance = c * np.abs((np.maximum(moved, 0.0) if spec.positive else moved) - b)
    else:
        slope = penalty_slope(spec.penalty, np.abs(b), finite)
        at_zero = np.maximum((pull if spec.positive else np.abs(pull)) - slope, 0.0)
        distance = np.where(b == 0.0, at_zero, np.abs(pull - np.sign(b) * slope))
    assert not b[np.isinf(a)].any()
    if spec.positive:
        assert (b >= 0.0).all()
    return distance[np.isfinite(a)].max(initial=0.0) / np.abs(problem.X.T @ problem.y).max()


def objective(spec, data, coef, intercept):
    """Return weighted mean loss plus penalties."""
    scales = scale(spec, data).scales
    residual = data.response - data.X @ coef - intercept
    b = coef * scales
    a = np.broadcast_to(strengths(spec), b.shape)
    penalties = penalty_value(spec.penalty, np.abs(b), np.where(b == 0.0, 0.0, a))
    return data.shares @ residual**2 / 2 + penalties.sum() + spec.l2 / 2 * b @ b


def optimum(spec, data):
    """Return the least objective of a convex model, by cvxpy, the intercept a variable."""
    problem = scale(spec, data)
    a = np.broadcast_to(strengths(spec), problem.scales.shape)
    ratio = getattr(spec.penalty, "l1_ratio", 1.0)
    kept = np.isfinite(a)
    b, b0 = cp.Variable(kept.sum()), cp.Variable()
    root = np.sqrt(data.shares)
    rows = (data.X / problem.scales)[:, kept]
    residual = cp.multiply(root, data.response - rows @ b - b0)
    lasso = cp.sum(cp.multiply(a[kept] * ratio, cp.abs(b)))
    ridge = cp.sum(cp.multiply(a[kept] * (1 - ratio) + spec.l2, cp.square(b))) / 2
    constraints = [] if spec.fit_intercept else [b0 == 0]
    if spec.positive:
        constraints.append(b >= 0)
    least = cp.Problem(cp.Minimize(cp.sum_squares(residual) / 2 + lasso + ridge), constraints)
    tolerances = dict.fromkeys(["tol_gap_abs", "tol_gap_rel", "tol_feas"], 1e-12)
    return least.solve(solver="CLARABEL", **tolerances)
