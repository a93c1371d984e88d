"""Labels that say which group each coefficient belongs to."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

__all__ = ["GroupIndex", "as_tuple", "check_group_size"]


class GroupIndex:
    """Groups numbered from 0 in the order of their sorted labels.

    Parameters
    ----------
    owner : object
        Who the labels belong to, for messages.
    labels : tuple of shape (p,)
        A label of any sortable type for each coefficient.

    Attributes
    ----------
    of : ndarray of int, shape (p,)
        The number of each coefficient's group.
    count : int
    sizes : ndarray of int, shape (count,)
        How many coefficients each group has.
    order : ndarray of int, shape (p,)
        The coefficients sorted by group, those of a group in the order given.
    starts : ndarray of int, shape (count,)
        Where each group begins in `order`.
    """

    def __init__(self, owner: object, labels: tuple) -> None:
        error = (
            f"The 'groups' parameter of {type(owner).__name__} must hold one label for each "
            "coefficient, all numbers or all strings. Got "
        )
        if not isinstance(labels, tuple):
            raise TypeError(error + f"{labels!r}.")
        if len(labels) == 0:
            raise ValueError(error + "none.")
        if len({isinstance(label, str) for label in labels}) > 1:
            raise TypeError(error + "both.")
        try:
            values = np.asarray(labels)
        except ValueError:  # sequences of several lengths
            raise ValueError(error + f"{labels[:3]!r} ...") from None
        if values.ndim != 1 or values.dtype == object or (values != values).any():
            raise ValueError(error + f"{labels[:3]!r} ...")
        unique, self.of = np.unique(values, return_inverse=True)
        self.count = unique.size
        self.sizes = np.bincount(self.of)
        self.order = np.argsort(self.of, kind="stable")
        self.starts = np.cumsum(self.sizes) - self.sizes

    def norms(self, b: np.ndarray) -> np.ndarray:
        """Return the Euclidean norms of the groups of a vector."""
        unit = float(np.abs(b).max(initial=0.0)) or 1.0  # squares may leave the range
        return unit * np.sqrt(np.bincount(self.of, (b / unit) ** 2, minlength=self.count))


def as_tuple(values: Any) -> Any:
    """Return a sequence as a tuple of plain numbers or strings; a tuple as it is.

    So are values without an order of their own: the keys of a dict are no labels.
    """
    if isinstance(values, tuple | Mapping | Set) or not isinstance(values, Iterable):
        return values
    return tuple(v.item() if isinstance(v, np.generic) else v for v in values)


def check_group_size(owner: Any, size: int) -> None:
    """Raise if there is not one label for each of so many coefficients."""
    if len(owner.groups) != size:
        raise ValueError(
            f"The 'groups' parameter of {type(owner).__name__} must hold one label for each of "
            f"{size} coefficients. Got {len(owner.groups)}."
        )
