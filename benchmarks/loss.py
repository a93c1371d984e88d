"""The losses of the path problems, from their definitions.

Everywhere `y` has shape (n, 1), `fitted` and `residuals` have shape (n, n_alphas): one
column for each strength. A residual is minus the derivative of the loss by the fit.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import entr, expit

__all__ = ["LOGISTIC", "LOSSES", "SQUARED", "Loss"]


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
    def duals(self, y: np.ndarray, residuals: np.ndarray, limit: np.ndarray) -> np.ndarray:
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

    def duals(self, y, residuals, limit):
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

    def duals(self, y, residuals, limit):
        # The conjugate at -v is minus the entropy of a label that is 1 with probability
        # y - v. At the multiple 1, the best one of a solution, y - v is the fitted one.
        probability = y - np.minimum(limit, 1.0) * residuals
        return (entr(probability) + entr(1.0 - probability)).mean(axis=0)


SQUARED = Squared()
LOGISTIC = Logistic()
LOSSES: dict[str, Loss] = {loss.name: loss for loss in (SQUARED, LOGISTIC)}
