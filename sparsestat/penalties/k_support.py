"""The squared k-support norm, and the shares that it and its relatives are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsestat.penalties.joint import JointPenalty, check_count

__all__ = ["KSupport", "envelope_expression", "envelope_value", "shares"]


def shares(
    sizes: np.ndarray, costs: np.ndarray | float, budget: float, ridge: float
) -> np.ndarray:
    """Return the u in [0, 1] that minimise sum_j sizes_j^2 / (u_j + ridge) within a budget.

    The sum of costs_j u_j is at most `budget`. With a_j = sizes_j / sqrt(costs_j), u_j is
    t a_j - ridge, clipped to [0, 1], for the t at which the budget is spent: what is spent
    is piecewise linear in t and rises. At t = ridge / a_r, with r the first at which the
    costs of the largest a_j add up to the budget, less is spent, and at
    t = (1 + ridge) / a_r no less; counted from there no digits are lost to a large ridge.
    """
    u = np.zeros(sizes.size)
    used = np.flatnonzero(sizes)
    d = np.broadcast_to(costs, sizes.shape)[used]
    if d.sum() <= budget:
        u[used] = 1.0
        return u
    a = sizes[used] / np.sqrt(d)
    order = np.argsort(-a)
    r = order[min(int(np.searchsorted(np.cumsum(d[order]), budget)), used.size - 1)]
    begin = ridge * ((a - a[r]) / a[r])

    def at(t):
        return np.clip(a * t + begin, 0.0, 1.0)

    with np.errstate(over="ignore"):
        kinks = np.concatenate([-begin / a, (1.0 - begin) / a])
    kinks = np.sort(kinks[(kinks > 0.0) & (kinks * a[r] < 1.0)])
    kinks = np.concatenate([[0.0], kinks, [1.0 / a[r]]])
    low, high = 0, kinks.size - 1  # the budget is spent between these
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if d @ at(kinks[middle]) < budget else (low, middle)
    start, end = kinks[low], kinks[high]
    middle = a * (0.5 * (start + end)) + begin
    rising = (middle > 0.0) & (middle < 1.0)
    missing = budget - d @ at(start)
    rate = d[rising] @ a[rising]
    t = min(start + max(missing, 0.0) / rate, end) if rate > 0.0 else end
    u[used] = at(t)
    return u


def envelope_value(sizes: np.ndarray, costs: np.ndarray | float, budget: float) -> float:
    """Return half the least sum_j sizes_j^2 / u_j over shares u within the budget."""
    unit = float(sizes.max(initial=0.0))
    if unit == 0.0:
        return 0.0
    sizes = sizes / unit
    u = shares(sizes, costs, budget, 0.0)
    used = u > 0.0
    return 0.5 * unit**2 * float((sizes[used] ** 2 / u[used]).sum())


def envelope_expression(
    cp: Any, b: Any, groups: Sequence[np.ndarray], costs: np.ndarray | float, budget: float
) -> Any:
    """Write the same for cvxpy, of the norms of groups of entries of b."""
    u = cp.Variable(len(groups), nonneg=True)
    terms = sum(cp.quad_over_lin(b[group], u[g]) for g, group in enumerate(groups))
    spent = cp.sum(cp.multiply(np.broadcast_to(costs, len(groups)), u))
    return 0.5 * terms + cp.transforms.indicator([u <= 1.0, spent <= budget])


@dataclass(frozen=True, repr=False)
class KSupport(JointPenalty):
    """Half the squared k-support norm: a convex penalty that lets k coefficients be large.

    p(b; alpha) = alpha norm(b)_k^2 / 2, where the unit ball of the norm is the convex hull
    of the vectors of length at most one with at most k nonzero entries: the tightest convex
    stand-in for a ridge penalty on k-sparse vectors. With k = 1 it is half the squared l1
    norm, with k = p the ridge penalty. Tune k and alpha together.

    Parameters
    ----------
    k : int, default=10
        The number of coefficients that share the penalty as in ridge regression, >= 1.
        Solutions can have more nonzero coefficients than k, above all for small alpha.

    Raises
    ------
    TypeError, ValueError
        If `k` is not an integer >= 1.

    References
    ----------
    A. Argyriou, R. Foygel, N. Srebro (2012). Sparse prediction with the k-support norm.
    Advances in Neural Information Processing Systems 25.

    Examples
    --------
    >>> from sparsestat.penalties import KSupport
    >>> KSupport(k=1).value([3.0, -4.0], alpha=1.0)
    24.5
    >>> KSupport(k=2).prox([3.0, 2.0, 0.5], step=1.0, alpha=1.0)
    array([1.5, 1. , 0. ])
    """

    k: int = 10
    convex = True

    def __post_init__(self) -> None:
        check_count(self, "k")

    def value(self, b: Any, alpha: float) -> float:
        """Evaluate the penalty."""
        return alpha * envelope_value(np.abs(np.asarray(b, dtype=float)), 1.0, self.k)

    def prox(self, z: Any, step: float, alpha: float) -> np.ndarray:
        """Evaluate the proximal operator, exactly: by sorting."""
        z = np.array(z, dtype=np.float64)
        ridge = step * alpha
        if ridge == 0.0:
            return z
        u = shares(np.abs(z), 1.0, self.k, ridge)
        return z * (u / (u + ridge))

    def conjugate(self, q: Any, alpha: float) -> float:
        """Evaluate max over b of q'b - p(b; alpha): the sum of k largest squares / 2 alpha."""
        squares = np.square(np.asarray(q, dtype=np.float64))
        if alpha == 0.0:
            return float("inf") if squares.any() else 0.0
        k = min(self.k, squares.size)
        return float(np.partition(squares, squares.size - k)[-k:].sum()) / (2.0 * alpha)

    def expression(self, cp: Any, b: Any, alpha: Any, weights: np.ndarray) -> Any:
        """Write the penalty for cvxpy, see :class:`L1`; equal weights, or zero."""
        units = list(np.flatnonzero(weights)[:, None])
        envelope = envelope_expression(cp, b, units, 1.0, float(self.k))
        return alpha * float(weights.max()) * envelope
