"""Lasso and MCP paths of logistic regression."""

from dataclasses import replace
from typing import Any

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.logistic_peers import SOLVERS
from benchmarks.loss import LOGISTIC

__all__ = ["SHAPES", "run"]

TUNED = (
    Shape("logistic-wide", 1000, 10_000, 50, "ar1", 0.5, 30, 0.1, seed=301),
    Shape("logistic-tall", 20_000, 500, 50, "ar1", 0.5, 20, 0.05, seed=302),
)
HELD_OUT = (
    Shape("logistic-factor", 800, 12_000, 40, "factor", 0.5, 30, 0.1, seed=401),
    Shape("logistic-tall-block", 15_000, 800, 40, "block", 0.8, 20, 0.05, seed=402),
    Shape("logistic-counts", 20_000, 50_000, 80, "counts", 4e-3, 30, 0.15, seed=403),
    Shape("logistic-genes", 38, 3051, 0, "golub", 0.0, 30, 0.05, seed=0),
    Shape("logistic-mcp", 1000, 5000, 30, "ar1", 0.5, 20, 0.2, seed=404, gamma=30.0),
)
SHAPES = tuple(
    replace(shape, loss=LOGISTIC.name, held_out=shape in HELD_OUT) for shape in TUNED + HELD_OUT
)


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "logistic", SHAPES, SOLVERS)
