"""Penalised linear models."""

from sparsestat.linear_model._path import PathResult, penalized_path
from sparsestat.linear_model._regressor import PenalizedRegressor
from sparsestat.linear_model._regressor_cv import PenalizedRegressorCV

__all__ = ["PathResult", "PenalizedRegressor", "PenalizedRegressorCV", "penalized_path"]
