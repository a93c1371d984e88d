"""The partial likelihood of proportional hazards as a loss, from its definition."""

import numpy as np
from scipy import sparse

from benchmarks.loss import Loss

__all__ = ["BRESLOW", "COX", "EFRON", "Cox"]


class Cox(Loss):
    """Minus the logarithm of the partial likelihood, over n.

    `y` holds records with the fields ``event`` and ``time``. An event contributes the
    logarithm of the sum of exp(u) over those at risk, less its own u. By Efron's method
    those with events at the same time count 1 - l/d in the sum of the l-th of d of them,
    l = 0 ... d - 1; by Breslow's they count fully.

    Parameters
    ----------
    ties : {"breslow", "efron"}
    """

    def __init__(self, ties: str) -> None:
        self.ties = ties
        self.name = f"cox_{ties}"

    def means(self, y, fitted):
        return Risk(self, y, fitted).event_losses.sum(axis=0) / len(y)

    def residuals(self, y, fitted):
        return Risk(self, y, fitted).martingales

    def duals(self, y, fitted, residuals, limit):
        # The conjugate of a sum is the least sum of conjugates over all ways to split its
        # argument. One way gives each term s times its part of the gradient at u, plus 1 - s
        # times equal shares of its events. The conjugates are divergences, convex in s: this
        # bound is exact at s = 1, the best multiple of a solution.
        multiple = np.minimum(limit, 1.0)
        risk = Risk(self, y, fitted)
        constant = np.log(risk.tied_events * (1.0 - risk.shares)).sum() / len(y)
        value = risk.event_losses.sum(axis=0) / len(y)
        along = (residuals * fitted).mean(axis=0)
        return value + multiple * along - (1.0 - multiple) * (value - constant)


class Risk:
    """The sums over risk sets, at some linear predictors.

    Attributes
    ----------
    tied_events, shares : ndarray of shape (n_events, 1)
        d, and l / d or 0.
    """

    def __init__(self, loss: Cox, y: np.ndarray, fitted: np.ndarray) -> None:
        event, time = y["event"][:, 0], y["time"][:, 0]
        times, group = np.unique(time, return_inverse=True)
        rows = np.arange(event.size)
        self._fitted, self._event, self._group = fitted, np.flatnonzero(event), group
        self._members = sparse.csr_array((np.ones(rows.size), (group, rows)))
        own = group[event]
        counts = np.bincount(own, minlength=times.size)
        order = np.argsort(own, kind="stable")
        place = np.empty(own.size)
        place[order] = np.arange(own.size) - np.repeat(np.cumsum(counts) - counts, counts)
        self.tied_events = counts[own][:, None]
        efron = loss.ties == "efron"
        self.shares = place[:, None] / self.tied_events if efron else np.zeros((own.size, 1))
        self._top = fitted.max(axis=0)
        self._hazards = np.exp(fitted - self._top)
        at_risk = (self._members @ self._hazards)[::-1].cumsum(axis=0)[::-1]
        tied = self._of_events @ self._hazards[self._event]
        self._sums = at_risk[own] - self.shares * tied[own]

    @property
    def _of_events(self) -> sparse.csr_array:
        """Adds up numbers of events by their times."""
        return self._members[:, self._event]

    @property
    def event_losses(self) -> np.ndarray:
        """Minus the logarithms of the chances of the events."""
        return np.log(self._sums) + self._top - self._fitted[self._event]

    @property
    def martingales(self) -> np.ndarray:
        """Events less the cumulative hazard that each has lived through."""
        cumulative = (self._of_events @ (1.0 / self._sums)).cumsum(axis=0)[self._group]
        ties = self._of_events @ (self.shares / self._sums)
        cumulative[self._event] -= ties[self._group[self._event]]
        residuals = -self._hazards * cumulative
        residuals[self._event] += 1.0
        return residuals


BRESLOW, EFRON = COX = Cox("breslow"), Cox("efron")
