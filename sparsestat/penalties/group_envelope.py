"""The group envelope: the k-support penalty of group norms, groups at a cost."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sparsestat._parameters import check_parameter
from sparsestat.penalties.group_labels import GroupIndex, as_tuple, check_group_size
from sparsestat.penalties.joint import JointPenalty
from sparsestat.penalties.k_support import envelope_expression, envelope_value, shares

__all__ = ["GroupEnvelope"]


@dataclass(frozen=True, repr=False)
class GroupEnvelope(JointPenalty):
    """A convex penalty that lets groups of coefficients be large within a budget.

    p(b; alpha) = (alpha / 2) min sum_g norm(b_g)^2 / u_g over shares 0 <= u_g <= 1 of the
    groups whose costs, sum_g d_g u_g, are within the budget k. With unit costs it is the
    convex envelope of a ridge penalty on vectors with at most k nonzero groups, half the
    squared k-support norm of the group norms; with a coefficient a group it is
    :class:`KSupport`. It includes a ridge: tune k and alpha together.

    Parameters
    ----------
    groups : array-like of shape (n_features,)
        The label of each coefficient's group: numbers or strings.
    k : float
        The budget, > 0: for unit costs, how many groups share the penalty as in ridge
        regression.
    costs : array-like of shape (n_groups,), optional
        What each group costs, > 0, in the order of the sorted labels; 1 by default.

    Raises
    ------
    TypeError, ValueError
        If `groups` is not a vector of labels, `k` not a real number > 0, or `costs` not a
        positive number for each group.

    Notes
    -----
    The idea is that of the weighted group sparse envelope function (arXiv:2212.12921, 2022);
    the formulas are our derivation. Where costs differ, the envelope is that of a relaxed
    budget, which may be spent on parts of groups.

    Examples
    --------
    >>> from sparsestat.penalties import GroupEnvelope
    >>> GroupEnvelope(groups=[0, 0, 1], k=1).prox([6.0, 8.0, 1.0], step=1.0, alpha=1.0)
    array([3., 4., 0.])
    """

    groups: Any
    k: float
    costs: Any = None
    convex = True

    _index: ClassVar[GroupIndex]  # set for each instance
    _costs: ClassVar[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", as_tuple(self.groups))
        index = GroupIndex(self, self.groups)
        object.__setattr__(self, "_index", index)
        check_parameter(self, "k", above=0.0)
        if self.costs is None:
            object.__setattr__(self, "_costs", 1.0)
            return
        object.__setattr__(self, "costs", as_tuple(self.costs))
        try:
            costs = np.asarray(self.costs, dtype=np.float64)
        except (TypeError, ValueError):
            costs = np.array(np.nan)
        if costs.shape != (index.count,) or not (np.isfinite(costs) & (costs > 0.0)).all():
            raise ValueError(
                "The 'costs' parameter of GroupEnvelope must be a finite number > 0 for each "
                f"of the {index.count} groups. Got {self.costs!r}."
            )
        object.__setattr__(self, "_costs", costs)

    def check_size(self, n_features: int) -> None:
        """Raise if there is not one label for each coefficient."""
        check_group_size(self, n_features)

    def for_classes(self, n_classes: int) -> "GroupEnvelope":
        """Return the penalty of groups of all coefficients of their features."""
        return replace(self, groups=np.repeat(self.groups, n_classes))

    def _norms(self, b: np.ndarray) -> np.ndarray:
        self.check_size(b.size)
        return self._index.norms(b)

    def value(self, b: Any, alpha: float) -> float:
        """Evaluate the penalty."""
        norms = self._norms(np.asarray(b, dtype=np.float64))
        return alpha * envelope_value(norms, self._costs, self.k)

    def prox(self, z: Any, step: float, alpha: float) -> np.ndarray:
        """Evaluate the proximal operator, exactly: by sorting."""
        z = np.array(z, dtype=np.float64)
        norms, ridge = self._norms(z), step * alpha
        if ridge == 0.0:
            return z
        u = shares(norms, self._costs, self.k, ridge)
        return z * (u / (u + ridge))[self._index.of]

    def conjugate(self, q: Any, alpha: float) -> float:
        """Evaluate max over b of q'b - p(b; alpha): the budget spent where it gains most."""
        squares = self._norms(np.asarray(q, dtype=np.float64)) ** 2
        if alpha == 0.0:
            return float("inf") if squares.any() else 0.0
        costs = np.broadcast_to(self._costs, squares.shape)
        order = np.argsort(-squares / costs)
        before = np.cumsum(costs[order]) - costs[order]
        u = np.clip((self.k - before) / costs[order], 0.0, 1.0)
        return float(u @ squares[order]) / (2.0 * alpha)

    def expression(self, cp: Any, b: Any, alpha: Any, weights: np.ndarray) -> Any:
        """Write the penalty for cvxpy, see :class:`L1`; equal weights, or zero."""
        labels = np.where(weights > 0.0, self._index.of, -1)
        groups = [np.flatnonzero(labels == g) for g in range(self._index.count)]
        costs = np.broadcast_to(self._costs, self._index.count)
        used = [g for g, group in enumerate(groups) if group.size]
        members = [groups[g] for g in used]
        envelope = envelope_expression(cp, b, members, costs[used], float(self.k))
        return alpha * float(weights.max()) * envelope
