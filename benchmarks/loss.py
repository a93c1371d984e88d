"""The losses of the path problems, from their definitions.

Everywhere `y` has shape (n, 1), `fitted` and `residuals` have shape (n, n_alphas): one
column for each strength. A residual is minus the derivative of the loss by the fit.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import entr, expit, logsumexp, softmax

__all__ = [
    "GAMMA",
    "HUBER",
    "LOGISTIC",
    "LOSSES",
    "MEDIAN",
    "POISSON",
    "SQUARED",
    "UPPER_QUANTILE",
    "Loss",
    "Quantile",
    "Softmax",
]


class Loss(ABC):
    """A loss of one observation, under the name that scikit-learn gives it."""

    name: str

    @abstractmethod
    def means(self, y: np.ndarray, fitted: np.ndarray) -> np.ndarray:
        """Return the mean loss of each column."""

    @abstractmethod
    def residuals(self, y: np.ndarray, fitted: np.ndarray) -> np.ndarray:
        """Return minus the derivative of each loss by its fit."""

    @abstractmethod
    def duals(
        self, y: np.ndarray, fitted: np.ndarray, residuals: np.ndarray, limit: np.ndarray
    ) -> np.ndarray:
        """Return a dual objective of each column, at a multiple of its residuals.

        The dual objective at a point v is minus the mean of the loss's conjugate at -v.
        Multiples of at most `limit` in absolute value are feasible.
        """


class Squared(Loss):
    """(y - u)^2 / 2."""

    name = "squared_error"

    def means(self, y, fitted):
        return ((y - fitted) ** 2).mean(axis=0) / 2

    def residuals(self, y, fitted):
        return y - fitted

    def duals(self, y, fitted, residuals, limit):
        # The best multiple is known: the dual objective is a parabola in it.
        along = (y * residuals).mean(axis=0)
        squares = (residuals**2).mean(axis=0)
        scale = np.clip(along / np.maximum(squares, np.finfo(float).tiny), -limit, limit)
        return scale * along - scale**2 * squares / 2


class Logistic(Loss):
    """log(1 + exp(u)) - y u, for y in {0, 1}."""

    name = "log_loss"

    def means(self, y, fitted):
        return (np.logaddexp(0.0, fitted) - y * fitted).mean(axis=0)

    def residuals(self, y, fitted):
        return y - expit(fitted)

    def duals(self, y, fitted, residuals, limit):
        # The conjugate at -v is minus the entropy of a label that is 1 with probability
        # y - v. At the multiple 1, the best one of a solution, y - v is the fitted one.
        probability = y - np.minimum(limit, 1.0) * residuals
        return (entr(probability) + entr(1.0 - probability)).mean(axis=0)


class Poisson(Loss):
    """exp(u) - y u, for counts y."""

    name = "poisson"

    def means(self, y, fitted):
        return (np.exp(fitted) - y * fitted).mean(axis=0)

    def residuals(self, y, fitted):
        return y - np.exp(fitted)

    def duals(self, y, fitted, residuals, limit):
        # The conjugate at -v is m log m - m for a mean m = y - v.
        mean = y - np.minimum(limit, 1.0) * residuals
        return (entr(mean) + mean).mean(axis=0)


class Gamma(Loss):
    """u + y exp(-u), for positive y: the logarithm of the mean is u."""

    name = "gamma"

    def means(self, y, fitted):
        return (fitted + y * np.exp(-fitted)).mean(axis=0)

    def residuals(self, y, fitted):
        return y * np.exp(-fitted) - 1.0

    def duals(self, y, fitted, residuals, limit):
        # The conjugate at -v is m log(m / y) - m for m = 1 + v.
        ratio = 1.0 + np.minimum(limit, 1.0) * residuals
        return (entr(ratio) + ratio * (np.log(y) + 1.0)).mean(axis=0)


class Huber(Squared):
    """r^2 / 2 for a residual r up to `delta` in absolute value, linear beyond."""

    name = "huber"
    delta = 1.345

    def means(self, y, fitted):
        size = np.abs(y - fitted)
        inner = np.minimum(size, self.delta)
        return (inner * (size - inner / 2)).mean(axis=0)

    def residuals(self, y, fitted):
        return np.clip(y - fitted, -self.delta, self.delta)

    def duals(self, y, fitted, residuals, limit):
        # As for squared error, but v is at most delta.
        return super().duals(y, fitted, residuals, np.minimum(limit, 1.0))


class Quantile(Loss):
    """max(t r, (t - 1) r) of a residual r, with t the `level`.

    Where r is zero the loss has many slopes; the residual is then 0, one of them.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self.name = f"quantile {level:g}"

    def means(self, y, fitted):
        r = y - fitted
        return np.maximum(self.level * r, (self.level - 1.0) * r).mean(axis=0)

    def residuals(self, y, fitted):
        r = y - fitted
        return np.where(r > 0.0, self.level, np.where(r < 0.0, self.level - 1.0, 0.0))

    def duals(self, y, fitted, residuals, limit):
        # The conjugate at -v is -v y for v between t - 1 and t, as residuals are.
        return (np.minimum(limit, 1.0) * residuals * y).mean(axis=0)


class Softmax(Loss):
    """log sum_k exp(u_k) - sum_k y_k u_k for classes k; y is 1 for one of them, else 0.

    Here arrays have a row for each sample and class, those of a sample together.
    """

    name = "multinomial"

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def means(self, y, fitted):
        losses = logsumexp(self._parts(fitted), axis=1) - self._parts(y * fitted).sum(axis=1)
        return losses.mean(axis=0)

    def residuals(self, y, fitted):
        return y - softmax(self._parts(fitted), axis=1).reshape(fitted.shape)

    def duals(self, y, fitted, residuals, limit):
        # The conjugate at -v is minus the entropy of the probabilities y - v.
        chances = y - np.minimum(limit, 1.0) * residuals
        return self._parts(entr(chances)).sum(axis=1).mean(axis=0)

    def _parts(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, self.n_classes, values.shape[1])


SQUARED, LOGISTIC = Squared(), Logistic()
POISSON, GAMMA, HUBER = Poisson(), Gamma(), Huber()
MEDIAN, UPPER_QUANTILE = Quantile(0.5), Quantile(0.8)
LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (SQUARED, LOGISTIC, POISSON, GAMMA, HUBER, MEDIAN, UPPER_QUANTILE)
}
