"""Linear algebra on designs: columns, working blocks, cross products."""

from sparsestat.linalg.cumulative import log_cumulative_sums
from sparsestat.linalg.dense import DenseBlock, DenseDesign
from sparsestat.linalg.growing import GrowingMatrix, submatrix, whole_rows
from sparsestat.linalg.operator import OperatorDesign
from sparsestat.linalg.screening import LazyGradient
from sparsestat.linalg.sparse import CentredSparseBlock, CentredSparseDesign
from sparsestat.linalg.stacked import StackedDesign

__all__ = [
    "CentredSparseBlock",
    "CentredSparseDesign",
    "DenseBlock",
    "DenseDesign",
    "GrowingMatrix",
    "LazyGradient",
    "OperatorDesign",
    "StackedDesign",
    "log_cumulative_sums",
    "submatrix",
    "whole_rows",
]
