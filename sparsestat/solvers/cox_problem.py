"""The problem of a penalised Cox model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sparsestat.losses.partial_likelihood import PartialLikelihood, RiskHessian
from sparsestat.solvers.problem import FAR, GLMProblem

__all__ = ["CoxProblem"]

# Columns are filled in for Hessians, this many numbers at a time.
CHUNK = 1 << 21
# Hazards may differ by a factor of 10^4 before a search for endless directions begins.
APART = 9.2


@dataclass(frozen=True)
class CoxProblem(GLMProblem):
    """A penalised Cox model.

    As :class:`GLMProblem`, with minus the log partial likelihood over the sum of the weights
    as loss. It does not change where a constant is added to the linear predictors of a
    stratum; so there is no intercept, residuals sum to zero, and the columns may be centred.

    For the same reason offsets are taken relative to the middle of those of a stratum: far
    from zero they would cost digits.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Records with the fields event, time and stratum, an integer.
    loss : CoxLoss
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.ndim(self.offset):
            stratum = np.unique(self.y["stratum"], return_inverse=True)[1]
            low = np.full(stratum.max() + 1, np.inf)
            high = -low
            np.minimum.at(low, stratum, self.offset)
            np.maximum.at(high, stratum, self.offset)
            centred = self.offset - (0.5 * low + 0.5 * high)[stratum]
            object.__setattr__(self, "offset", centred)

    @cached_property
    def likelihood(self) -> PartialLikelihood:
        """The loss as a function of the linear predictors."""
        y = self.y
        return self.loss.likelihood(y["time"], y["event"], self.sample_weight, y["stratum"])

    @cached_property
    def null_curvature(self) -> float:
        """The weight of the events over that of all samples.

        Which is the second derivative along a column of variance one in every risk set.
        """
        return self.likelihood.event_share

    @cached_property
    def curvatures(self) -> np.ndarray:
        """Upper bounds of the second derivatives of loss plus l2 term.

        Without l2 they are the weighted mean, over events, of the variance of a column in a
        risk set, and no variance exceeds a quarter of the squared range (Popoviciu). It is
        reached where predictors single out the two ends of the range, so that no bound that
        holds everywhere is much lower.
        """
        return 0.25 * self.likelihood.event_share * self.design.ranges() ** 2 + self.l2

    def value(self, eta: np.ndarray) -> float:
        """Return minus the log partial likelihood over the sum of the weights."""
        return self.likelihood.value(eta)

    def expression(self, cp: Any, fixed: Any) -> Any:
        """Write the loss for cvxpy, the module `cp`."""
        return self.likelihood.expression(cp, fixed)

    def residual(self, eta: np.ndarray) -> np.ndarray:
        """Return minus n times the gradient of the loss in the linear predictors."""
        return self.likelihood.residual(eta)

    def excess(self, eta: np.ndarray, share: float) -> float:
        """Bound the loss's terms of the duality gap."""
        return self.likelihood.excess(eta, share)

    def bend(self, eta: np.ndarray) -> RiskHessian:
        """Return n times the Hessian in the linear predictors, as an operator."""
        return self.likelihood.hessian(eta)

    def bend_bound(self, eta: np.ndarray) -> RiskHessian:
        """Return an operator that no Hessian exceeds, wherever it is."""
        return self.likelihood.hessian_bound()

    def hessian_rows(
        self, block: Any, bend: RiskHessian, new: np.ndarray, old: np.ndarray
    ) -> np.ndarray:
        """Return rows of the Hessian of the loss, as :class:`GLMProblem` does."""
        columns, width = np.concatenate([old, new]), max(CHUNK // self.y.size, 1)
        rows = np.empty((new.size, columns.size))
        for first in range(0, new.size, width):
            part = slice(first, first + width)
            # Products sum to zero, so that it does not matter how columns are centred.
            products = bend.apply(block.dense(new[part]))
            rows[part] = block.gradient(products)[:, columns]
        return rows

    def is_flat(self, eta: np.ndarray) -> bool:
        """Tell whether predictors are so far apart that some at risk hardly count."""
        return float(np.ptp(eta)) >= APART

    def recedes(self, eta: np.ndarray, along: np.ndarray) -> bool:
        """Tell whether no event loses where predictors go far along a direction.

        That is so if in each risk set those with the event go the furthest.
        """
        reach = float(np.abs(along).max())
        if reach == 0.0:
            return False
        losses = self.likelihood.event_losses
        return bool((losses(eta + (FAR / reach) * along) <= losses(eta) + 1.0).all())
