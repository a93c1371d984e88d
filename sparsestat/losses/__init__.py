"""Losses of a linear predictor: value, gradient, curvature, what goes with them."""

from sparsestat.losses.base import Loss
from sparsestat.losses.cox import CoxLoss
from sparsestat.losses.gamma import GammaLoss
from sparsestat.losses.huber import HuberLoss
from sparsestat.losses.logistic import LogisticLoss
from sparsestat.losses.multinomial import MultinomialLoss
from sparsestat.losses.partial_likelihood import BaselineHazard
from sparsestat.losses.poisson import PoissonLoss
from sparsestat.losses.quantile import QuantileLoss
from sparsestat.losses.squared import SquaredLoss

__all__ = [
    "LOSSES",
    "BaselineHazard",
    "CoxLoss",
    "GammaLoss",
    "HuberLoss",
    "LogisticLoss",
    "Loss",
    "MultinomialLoss",
    "PoissonLoss",
    "QuantileLoss",
    "SquaredLoss",
    "loss_of",
]

# scikit-learn's names, where it has them
LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredLoss,
    "huber": HuberLoss,
    "quantile": QuantileLoss,
    "poisson": PoissonLoss,
    "gamma": GammaLoss,
    "log_loss": LogisticLoss,
    "multinomial": MultinomialLoss,
}


def loss_of(name_or_loss: str | Loss) -> Loss:
    """Return the loss for a name, or the loss itself."""
    return LOSSES[name_or_loss]() if isinstance(name_or_loss, str) else name_or_loss
