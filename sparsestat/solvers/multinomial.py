"""Multinomial regression as a problem: K linear predictors, coupled by the loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax, xlogy

from sparsestat.solvers.problem import FAR, GLMProblem, LinearPredictor

__all__ = ["MultinomialProblem"]

ROUNDING = 4.0 * np.finfo(float).eps


class Bend(NamedTuple):
    """The second derivatives of the samples in their linear predictors.

    diag(d) - d d' for each row d of the diagonal if coupled, else diag(d).
    """

    diagonal: np.ndarray
    coupled: bool


@dataclass(frozen=True)
class MultinomialProblem(GLMProblem):
    """A penalised multinomial model with one coefficient for every feature and class.

    Minimise over B, of shape (p, K), and intercepts c

        sum_i w_i (log sum_k exp(eta_ik) - eta_i,y_i) / n + penalties of B,

    eta = X B + c + offset. All arrays are flattened, class by class for each sample or
    feature; `design` is a :class:`~sparsestat.linalg.StackedDesign`. As in other problems
    a residual is minus the derivative of the mean loss times the number of entries, n K.

    Parameters
    ----------
    y : ndarray of shape (n K,)
        1 where a sample is of the class, else 0.
    sample_weight : ndarray of shape (n,), optional
    offset : ndarray of shape (n K,) or 0
    """

    @property
    def n_classes(self) -> int:
        """K."""
        return self.design.n_responses

    @cached_property
    def share(self) -> np.ndarray:
        """The weights of the samples, with sum 1."""
        n = self.y.size // self.n_classes
        return np.full(n, 1.0 / n) if self.sample_weight is None else self.sample_weight / n

    @cached_property
    def null(self) -> LinearPredictor:
        """The linear predictors at zero coefficients."""
        fixed = np.zeros(self.y.size) + self.offset
        return self.at(fixed, np.zeros(self.n_classes))

    @cached_property
    def null_curvature(self) -> float:
        """The mean second derivative in a linear predictor at zero coefficients."""
        P = softmax(self._rows(self.null.eta), axis=1)
        return float((self.share @ (P * (1.0 - P))).mean())

    @cached_property
    def curvatures(self) -> np.ndarray:
        """Upper bounds of the second derivatives: p (1 - p) is at most 1/4."""
        squares = self.design.base.mean_squares(self.sample_weight)
        return np.repeat(self.loss.bound * squares, self.n_classes) + self.l2

    def predictor(self, coef: np.ndarray, intercept: Any) -> np.ndarray:
        """Return the linear predictors."""
        fixed = self.design.predict(coef) + self.offset
        return (self._rows(fixed) + intercept).ravel()

    def value(self, eta: np.ndarray) -> float:
        """Return the weighted mean of the loss."""
        rows = self._rows(eta)
        losses = logsumexp(rows, axis=1) - (self._rows(self.y) * rows).sum(axis=1)
        return float(self.share @ losses)

    def residual(self, eta: np.ndarray) -> np.ndarray:
        """Return minus n K times the derivatives of the mean loss."""
        rows = self._rows(self.y) - softmax(self._rows(eta), axis=1)
        return (self.share[:, None] * rows).ravel() * self.y.size

    def excess(self, eta: np.ndarray, share: float) -> float:
        """Return the loss's part of the duality gap.

        The conjugate of the loss of a sample is the negative entropy of u + y, where that
        is a probability vector, as it is for a share of the gradient.
        """
        rows, Y = self._rows(eta), self._rows(self.y)
        P = share * softmax(rows, axis=1) + (1.0 - share) * Y
        terms = logsumexp(rows, axis=1) + (xlogy(P, P) - P * rows).sum(axis=1)
        return float(self.share @ terms)

    def bend(self, eta: np.ndarray) -> Bend:
        """Return what Hessians are worked out from: the probabilities of the classes."""
        return Bend(softmax(self._rows(eta), axis=1), True)

    def bend_bound(self, eta: np.ndarray) -> Bend:
        """Return the bound of the second derivatives: half of the identity."""
        return Bend(np.full((self.share.size, self.n_classes), 0.5), False)

    def hessian_rows(
        self, block: Any, bend: Bend, new: np.ndarray, old: np.ndarray
    ) -> np.ndarray:
        """Return rows of the Hessian of the loss, the intercepts profiled out.

        A sample's second derivatives are diag(p) - p p'. No intercepts are profiled out of
        the bound, which stays one.
        """
        both = np.concatenate([old, new])
        classes, places = block.responses, block.places
        rows = np.zeros((new.size, both.size))
        n, P = bend.diagonal.shape[0], bend.diagonal
        for k in range(self.n_classes):
            above, below = np.flatnonzero(classes[new] == k), np.flatnonzero(classes[both] == k)
            d = self.share * P[:, k]
            kept = block.base.dense(places[both[below]])
            rows[np.ix_(above, below)] = (kept[below >= old.size] * d) @ kept.T
        if not bend.coupled:
            return rows
        root = np.sqrt(self.share)
        U = block.base.dense(places[both])
        U *= (root[:, None] * P).T[classes[both]]
        rows -= U[old.size :] @ U.T
        if self.fit_intercept:
            # d(probabilities)/d(intercepts), and the share of each column in them
            middle = np.diag(self.share @ P) - P.T @ (self.share[:, None] * P)
            sums = -U @ (root[:, None] * P)
            for k in range(self.n_classes):
                mine = np.flatnonzero(classes[both] == k)
                weights = self.share * P[:, k] * n
                sums[mine, k] += block.base.weighted_sums(weights, places[both[mine]])
            rows -= sums[old.size :] @ np.linalg.pinv(middle, hermitian=True) @ sums.T
        return rows

    def at(self, fixed: np.ndarray, intercept: Any) -> LinearPredictor:
        """Return the linear predictors at X B + offset = `fixed` with the best intercepts.

        Newton's method with steps halved while they do not bring the gradient down, from
        `intercept`; intercepts add up to zero.
        """
        c, rows = np.asarray(intercept, dtype=np.float64), self._rows(fixed)
        if not self.fit_intercept:
            return LinearPredictor(fixed, c, fixed, self.residual(fixed))
        Y, share = self._rows(self.y), self.share

        def pull_at(c):
            P = softmax(rows + c, axis=1)
            return P, share @ (Y - P)

        P, pull = pull_at(c)
        for _ in range(100):
            size = np.abs(pull).max()
            if size <= ROUNDING:
                break
            middle = np.diag(share @ P) - P.T @ (share[:, None] * P)
            step = np.linalg.pinv(middle, hermitian=True) @ pull
            step *= min(1.0, 4.0 / max(np.abs(step).max(), 1e-300))
            for _ in range(30):
                P, after = pull_at(c + step)
                if np.abs(after).max() < size:
                    break
                step *= 0.5
            else:
                break  # as good as rounding lets it be
            c, pull = c + step, after
        c = c - c.mean()
        eta = (rows + c).ravel()
        return LinearPredictor(fixed, c, eta, self.residual(eta))

    def is_flat(self, eta: np.ndarray) -> bool:
        """Tell whether the loss of some sample has become flat."""
        P = softmax(self._rows(eta), axis=1)
        return bool((P * (1.0 - P)).max(axis=1).min() <= 1e-4 * self.loss.bound)

    def recedes(self, eta: np.ndarray, along: np.ndarray) -> bool:
        """Tell whether no sample loses where predictors go far along a direction."""
        rows, far = self._rows(eta), self._rows(along)
        reach = float(np.ptp(far, axis=1).max())  # what all classes share does nothing
        if reach == 0.0:
            return False
        mine = (self._rows(self.y) * far).sum(axis=1)
        losses = (far.max(axis=1) - mine) * (FAR / reach)
        return bool((losses <= 1.0 + logsumexp(rows, axis=1) - rows.min(axis=1)).all())

    def endless_directions(self, eta: np.ndarray) -> Iterable[np.ndarray]:
        """Yield nothing: every class is there, so that intercepts stay finite."""
        return ()

    def without_intercept(self, eta: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Take the best constants off a direction of the linear predictors."""
        P, far = softmax(self._rows(eta), axis=1), self._rows(along)
        if not self.fit_intercept:
            return along
        middle = np.diag(self.share @ P) - P.T @ (self.share[:, None] * P)
        slopes = self.share @ (P * (far - (P * far).sum(axis=1, keepdims=True)))
        return (far - np.linalg.pinv(middle, hermitian=True) @ slopes).ravel()

    def _rows(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, self.n_classes)
