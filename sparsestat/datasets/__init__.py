"""Generators of data whose truth is known, and real data with their provenance."""

from sparsestat.datasets._golub import GeneExpression, load_golub
from sparsestat.datasets._regression import Dataset, make_sparse_regression

__all__ = ["Dataset", "make_sparse_regression", "GeneExpression", "load_golub"]
