"""Constraints on how many coefficients, or groups of them, may be nonzero."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sparsestat.penalties.group_labels import GroupIndex, as_tuple, check_group_size
from sparsestat.penalties.joint import SupportConstraint, check_count, largest

__all__ = ["GroupTopK", "TopK"]


class OnePool(SupportConstraint):
    """A constraint on how many units there may be, wherever they are."""

    k: Any

    def pools(self, n_units: int) -> np.ndarray:
        """Return the number of each unit's pool: there is one."""
        return np.zeros(n_units, dtype=np.intp)

    @property
    def room(self) -> int:
        """How many units may be in."""
        return int(self.k)

    def choose(self, sizes: np.ndarray) -> np.ndarray:
        """Return which units to keep: the k largest."""
        return largest(sizes, self.k)


@dataclass(frozen=True, repr=False)
class TopK(OnePool):
    """The constraint that at most k coefficients are nonzero: best-subset selection.

    Unpenalised features do not count. alpha has no meaning beyond zero or not.

    Parameters
    ----------
    k : int, default=10
        How many coefficients may be nonzero, >= 1.

    Raises
    ------
    TypeError, ValueError
        If `k` is not an integer >= 1.

    References
    ----------
    T. Blumensath, M. E. Davies (2009). Iterative hard thresholding for compressed sensing.
    Applied and Computational Harmonic Analysis 27, 265-274.

    Examples
    --------
    >>> from sparsestat.penalties import TopK
    >>> TopK(k=2).prox([3.0, -1.0, 2.0], step=1.0, alpha=1.0)
    array([3., 0., 2.])
    """

    k: int = 10

    def __post_init__(self) -> None:
        check_count(self, "k")

    def units(self, n_features: int) -> np.ndarray:
        """Return the number of each coefficient's unit: each is one of its own."""
        return np.arange(n_features)


@dataclass(frozen=True, repr=False)
class GroupTopK(OnePool):
    """The constraint that at most k groups of coefficients are nonzero.

    Parameters
    ----------
    groups : array-like of shape (n_features,)
        The label of each coefficient's group: numbers or strings.
    k : int
        How many groups may be nonzero, >= 1.

    Raises
    ------
    TypeError, ValueError
        If `groups` is not a vector of labels or `k` not an integer >= 1.

    Examples
    --------
    >>> from sparsestat.penalties import GroupTopK
    >>> GroupTopK(groups=["a", "a", "b"], k=1).prox([3.0, -1.0, 2.0], step=1.0, alpha=1.0)
    array([ 3., -1.,  0.])
    """

    groups: Any
    k: int
    _index: ClassVar[GroupIndex]  # set for each instance

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", as_tuple(self.groups))
        object.__setattr__(self, "_index", GroupIndex(self, self.groups))
        check_count(self, "k")

    def check_size(self, n_features: int) -> None:
        """Raise if there is not one label for each coefficient."""
        check_group_size(self, n_features)

    def for_classes(self, n_classes: int) -> "GroupTopK":
        """Return the penalty of groups of all coefficients of their features."""
        return replace(self, groups=np.repeat(self.groups, n_classes))

    def units(self, n_features: int) -> np.ndarray:
        """Return the number of each coefficient's group."""
        return self._index.of

    def sizes(self, b: np.ndarray) -> np.ndarray:
        """Return the Euclidean norms of the groups."""
        return self._index.norms(b)
