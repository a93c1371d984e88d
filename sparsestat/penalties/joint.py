"""Penalties on the whole vector of coefficients, which no coordinate has to itself."""

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from sparsestat.penalties.base import BasePenalty

__all__ = ["JointPenalty", "SupportConstraint", "check_count"]


@dataclass(frozen=True, repr=False)
class JointPenalty(BasePenalty):
    """Base of all penalties whose proximal operator depends on all coefficients.

    A joint penalty depends on the sizes abs(b_j) only and does not fall as one of them
    grows; its proximal operator leaves zeros at zero, and other coefficients as if the
    zeros were not there. So solvers leave coefficients out of a penalty by zeros in their
    place, and take max(z, 0) for z where coefficients are to be nonnegative.

    Attributes
    ----------
    convex : bool
        Whether the penalty is convex in b. Convex ones define ``conjugate``.
    """

    @abstractmethod
    def value(self, b: Any, alpha: float) -> float:
        """Evaluate the penalty, infinite where b violates a constraint.

        Parameters
        ----------
        b : array-like of shape (p,)
            Coefficients.
        alpha : float
            Strength.
        """

    @abstractmethod
    def prox(self, z: Any, step: float, alpha: float) -> np.ndarray:
        """Evaluate the proximal operator.

        Parameters
        ----------
        z : array-like of shape (p,)
        step : float
            Positive step size.
        alpha : float
            Strength.

        Returns
        -------
        ndarray of shape (p,)
            A minimiser over x of norm(x - z)^2 / 2 + step * p(x; alpha).
        """

    def strength_for(self, gradient: Any, curvature: Any) -> np.ndarray:
        """Return the strengths from which on a coefficient stays zero: there are none."""
        return np.full(np.shape(gradient), np.inf)

    def check_size(self, n_features: int) -> None:
        """Raise if the penalty is made for another number of coefficients."""

    def for_classes(self, n_classes: int) -> "JointPenalty":
        """Return the penalty to use where features have a coefficient for each class.

        The coefficients of a feature are side by side, and in the group of their feature.
        """
        return self


@dataclass(frozen=True, repr=False)
class SupportConstraint(JointPenalty):
    """Base of constraints on which coefficients may be nonzero: 0 if met, else infinite.

    Every alpha > 0 means the same; alpha = 0 lifts the constraint. Coefficients belong to
    units, which are in or out as a whole, and units to pools, each of which has room for
    so many.
    """

    @abstractmethod
    def units(self, n_features: int) -> np.ndarray:
        """Return the number of each coefficient's unit, from 0 on, shape (n_features,)."""

    @abstractmethod
    def pools(self, n_units: int) -> np.ndarray:
        """Return the number of each unit's pool, from 0 on, shape (n_units,)."""

    @property
    @abstractmethod
    def room(self) -> int:
        """How many units of each pool may be in."""

    @abstractmethod
    def choose(self, sizes: np.ndarray) -> np.ndarray:
        """Return which units to keep: those of the largest positive sizes, as a mask.

        Of equal ones those that come first are kept.
        """

    def sizes(self, b: np.ndarray) -> np.ndarray:
        """Return the Euclidean norms of the units of a vector of coefficients."""
        return np.abs(b)

    def value(self, b: Any, alpha: float) -> float:
        """Return 0 if the constraint is met, infinity if not."""
        b = np.asarray(b, dtype=np.float64)
        if alpha == 0.0 or np.array_equal(self.prox(b, 1.0, alpha), b):
            return 0.0
        return float("inf")

    def prox(self, z: Any, step: float, alpha: float) -> np.ndarray:
        """Return the nearest vector that meets the constraint, whatever the step.

        Parameters
        ----------
        z : array-like of shape (p,)
        step, alpha : float
            Only whether `alpha` is 0 matters.
        """
        z = np.array(z, dtype=np.float64)
        self.check_size(z.size)
        if alpha != 0.0:
            z[~self.choose(self.sizes(z))[self.units(z.size)]] = 0.0
        return z


def largest(sizes: np.ndarray, count: int) -> np.ndarray:
    """Return a mask of the `count` largest positive numbers along the last axis.

    Of equal ones those that come first.
    """
    if count >= sizes.shape[-1]:
        return sizes > 0.0
    border = -np.partition(-sizes, count - 1, axis=-1)[..., count - 1, None]
    mask = sizes > border
    rest = count - mask.sum(axis=-1, keepdims=True)
    ties = (sizes == border) & (border > 0.0)
    return mask | (ties & (ties.cumsum(axis=-1) <= rest))


def check_count(owner: object, name: str) -> None:
    """Raise if a parameter is not an integer >= 1."""
    value = getattr(owner, name)
    error = f"The {name!r} parameter of {type(owner).__name__} must be an integer >= 1. "
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(error + f"Got {value!r}.")
    if value < 1:
        raise ValueError(error + f"Got {value!r}.")
