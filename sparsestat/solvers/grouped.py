"""Penalties of the norms of groups, of features or of a feature's coefficients for tasks."""

from typing import Any, NamedTuple

import numpy as np

from sparsestat.penalties import GroupPenalty
from sparsestat.penalties.group_labels import GroupIndex
from sparsestat.penalties.groups import root_of_shrunk_norm
from sparsestat.solvers.group_terms import GroupTerms, shrunk
from sparsestat.solvers.structure import Structure

__all__ = ["GroupLimits", "Grouped"]


class GroupLimits(NamedTuple):
    """What zero groups withstand: norms of gradients that are moved towards zero first.

    Parameters
    ----------
    norms, singles : ndarray of shape (n_groups,)
    """

    norms: np.ndarray
    singles: np.ndarray


class FullGradient:
    """The gradients of all coefficients, computed anew whenever residuals change.

    Attributes
    ----------
    values : ndarray of shape (p,) or (n_responses, p)
    resting : ndarray of bool, shape (p,)
        The features to watch: neither worked on nor excluded.
    """

    def __init__(self, problem: Any) -> None:
        self._design = problem.design
        self.values = problem.gradient_at_zero
        self.resting = np.ones(problem.n_features, dtype=bool)

    def rest(self, features: np.ndarray, gradient: np.ndarray) -> None:
        """Watch these features from now on."""
        self.resting[features] = True

    def refresh(self, residual: np.ndarray, limits: GroupLimits) -> None:
        """Make all values exact."""
        self.values = self._design.gradient(residual)


class Grouped(Structure):
    """A penalty of the norms of groups of coefficients.

    The groups are those of a group penalty. For a penalty on single coefficients and
    several responses they are the features, each with its coefficients for all responses.

    Parameters
    ----------
    problem : Problem

    Raises
    ------
    ValueError
        If there are not as many labels as features, or penalty weights differ in a group.
    """

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        penalty, p = problem.penalty, problem.n_features
        if isinstance(penalty, GroupPenalty):
            classes = getattr(problem.design, "n_responses", 1)
            penalty.check_size(p // classes)
            self.index = penalty.index
            if classes > 1:  # a group is its features' coefficients for all of them
                self.index = GroupIndex(penalty, tuple(np.repeat(self.index.of, classes)))
            self.scalar = penalty.norm_penalty
            roots, singles = penalty.roots, penalty.l1_share
        else:
            self.index = GroupIndex(self, tuple(range(p)))
            self.scalar = penalty
            roots, singles = np.ones(p), 0.0
        firsts = self.index.order[self.index.starts]
        weights = problem.weights[firsts]
        if not np.array_equal(weights[self.index.of], problem.weights):
            raise ValueError(
                f"penalty_weights must be equal within each group of {penalty}: a group is "
                "penalised as a whole."
            )
        self._firsts = firsts
        self._free = weights == 0.0
        self._excluded = np.isinf(weights)
        weights = np.where(self._excluded, 0.0, weights)
        self._roots, self._singles = weights * roots, weights * singles
        self._falls, self._rises = problem.lower < 0.0, problem.upper > 0.0

    @property
    def refusal(self) -> str | None:
        """Why no solver for groups can take the problem, None if they can."""
        problem = self.problem
        if self.scalar.jumps:
            return f"it takes penalties that have a slope at zero, and {problem.penalty} jumps."
        free = np.isin(problem.lower, (0.0, -np.inf)) & np.isin(problem.upper, (0.0, np.inf))
        if not free.all():
            return (
                f"with {problem.penalty} coefficients may be free, nonnegative or nonpositive, "
                "but not kept between other bounds: the proximal operator of a group within a "
                "box has no closed form."
            )
        return None

    def _members(self, groups: np.ndarray) -> np.ndarray:
        """Return the features of the groups of a mask, group by group."""
        return self.index.order[groups[self.index.of[self.index.order]]]

    def _norms(self, gradient: np.ndarray, singles: np.ndarray) -> np.ndarray:
        """Return the norms of gradients at zero that groups feel."""
        of = self.index.of
        pull = shrunk(gradient, singles[of], self._falls, self._rises)
        squares = pull**2 if pull.ndim == 1 else (pull**2).sum(axis=0)
        return np.sqrt(np.bincount(of, squares, minlength=self.index.count))

    def whole(self, mask: np.ndarray) -> np.ndarray:
        """Return the features of a mask, group by group, with all others of their groups."""
        return self._members(np.bincount(self.index.of[mask], minlength=self.index.count) > 0)

    def support(self, features: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the positions of the nonzero groups among some features."""
        of = self.index.of[features]
        sizes = np.abs(w) if w.ndim == 1 else np.abs(w).sum(axis=0)
        used = np.bincount(of, sizes, minlength=self.index.count) > 0.0
        return np.flatnonzero(used[of])

    def watch(self, residual: np.ndarray) -> FullGradient:
        """Return the gradients of all features."""
        return FullGradient(self.problem)

    def limits(self, alpha: float) -> GroupLimits:
        """Return what gradients zero groups withstand."""
        return GroupLimits(
            self.scalar.slope_at_zero(1.0) * alpha * self._roots, alpha * self._singles
        )

    def beyond(
        self, gradient: FullGradient, limits: GroupLimits, share: float = 1.0
    ) -> np.ndarray:
        """Return the resting features of groups beyond a share of their limits."""
        norms = self._norms(gradient.values, limits.singles)
        resting = gradient.resting[self._firsts]
        return self._members(resting & (norms > share * limits.norms))

    def worst(
        self,
        features: np.ndarray,
        gradient: FullGradient,
        limits: GroupLimits,
        room: int,
        slack: float = -np.inf,
    ) -> np.ndarray:
        """Return the features of the groups that are the furthest beyond their limits."""
        if features.size == 0:
            return features
        groups = np.unique(self.index.of[features])
        excess = self._norms(gradient.values, limits.singles) - limits.norms
        groups = groups[excess[groups] > slack]
        groups = groups[np.argsort(-excess[groups], kind="stable")]
        fits = np.cumsum(self.index.sizes[groups]) <= room
        fits[:1] = True
        chosen = np.zeros(self.index.count, dtype=bool)
        chosen[groups[fits]] = True
        return self._members(chosen)

    def terms(self, alpha: float, features: np.ndarray) -> GroupTerms:
        """Return the terms of some features, whole groups that lie together."""
        numbers = self.index.of[features]
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        groups = numbers[starts]
        return GroupTerms(
            self.scalar.parameters,
            np.repeat(np.arange(groups.size), np.diff(np.append(starts, features.size))),
            alpha * self._roots[groups],
            alpha * self._singles[groups],
            self._falls[features],
            self._rises[features],
        )

    def alpha_max(self, gradient: np.ndarray) -> float:
        """Return the smallest strength at which all penalised groups may be zero."""
        index, slopes = self.index, self.scalar.slope_at_zero(1.0) * self._roots
        kept = ~(self._free | self._excluded)
        norms = self._norms(gradient, np.zeros(index.count))
        if not self._singles.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                return float((norms / slopes)[kept & (norms > 0.0)].max(initial=0.0))
        sizes = np.abs(shrunk(gradient, 0.0, self._falls, self._rises))[index.order]
        singles = np.where(kept, self._singles, 1.0)
        roots = root_of_shrunk_norm(sizes, index.of[index.order], index.starts, singles, slopes)
        return float(roots[kept].max(initial=0.0))
