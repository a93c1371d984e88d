"""Losses and stationarity as they are defined, for tests of what solvers return."""

from dataclasses import dataclass

import numpy as np
import risk_sets_by_hand
from oracles import distance
from scipy.optimize import linprog
from scipy.special import expit, softmax

from sparsestat.penalties import GroupPenalty, JointPenalty, SupportConstraint

__all__ = ["BOUNDS", "SLOPES", "Fitted", "curvature_bounds", "violation"]


def of_cox(ties):
    """Return minus the derivatives of the partial likelihood's loss, risk set by risk set."""

    def slopes(y, eta, share):
        result, strata = np.zeros(eta.size), y["stratum"]
        for mass, counts, events in risk_sets_by_hand.terms(
            y["time"], y["event"], share, strata, ties
        ):
            sums = counts * np.exp(eta[:, 0])
            result += events - mass * sums / sums.sum()
        return result[:, None]

    return slopes


def each(function):
    """Return the weighted values of a function of responses and predictors."""
    return lambda y, eta, share: share[:, None] * function(y.reshape(eta.shape), eta)


# Minus the derivatives of the mean loss in the linear predictors, of shape (n, K).
SLOPES = {
    "squared": each(lambda y, eta: y - eta),
    "several": each(lambda y, eta: y - eta),
    "huber": each(lambda y, eta: np.clip(y - eta, -0.7, 0.7)),
    "poisson": each(lambda y, eta: y - np.exp(eta)),
    "gamma": each(lambda y, eta: y * np.exp(-eta) - 1.0),
    "logistic": each(lambda y, eta: y - expit(eta)),
    "multinomial": each(lambda y, eta: y - softmax(eta, axis=1)),
    "cox, breslow": of_cox("breslow"),
    "cox, efron": of_cox("efron"),
}


@dataclass(frozen=True)
class Fitted:
    """A fitted model in plain arrays: penalised are the columns of X as they are.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    coef : ndarray of shape (p, K)
    intercept : ndarray of shape (K,)
    strengths, lower, upper : ndarray of shape (p,)
        alpha times the penalty weights, and the bounds.
    rounding : float
        How exact residuals are.
    """

    loss: str
    X: np.ndarray
    y: np.ndarray
    share: np.ndarray
    offset: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    fit_intercept: bool
    penalty: object
    strengths: np.ndarray
    l2: float
    lower: np.ndarray
    upper: np.ndarray
    rounding: float

    @property
    def eta(self):
        """The linear predictors."""
        return self.X @ self.coef + self.intercept + self.offset[:, None]

    @property
    def centred(self):
        """The columns about their means, which changes nothing but digits."""
        return self.X - self.share @ self.X if self.fit_intercept else self.X

    def gradient(self, coef, intercept):
        """Return minus the gradient of loss plus l2 term, and the sums of its slopes."""
        eta = self.X @ coef + intercept + self.offset[:, None]
        slopes = SLOPES[self.loss](self.y, eta, self.share)
        return self.centred.T @ slopes - self.l2 * coef, slopes.sum(axis=0)


def hessian(fit):
    """Return the second derivatives of loss plus l2 term in the coefficients."""
    H = np.empty((fit.coef.size, fit.coef.size))
    for j in range(fit.coef.size):
        step = 1e-4 * np.eye(fit.coef.size)[j].reshape(fit.coef.shape)
        after, before = (fit.gradient(fit.coef + s * step, fit.intercept)[0] for s in (1, -1))
        H[j] = (before - after).ravel() / 2e-4
    return H


# Upper bounds of the second derivatives of losses.
BOUNDS = {"squared": 1.0, "huber": 1.0, "logistic": 0.25, "multinomial": 0.25}


def curvature_bounds(fit):
    """Return upper bounds of the second derivatives of loss plus l2 term, if there are any."""
    if fit.loss.startswith("cox"):  # variances of columns are within a quarter of the range
        return 0.25 * fit.share @ fit.y["event"] * np.ptp(fit.X, axis=0) ** 2 + fit.l2
    return BOUNDS.get(fit.loss, 1.0) * (fit.share @ fit.centred**2) + fit.l2


def violation(fit):
    """Return the largest distance to stationarity, unscaled."""
    if fit.loss == "quantile":
        return quantile_violation(fit)
    q, imbalance = fit.gradient(fit.coef, fit.intercept)
    if fit.fit_intercept:
        assert np.abs(imbalance).max() <= fit.rounding
    if fit.loss == "several" or isinstance(fit.penalty, GroupPenalty):
        return groups_violation(fit, q)
    sides = [np.repeat(side, q.shape[1]) for side in (fit.strengths, fit.lower, fit.upper)]
    if isinstance(fit.penalty, JointPenalty):
        return joint_violation(fit, q.ravel(), fit.coef.ravel(), *sides)
    curvatures = np.ones(q.size)
    if fit.penalty.jumps:
        curvatures = np.repeat(curvature_bounds(fit), q.shape[1])
    b = fit.coef.ravel()
    return distance(q.ravel(), b, fit.penalty, sides[0], curvatures, *sides[1:])


