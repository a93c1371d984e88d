"""Losses of a linear predictor: value, gradient, curvature."""

from sparsestat.losses.squared import SquaredLoss

__all__ = ["LOSSES", "SquaredLoss", "loss_of"]

# scikit-learn's names
LOSSES = {"squared_error": SquaredLoss}


def loss_of(name_or_loss):
    """Return the loss for a name, or the loss itself."""
    return LOSSES[name_or_loss]() if isinstance(name_or_loss, str) else name_or_loss
