"""The multinomial loss."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import logsumexp, softmax

from sparsestat.losses.base import Loss

__all__ = ["MultinomialLoss"]


@dataclass(frozen=True, repr=False)
class MultinomialLoss(Loss):
    """Minus the log-likelihood of classes whose probabilities are softmax(eta).

    log sum_k exp(eta_k) - eta_y for a sample of class y, with one linear predictor for
    each of K classes: arrays have the classes last, and y holds 1 for the class of a sample
    and 0 for others.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsestat import MultinomialLoss
    >>> y, eta = np.array([[0.0, 1.0, 0.0]]), np.array([[1.0, 2.0, 0.0]])
    >>> MultinomialLoss().value(y, eta).round(4)
    array([0.4076])
    """

    bound: ClassVar[float] = 0.25
    response: ClassVar[str] = "class"

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate the loss of each sample, without cancellation."""
        y, eta = np.asarray(y), np.asarray(eta)
        others = np.where(y > 0.0, -np.inf, eta)
        return np.logaddexp(0.0, logsumexp(others, axis=-1) - (y * eta).sum(axis=-1))

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate the derivatives in the linear predictors of each sample.

        softmax(eta) - y, without cancellation: for a sample's class, minus what the others
        add up to.
        """
        p = softmax(eta, axis=-1)
        others = np.where(y > 0.0, 0.0, p)
        return np.where(y > 0.0, -others.sum(axis=-1, keepdims=True), others)

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate the second derivatives in the linear predictors, p (1 - p)."""
        p = softmax(eta, axis=-1)
        return p * (1.0 - p)

    def expression(self, cp: Any, y: Any, eta: Any) -> Any:
        """Write the loss of each sample for cvxpy, see :class:`SquaredLoss`."""
        return cp.log_sum_exp(eta, axis=1) - cp.sum(cp.multiply(y, eta), axis=1)

    def inverse_link(self, eta: Any) -> Any:
        """Return the probabilities of the classes."""
        return softmax(np.asarray(eta), axis=-1)
