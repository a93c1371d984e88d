"""Losses of a linear predictor: value, gradient, curvature."""

from sparsestat.losses.logistic import LogisticLoss
from sparsestat.losses.squared import SquaredLoss

__all__ = ["LOSSES", "LogisticLoss", "SquaredLoss", "loss_of"]

# scikit-learn's names
LOSSES = {"squared_error": SquaredLoss, "log_loss": LogisticLoss}


def loss_of(name_or_loss):
    """Return the loss for a name, or the loss itself."""
    return LOSSES[name_or_loss]() if isinstance(name_or_loss, str) else name_or_loss