def groups_violation(fit, q):
    """Return the largest Euclidean distance of a group's q to the subdifferential there."""
    penalty, grouped = fit.penalty, isinstance(fit.penalty, GroupPenalty)
    labels = np.array(penalty.groups) if grouped else np.arange(len(q))
    scalar = penalty.norm_penalty if grouped else penalty
    r, worst = getattr(penalty, "l1_ratio", 0.0) if grouped else 0.0, 0.0
    for g in np.unique(labels):
        m = labels == g
        b, pull, strength = fit.coef[m], q[m], fit.strengths[m][0]
        if np.isinf(strength):
            assert not b.any()
            continue
        single, norm = r * strength, np.linalg.norm(b)
        slope = scalar.derivative(norm, (1.0 - r) * strength * np.sqrt(m.sum()))
        rest = pull - (slope * b / norm if norm > 0.0 else 0.0) - single * np.sign(b)
        shrunk = np.sign(rest) * np.maximum(np.abs(rest) - single, 0.0)
        rest = np.where(b == 0.0, shrunk, rest)
        lower, upper = fit.lower[m][:, None], fit.upper[m][:, None]
        outward = ((rest > 0.0) & (upper == 0.0)) | ((rest < 0.0) & (lower == 0.0))
        size = np.linalg.norm(np.where((b == 0.0) & outward, 0.0, rest))
        worst = max(worst, size if norm > 0.0 else max(size - slope, 0.0))
    return worst


def joint_violation(fit, q, b, strengths, lower, upper):
    """Return how far a proximal step moves a coefficient, over the length of the step.

    The step is the inverse of the largest curvature; for constraints on the support, half
    of that, and what moves is told exactly: no coefficient out is worth one that is in.
    """
    H, penalised = hessian(fit), (strengths > 0.0) & np.isfinite(strengths)
    constraint = isinstance(fit.penalty, SupportConstraint)
    c = np.linalg.eigvalsh(H).max()
    if constraint:
        sizes = np.bincount(fit.penalty.units(b.size), np.diag(H))
        c = 2.0 * max(c, sizes.max())
    z = np.clip(b + q / c, lower, upper)
    part = np.where(penalised, z, 0.0)
    strength = strengths[penalised].max()
    if constraint:
        worth = np.sqrt(part * (2.0 * (b + q / c) - part))
        inside = fit.penalty.prox(worth, 1.0 / c, strength) != 0.0
        x = np.where(inside, part, 0.0)
        assert fit.penalty.value(np.where(penalised, b, 0.0), strength) == 0.0
    else:
        x = fit.penalty.prox(part, 1.0 / c, strength)
    x = np.where(strengths == 0.0, z, x)
    return c * np.abs(x - b).max()


def quantile_violation(fit):
    """Return the least violation of a fit to quantiles at level 0.3."""
    kept = np.isfinite(fit.strengths)
    return violation_of_quantiles(
        fit.y - fit.eta[:, 0],
        fit.rounding * np.abs(fit.y).max(),
        0.3,
        fit.share,
        fit.centred,
        fit.coef[:, 0],
        fit.penalty.derivative(fit.coef[:, 0], np.where(kept, fit.strengths, 0.0)),
        np.where(kept, fit.lower, 0.0),
        np.where(kept, fit.upper, 0.0),
        fit.l2,
        fit.fit_intercept,
    )


def violation_of_quantiles(r, rounding, t, share, X, b, slope, lower, upper, l2, fit_intercept):
    """Return the least violation that any slopes of the losses leave, by linear program.

    Parameters
    ----------
    r, share : ndarray of shape (n,)
        Residuals, those up to `rounding` taken for zero, and weights that sum to one.
    t : float
        The level of the quantile.
    X : ndarray of shape (n, p)
    b, slope, lower, upper : ndarray of shape (p,)
        Coefficients, the penalty's derivatives in their sizes, and their bounds.
    """
    tied = np.abs(r) <= rounding
    low = share * np.where(tied | (r < 0.0), t - 1.0, t)
    high = share * np.where(tied | (r > 0.0), t, t - 1.0)
    pull = -l2 * b - np.sign(b) * slope  # what the slopes' pull has to balance
    margin = np.where(b == 0.0, slope, 0.0)
    up = np.where(b < upper, margin - pull, np.inf)
    down = np.where(b > lower, margin + pull, np.inf)
    Z = X.T
    if fit_intercept:
        Z = np.vstack([Z, np.ones(len(r))])
        up, down = np.append(up, 0.0), np.append(down, 0.0)
    A = np.vstack([np.hstack([s * Z, -np.ones((len(Z), 1))]) for s in (1, -1)])
    sides = np.concatenate([up, down])
    used = np.isfinite(sides)
    bounds = [*zip(low, high, strict=True), (0, None)]
    cost = np.append(np.zeros(len(r)), 1.0)
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    return linprog(cost, A_ub=A[used], b_ub=sides[used], bounds=bounds, options=options).fun
