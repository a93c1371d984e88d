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
# Second derivatives below are none; their inverses, and multiples of these, are numbers.
VANISHED = 1e-280


class Bend(NamedTuple):
    """The second derivatives of the samples in their linear predictors.

    P (1 - P) for a class, and -P_k P_m for two if coupled.
    """

    chances: np.ndarray
    others: np.ndarray  # 1 - P, without cancellation
    coupled: bool


def shift_inverse(bend: Bend, share: np.ndarray) -> np.ndarray:
    """Return the pseudoinverse of the mean second derivatives in constants.

    Scaled to a unit diagonal, so that the constant that all classes share, which changes
    nothing, is told apart from those that change little.
    """
    P = bend.chances
    middle = -P.T @ (share[:, None] * P)
    np.fill_diagonal(middle, share @ (P * bend.others))
    scale = np.sqrt(np.maximum(middle.diagonal(), VANISHED))
    outer = np.outer(scale, scale)
    return np.linalg.pinv(middle / outer, rcond=1e-10, hermitian=True) / outer


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
        return float(self.share @ self.loss.value(self._rows(self.y), self._rows(eta)))

    def expression(self, cp: Any, fixed: Any) -> Any:
        """Write the weighted mean of the loss for cvxpy, the module `cp`."""
        rows = cp.reshape(fixed, (self.share.size, self.n_classes), order="C")
        if self.fit_intercept:
            rows += np.ones((self.share.size, 1)) @ cp.Variable((1, self.n_classes))
        return self.share @ self.loss.expression(cp, self._rows(self.y), rows)

    def residual(self, eta: np.ndarray) -> np.ndarray:
        """Return minus n K times the derivatives of the mean loss."""
        slopes = self.loss.gradient(self._rows(self.y), self._rows(eta))
        return -(self.share[:, None] * slopes).ravel() * self.y.size

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
        P = softmax(self._rows(eta), axis=1)
        others = [np.delete(P, k, axis=1).sum(axis=1) for k in range(self.n_classes)]
        return Bend(P, np.column_stack(others), True)

    def bend_bound(self, eta: np.ndarray) -> Bend:
        """Return the bound of the second derivatives: half of the identity."""
        half = np.full((self.share.size, self.n_classes), np.sqrt(0.5))
        return Bend(half, half, False)

    def hessian_rows(
        self, block: Any, bend: Bend, new: np.ndarray, old: np.ndarray
    ) -> np.ndarray:
        """Return rows of the Hessian of the loss, the intercepts profiled out.

        A sample's second derivatives are diag(p) - p p'. No intercepts are profiled out of
        the bound, which stays one.
        """
        both = np.concatenate([old, new])
        of_rows, of_columns = (block.responses[positions] for positions in (new, both))
        Z, P, weight = block.base.dense(block.places[both]), bend.chances, self.share
        rows = np.zeros((new.size, both.size))
        sums = np.zeros((both.size, self.n_classes))
        for k in range(self.n_classes):
            above = np.flatnonzero(of_rows == k)
            left = Z[old.size + above] * (weight * P[:, k])
            for m in range(self.n_classes) if bend.coupled else [k]:
                below = np.flatnonzero(of_columns == m)
                factor = bend.others[:, m] if k == m else -P[:, m]
                rows[np.ix_(above, below)] = (left * factor) @ Z[below].T
                sums[below, k] = Z[below] @ (weight * P[:, k] * factor)
        if bend.coupled and self.fit_intercept:
            rows -= sums[old.size :] @ shift_inverse(bend, weight) @ sums.T
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

        def slopes_at(c):
            return -self.loss.gradient(Y, rows + c)

        slopes = slopes_at(c)
        for _ in range(1000):  # far out they are of length one
            pull = share @ slopes
            size = np.abs(pull).max()
            if (np.abs(pull) <= ROUNDING * (share @ np.abs(slopes))).all():
                break
            step = shift_inverse(self.bend((rows + c).ravel()), share) @ pull
            step *= min(1.0, 4.0 / max(np.abs(step).max(), 1e-300))
            for _ in range(30):
                after = slopes_at(c + step)
                if np.abs(share @ after).max() < size:
                    break
                step *= 0.5
            else:
                break  # as good as rounding lets it be
            c, slopes = c + step, after
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
        if not self.fit_intercept:
            return along
        bend, far = self.bend(eta), self._rows(along)
        mean = (bend.chances * far).sum(axis=1, keepdims=True)
        slopes = self.share @ (bend.chances * (far - mean))
        return (far - shift_inverse(bend, self.share) @ slopes).ravel()

    def _rows(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, self.n_classes)
