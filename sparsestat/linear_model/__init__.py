"""Penalised linear models."""

from sparsestat.linear_model._classifier import PenalizedClassifier
from sparsestat.linear_model._classifier_cv import PenalizedClassifierCV
from sparsestat.linear_model._cox import PenalizedCox
from sparsestat.linear_model._cox_cv import PenalizedCoxCV
from sparsestat.linear_model._display import CVDisplay, PathDisplay
from sparsestat.linear_model._path import PathResult, penalized_path
from sparsestat.linear_model._refit import SelectionWarning
from sparsestat.linear_model._regressor import PenalizedRegressor
from sparsestat.linear_model._regressor_cv import PenalizedRegressorCV

__all__ = [
    "CVDisplay",
    "PathDisplay",
    "PathResult",
    "PenalizedClassifier",
    "PenalizedClassifierCV",
    "PenalizedCox",
    "PenalizedCoxCV",
    "PenalizedRegressor",
    "PenalizedRegressorCV",
    "SelectionWarning",
    "penalized_path",
]
