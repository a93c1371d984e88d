"""The partial likelihood of Cox's proportional hazards model, as a loss."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sparsestat.losses.base import REACH, Loss
from sparsestat.losses.partial_likelihood import PartialLikelihood, Terms
from sparsestat.losses.risk_sets import RiskSets

__all__ = ["CoxLoss"]


@dataclass(frozen=True, repr=False)
class CoxLoss(Loss):
    """Minus the log partial likelihood of proportional hazards, over the sum of weights.

    The hazard of sample i is exp(eta_i) times a baseline that is left open. What a sample
    loses depends on who is at risk with it: :meth:`likelihood` is the loss of some data as
    a function of their predictors. For the methods that it shares with other losses, y holds
    records with the fields ``event`` and ``time``; what they return has the mean that counts.

    Parameters
    ----------
    ties : {"breslow", "efron"}, default="breslow"
        How events at the same time count. Breslow's approximation is the common default of
        penalised Cox models (glmnet), and an integer weight is then as many copies of a
        row. Efron's is more accurate with many ties, and the default of R's survival; with
        weights it uses the mean weight of tied events, as there. Without ties they agree.

    References
    ----------
    D. R. Cox (1972). Regression models and life-tables. Journal of the Royal Statistical
    Society B 34, 187-220.

    N. Breslow (1974). Covariance analysis of censored survival data. Biometrics 30, 89-99.

    B. Efron (1977). The efficiency of Cox's likelihood function for censored data. Journal
    of the American Statistical Association 72, 557-565.

    Examples
    --------
    If all are alike, the chance that of three at risk the first has the event is 1/3, and
    then that of the second of two is 1/2.

    >>> import numpy as np
    >>> from sparsestat import CoxLoss
    >>> time, event = np.array([1.0, 2.0, 3.0]), np.array([True, True, False])
    >>> loss = CoxLoss().likelihood(time, event)
    >>> float(np.exp(-3 * loss.value(np.zeros(3))).round(4))
    0.1667
    """

    ties: str = "breslow"

    bound: ClassVar[float] = math.inf
    response: ClassVar[str] = "time"

    def __post_init__(self) -> None:
        if self.ties not in ("breslow", "efron"):
            raise ValueError(
                "The 'ties' parameter of CoxLoss must be 'breslow' or 'efron'. "
                f"Got {self.ties!r}."
            )

    def likelihood(
        self,
        time: np.ndarray,
        event: np.ndarray,
        weight: np.ndarray | None = None,
        strata: np.ndarray | None = None,
    ) -> PartialLikelihood:
        """Return the loss of some survival data as a function of the linear predictors.

        Parameters
        ----------
        time : ndarray of shape (n,), float64
        event : ndarray of bool, shape (n,)
            Whether the time is that of an event; else it is censored.
        weight : ndarray of shape (n,), float64, optional
            Positive.
        strata : ndarray of shape (n,), optional
            Numbers of strata, each of which has a baseline of its own.
        """
        sets = RiskSets.of(time, event, weight, strata)
        masses = np.bincount(sets.groups, sets.weight[sets.events], sets.starts.size)
        if self.ties == "efron":
            return PartialLikelihood(sets, Terms.efron(masses, sets.sizes))
        return PartialLikelihood(sets, Terms.breslow(masses))

    def value(self, y: Any, eta: Any) -> Any:
        """Evaluate minus the logarithm of the chance of each event; 0 where there is none."""
        f, losses = self._of(y), np.zeros(np.shape(eta))
        losses[f.sets.order[f.sets.events]] = f.event_losses(eta)
        return losses

    def gradient(self, y: Any, eta: Any) -> Any:
        """Evaluate n times the gradient: minus the martingale residuals."""
        return -self._of(y).residual(eta)

    def curvature(self, y: Any, eta: Any) -> Any:
        """Evaluate n times the second derivative in each linear predictor."""
        return self._of(y).curvature(eta)

    def excess(self, y: Any, eta: Any, share: float) -> Any:
        """Bound the duality gap's terms by numbers that are all the same."""
        return np.full(np.shape(eta), self._of(y).excess(eta, share))

    def shift(self, y: Any, share: Any, fixed: Any, start: float) -> float:
        """Return `start`: constants change nothing."""
        return start

    def inverse_link(self, eta: Any) -> Any:
        """Return the hazard relative to the baseline, exp(eta)."""
        return np.exp(np.minimum(eta, REACH))

    def _of(self, y: Any) -> PartialLikelihood:
        return self.likelihood(y["time"], y["event"])
