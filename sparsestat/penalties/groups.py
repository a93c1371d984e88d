"""Penalties on groups of coefficients: scalar penalties of the groups' norms."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sparsestat._parameters import check_flag, check_parameter
from sparsestat.penalties.base import BasePenalty, Penalty
from sparsestat.penalties.group_labels import GroupIndex, as_tuple, check_group_size
from sparsestat.penalties.l1 import L1
from sparsestat.penalties.mcp import FLATTEST, MCP, rescaled
from sparsestat.penalties.scad import SCAD

__all__ = [
    "GroupLasso",
    "GroupMCP",
    "GroupPenalty",
    "GroupSCAD",
    "SparseGroupLasso",
    "root_of_shrunk_norm",
]


@dataclass(frozen=True, repr=False)
class GroupPenalty(BasePenalty):
    """Base of all penalties on the Euclidean norms of groups of coefficients.

    p(b; alpha) = sum_g P(norm(b_g); alpha (1 - r) root_g) + alpha r sum_j abs(b_j)

    with root_g the square root of the size of group g, P the scalar penalty
    :attr:`norm_penalty` and r the :attr:`l1_share`, which is 0 for most. Penalty weights
    multiply alpha and must be equal within a group. A group penalty with another P is a
    frozen dataclass with that property.

    Parameters
    ----------
    groups : sequence of shape (n_features,)
        The label of each coefficient's group, in any order: numbers or strings. Kept as a
        tuple.
    """

    groups: Any

    _index: ClassVar[GroupIndex]  # set for each instance

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", as_tuple(self.groups))
        object.__setattr__(self, "_index", GroupIndex(self, self.groups))

    @property
    @abstractmethod
    def norm_penalty(self) -> Penalty:
        """The scalar penalty P of the norms."""

    @property
    def l1_share(self) -> float:
        """The share r of alpha that is the strength on single coefficients."""
        return 0.0

    @property
    def index(self) -> GroupIndex:
        """The groups by number."""
        return self._index

    @property
    def roots(self) -> np.ndarray:
        """The strengths of the groups at alpha = 1: (1 - r) times the root of the size."""
        return (1.0 - self.l1_share) * np.sqrt(self._index.sizes)

    def check_size(self, n_features: int) -> None:
        """Raise if there is not one label for each coefficient."""
        check_group_size(self, n_features)

    def value(self, b: Any, alpha: float) -> float:
        """Evaluate the penalty.

        Parameters
        ----------
        b : array-like of shape (n_features,)
            Coefficients.
        alpha : float
            Strength.
        """
        b = self._read(b)
        parts = self.norm_penalty.value(self._index.norms(b), alpha * self.roots)
        return float(parts.sum() + alpha * self.l1_share * np.abs(b).sum())

    def prox(self, z: Any, step: float, alpha: float) -> np.ndarray:
        """Evaluate the proximal operator.

        Parameters
        ----------
        z : array-like of shape (n_features,)
        step : float
            Positive step size.
        alpha : float
            Strength.

        Returns
        -------
        ndarray of shape (n_features,)
            A minimiser over x of norm(x - z)^2 / 2 + step * p(x; alpha): z is shrunk
            towards zero one by one, then the norms of the groups are.
        """
        z = self._shrunk(z, step * alpha)
        norms = self._index.norms(z)
        after = self.norm_penalty.prox(norms, step, alpha * self.roots)
        return z * (after / np.where(norms > 0.0, norms, 1.0))[self._index.of]

    def strength_for(self, q: Any) -> np.ndarray:
        """Return, for each group, the least alpha at which its zero withstands q.

        Parameters
        ----------
        q : array-like of shape (n_features,)
            Negative gradients of the loss.

        Returns
        -------
        ndarray of shape (n_groups,)
            By number of the group; 0 where the group's q is 0.
        """
        sizes, index = np.abs(self._read(q)), self._index
        slope, r = self.norm_penalty.slope_at_zero(1.0), self.l1_share
        if r == 0.0:
            return index.norms(sizes) / (slope * self.roots)
        sorted_sizes, of = sizes[index.order], index.of[index.order]
        shares = np.full(index.count, r)
        return root_of_shrunk_norm(sorted_sizes, of, index.starts, shares, slope * self.roots)

    def _shrunk(self, z: Any, threshold: float) -> np.ndarray:
        z = self._read(z)
        return np.sign(z) * np.maximum(np.abs(z) - threshold * self.l1_share, 0.0)

    def _read(self, b: Any) -> np.ndarray:
        b = np.asarray(b, dtype=np.float64)
        if b.ndim != 1:
            raise ValueError(f"Got an array of shape {b.shape} where a vector was expected.")
        self.check_size(b.size)
        return b


def root_of_shrunk_norm(
    sizes: np.ndarray, of: np.ndarray, starts: np.ndarray, r: np.ndarray, s: np.ndarray
) -> np.ndarray:
    """Return, for each group, the a at which norm(max(sizes - r a, 0)) = s a.

    With the k largest sizes above r a that is a quadratic equation; k follows from the
    signs of norm(...)^2 - (s a)^2, which falls in a, where r a equals one of the sizes.

    Parameters
    ----------
    sizes : ndarray of shape (p,)
        Nonnegative numbers, those of a group together.
    of : ndarray of int, shape (p,)
        The number of the group of each.
    starts : ndarray of int, shape (n_groups,)
        Where each group begins.
    r, s : ndarray of shape (n_groups,)
        r > 0, s >= 0.
    """
    t = sizes[np.lexsort((-sizes, of))]
    unit = np.where(t[starts] > 0.0, t[starts], 1.0)  # the largest of each group
    t = t / unit[of]
    rank = np.arange(1, t.size + 1) - starts[of]  # k, for each of the sizes
    first, second = (np.cumsum(v) - (np.cumsum(v) - v)[starts][of] for v in (t, t * t))
    excess = second - 2.0 * t * first + rank * t * t - (s / r)[of] ** 2 * t * t
    k = np.maximum(np.add.reduceat((excess <= 0.0).astype(np.intp), starts), 1)
    above = np.where(rank <= k[of], t, 0.0)
    b, c = r * np.add.reduceat(above, starts), np.add.reduceat(above**2, starts)
    below = b + np.sqrt(np.maximum(b * b - (k * r * r - s**2) * c, 0.0))
    return unit * np.where(c > 0.0, c / np.where(below > 0.0, below, 1.0), 0.0)


class _Norm:
    """What makes a group penalty a norm: its conjugate, and how cvxpy may take it."""

    def conjugate(self: Any, q: Any, alpha: float) -> float:
        """Evaluate max over b of q'b - p(b; alpha): 0 within the limits, else infinite."""
        within = (self.strength_for(q) <= alpha).all()
        return 0.0 if within else float("inf")

    def expression(self: Any, cp: Any, b: Any, alpha: Any, weights: np.ndarray) -> Any:
        """Write the penalty for cvxpy, see :class:`L1`; weights are equal within groups.

        Where features have several coefficients each, side by side, a group has all of
        its features'.
        """
        index = self._index
        of = np.repeat(index.of, b.size // index.of.size)
        groups = [np.flatnonzero(of == g) for g in range(index.count)]
        norms = sum(
            weights[group[0]] * root * cp.norm(b[group])
            for group, root in zip(groups, self.roots, strict=True)
        )
        return alpha * (norms + self.l1_share * (weights @ cp.abs(b)))


@dataclass(frozen=True, repr=False)
class GroupLasso(_Norm, GroupPenalty):
    """The group lasso p(b; alpha) = alpha sum_g root_g norm(b_g).

    root_g is the square root of the size of group g. Convex; groups are zero or nonzero
    as a whole.

    Parameters
    ----------
    groups : sequence of shape (n_features,)
        The label of each feature's group: numbers or strings, in any order.

    Raises
    ------
    TypeError, ValueError
        If `groups` is not a sequence of labels. Estimators raise ValueError if there is
        not one for each feature.

    References
    ----------
    M. Yuan, Y. Lin (2006). Model selection and estimation in regression with grouped
    variables. Journal of the Royal Statistical Society B 68, 49-67.

    Examples
    --------
    >>> from sparsestat import GroupLasso
    >>> GroupLasso(["a", "a", "b"]).prox([3.0, 4.0, 0.5], step=1.0, alpha=1.0).round(3)
    array([2.151, 2.869, 0.   ])
    """

    convex = True

    @property
    def norm_penalty(self) -> Penalty:
        """L1: the norms themselves."""
        return L1()


@dataclass(frozen=True, repr=False)
class SparseGroupLasso(_Norm, GroupPenalty):
    """The sparse group lasso: lasso and group lasso together.

    p(b; alpha) = alpha ((1 - r) sum_g root_g norm(b_g) + r sum_j abs(b_j)) with r the
    `l1_ratio` and root_g the square root of the size of group g. Convex; groups can be
    zero, and so can features of those that are not.

    Parameters
    ----------
    groups : sequence of shape (n_features,)
        The label of each feature's group: numbers or strings, in any order.
    l1_ratio : float, default=0.5
        r, in [0, 1]: 1 is the lasso, 0 the group lasso.

    Raises
    ------
    TypeError, ValueError
        If `groups` is not a sequence of labels or `l1_ratio` not a real number in [0, 1].

    References
    ----------
    N. Simon, J. Friedman, T. Hastie, R. Tibshirani (2013). A sparse-group lasso. Journal
    of Computational and Graphical Statistics 22, 231-245.

    Examples
    --------
    >>> from sparsestat import SparseGroupLasso
    >>> penalty = SparseGroupLasso([0, 0, 1, 1], l1_ratio=0.5)
    >>> penalty.prox([3.0, 0.2, 0.5, 0.5], step=1.0, alpha=1.0).round(3)
    array([1.793, 0.   , 0.   , 0.   ])
    """

    l1_ratio: float = 0.5
    convex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_parameter(self, "l1_ratio", at_least=0.0, at_most=1.0)

    @property
    def norm_penalty(self) -> Penalty:
        """L1: the norms themselves."""
        return L1()

    @property
    def l1_share(self) -> float:
        """The `l1_ratio`."""
        return float(self.l1_ratio)


@dataclass(frozen=True, repr=False)
class GroupMCP(GroupPenalty):
    """The minimax concave penalty of the norms of groups.

    p(b; alpha) = sum_g MCP(norm(b_g); alpha root_g), root_g the square root of the size of
    group g: groups with norms beyond gamma alpha root_g are not shrunk.

    Parameters
    ----------
    groups : sequence of shape (n_features,)
        The label of each feature's group: numbers or strings, in any order.
    gamma, adaptive
        As in :class:`MCP`.

    Raises
    ------
    TypeError, ValueError
        If `groups` is not a sequence of labels, or as :class:`MCP` raises them.

    References
    ----------
    P. Breheny, J. Huang (2015). Group descent algorithms for nonconvex penalized linear
    and logistic regression models with grouped predictors. Statistics and Computing 25,
    173-187.

    Examples
    --------
    >>> from sparsestat import GroupMCP
    >>> GroupMCP([0, 0, 1]).prox([3.0, 4.0, 0.5], step=1.0, alpha=1.0)
    array([3., 4., 0.])
    """

    gamma: float = 3.0
    adaptive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_parameter(self, "gamma", above=1.0)
        check_flag(self, "adaptive")

    @property
    def norm_penalty(self) -> Penalty:
        """MCP with the same gamma."""
        return rescaled(MCP(), self.gamma)

    @property
    def concavity(self) -> float:
        """The largest -P''."""
        return 1.0 / self.gamma

    def for_loss(self, bound: float, at_null: float) -> "GroupMCP":
        """Return the penalty to use with a loss: gamma over its curvature if adaptive."""
        return rescaled(self, self.gamma / max(at_null, FLATTEST)) if self.adaptive else self


@dataclass(frozen=True, repr=False)
class GroupSCAD(GroupPenalty):
    """The SCAD penalty of the norms of groups.

    p(b; alpha) = sum_g SCAD(norm(b_g); alpha root_g), root_g the square root of the size of
    group g.

    Parameters
    ----------
    groups : sequence of shape (n_features,)
        The label of each feature's group: numbers or strings, in any order.
    gamma, adaptive
        As in :class:`SCAD`.

    Raises
    ------
    TypeError, ValueError
        If `groups` is not a sequence of labels, or as :class:`SCAD` raises them.

    References
    ----------
    P. Breheny, J. Huang (2015), as for :class:`GroupMCP`.

    Examples
    --------
    >>> from sparsestat import GroupSCAD
    >>> GroupSCAD([0, 0, 1]).prox([6.0, 8.0, 0.5], step=1.0, alpha=1.0)
    array([6., 8., 0.])
    """

    gamma: float = 3.7
    adaptive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_parameter(self, "gamma", above=2.0)
        check_flag(self, "adaptive")

    @property
    def norm_penalty(self) -> Penalty:
        """SCAD with the same gamma."""
        return rescaled(SCAD(), self.gamma)

    @property
    def concavity(self) -> float:
        """The largest -P''."""
        return 1.0 / (self.gamma - 1.0)

    def for_loss(self, bound: float, at_null: float) -> "GroupSCAD":
        """Return the penalty to use with a loss, gamma rescaled if adaptive."""
        if not self.adaptive:
            return self
        return rescaled(self, 1.0 + (self.gamma - 1.0) / max(at_null, FLATTEST))
