"""Estimators whose penalty has the features in pairs, however many there are.

scikit-learn's checks fit one estimator to data of several widths; groups belong to one.
"""

from dataclasses import replace

import numpy as np
from plain_survival import PlainCox
from scipy.optimize import LinearConstraint

from sparsestat import PenalizedClassifier, PenalizedRegressor, PenalizedRegressorCV

__all__ = [
    "BalancedRegressor",
    "PairedClassifier",
    "PairedCox",
    "PairedRegressor",
    "PairedRegressorCV",
]


class Sized:
    """Fits after a look at how wide X is."""

    def fit(self, X, y=None, sample_weight=None, offset=None):
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
        self._width = shape[1] if len(shape) == 2 else 1
        return super().fit(X, y, sample_weight, offset)


class Paired(Sized):
    """Groups of a penalty are pairs."""

    def _model(self):
        model = super()._model()
        labels = np.arange(max(self._width, 1)) // 2
        return replace(model, penalty=replace(model.penalty, groups=labels))


class PairedRegressor(Paired, PenalizedRegressor):
    pass


class PairedRegressorCV(Paired, PenalizedRegressorCV):
    pass


class PairedClassifier(Paired, PenalizedClassifier):
    pass


class PairedCox(Paired, PlainCox):
    pass


class BalancedRegressor(Sized, PenalizedRegressor):
    """Coefficients add up to zero."""

    def _model(self):
        return replace(
            super()._model(), constraints=LinearConstraint(np.ones(self._width), 0.0, 0.0)
        )
