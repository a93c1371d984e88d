"""What solvers need to know of the penalty of a problem: which coefficients it joins.

A penalty is separable, or a function of groups of coefficients that enter together (see
:mod:`~sparsestat.solvers.grouped`). Working sets, certificates and the strengths at which
paths begin ask the problem's :class:`Structure`, and know no other difference.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from sparsestat.linalg import LazyGradient
from sparsestat.solvers.quadratic import SeparableTerms

__all__ = ["Separable", "Structure"]


class Structure(ABC):
    """The penalty of a problem: what it joins, its limits, its terms.

    Features come and go in units, whole ones, which are single features or groups.

    Parameters
    ----------
    problem : Problem

    Attributes
    ----------
    scalar : Penalty
        The penalty of single coefficients, or of the norms of groups.
    """

    scalar: Any

    def __init__(self, problem: Any) -> None:
        self.problem = problem

    @abstractmethod
    def whole(self, mask: np.ndarray) -> np.ndarray:
        """Return the features of a mask, unit by unit, with all others of their units."""

    @abstractmethod
    def support(self, features: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the positions of the nonzero units among some features."""

    @abstractmethod
    def watch(self, residual: np.ndarray) -> Any:
        """Return what keeps the gradients of features that rest, all of them so far."""

    @abstractmethod
    def limits(self, alpha: float) -> Any:
        """Return what gradients zero coefficients withstand at a strength."""

    @abstractmethod
    def beyond(self, gradient: Any, limits: Any, share: float = 1.0) -> np.ndarray:
        """Return the resting features of units beyond a share of their limits."""

    @abstractmethod
    def worst(
        self,
        features: np.ndarray,
        gradient: Any,
        limits: Any,
        room: int,
        slack: float = -np.inf,
    ) -> np.ndarray:
        """Return those of some features, whole units, that a working set is to take in.

        Of the units beyond their limits by more than `slack` those that are the furthest
        beyond, at least one and not more than there is `room` for.
        """

    @abstractmethod
    def terms(self, alpha: float, features: np.ndarray) -> Any:
        """Return the :class:`~sparsestat.solvers.terms.Terms` of some features, whole units."""

    @abstractmethod
    def alpha_max(self, gradient: np.ndarray) -> float:
        """Return the smallest strength at which all penalised coefficients may be zero.

        `gradient` is minus that of the loss, at the null model.
        """


class Separable(Structure):
    """A penalty on single coefficients."""

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.scalar = problem.penalty

    def whole(self, mask: np.ndarray) -> np.ndarray:
        """Return the features of a mask."""
        return np.flatnonzero(mask)

    def support(self, features: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the positions of the nonzero coefficients."""
        return np.flatnonzero(w)

    def watch(self, residual: np.ndarray) -> LazyGradient:
        """Return gradients that are computed only where they might matter."""
        problem = self.problem
        return LazyGradient(
            problem.design,
            residual,
            problem.gradient_at_zero,
            problem.upper > 0.0,
            problem.lower < 0.0,
        )

    def limits(self, alpha: float) -> np.ndarray:
        """Return the largest gradients that zero coefficients withstand."""
        return self.problem.limits(alpha)

    def beyond(
        self, gradient: LazyGradient, limits: np.ndarray, share: float = 1.0
    ) -> np.ndarray:
        """Return the resting features beyond a share of their limits."""
        return np.flatnonzero(gradient.resting & (gradient.pull > share * limits))

    def worst(
        self,
        features: np.ndarray,
        gradient: LazyGradient,
        limits: np.ndarray,
        room: int,
        slack: float = -np.inf,
    ) -> np.ndarray:
        """Return the features that are the furthest beyond their limits."""
        if features.size == 0:
            return features
        excess = gradient.pull[features] - limits[features]
        features, excess = features[excess > slack], excess[excess > slack]
        if features.size <= room:
            return features
        return np.sort(features[np.argpartition(excess, -room)[-room:]])

    def terms(self, alpha: float, features: np.ndarray) -> SeparableTerms:
        """Return the terms of some features."""
        problem = self.problem
        return SeparableTerms(
            problem.penalty.parameters,
            problem.strengths(alpha, features),
            problem.lower[features],
            problem.upper[features],
        )

    def alpha_max(self, gradient: np.ndarray) -> float:
        """Return the smallest strength at which all penalised coefficients may be zero."""
        problem = self.problem
        penalised = (problem.weights > 0.0) & np.isfinite(problem.weights)
        pull = problem.pull(gradient)[penalised]
        pulled = pull > 0.0
        strengths = problem.penalty.strength_for(
            pull[pulled], problem.curvatures[penalised][pulled]
        )
        return float((strengths / problem.weights[penalised][pulled]).max(initial=0.0))
