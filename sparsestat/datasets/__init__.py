"""Generators of data whose truth is known."""

from sparsestat.datasets._regression import Dataset, make_sparse_regression

__all__ = ["Dataset", "make_sparse_regression"]
