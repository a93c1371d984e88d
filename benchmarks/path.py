"""Lasso and MCP paths of least squares."""

from dataclasses import replace
from typing import Any

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.peers import SOLVERS

__all__ = ["SHAPES", "run"]

TUNED = (
    Shape("lasso-wide", 1000, 10_000, 50, "ar1", 0.9, 50, 0.1, seed=101),
    Shape("lasso-short", 200, 20_000, 10, "ar1", 0.5, 50, 0.05, seed=102),
    Shape("lasso-tall", 20_000, 500, 50, "ar1", 0.5, 50, 0.01, seed=103),
    Shape("lasso-sparse", 20_000, 100_000, 100, "sparse", 1e-3, 50, 0.1, seed=104),
    Shape("mcp-wide", 1000, 10_000, 50, "ar1", 0.5, 30, 0.15, seed=105, gamma=3.0),
)
HELD_OUT = (
    Shape("lasso-small", 400, 60, 10, "ar1", 0.5, 100, 1e-3, seed=201),
    Shape("lasso-factor", 800, 12_000, 40, "factor", 0.5, 50, 0.1, seed=202),
    Shape("lasso-heavy", 300, 15_000, 15, "heavy_tailed", 0.0, 50, 0.05, seed=203),
    Shape("lasso-tall-block", 15_000, 800, 40, "block", 0.8, 50, 0.01, seed=204),
    Shape("lasso-counts", 10_000, 60_000, 80, "counts", 4e-3, 50, 0.1, seed=205),
    Shape("mcp-block", 600, 8000, 30, "block", 0.7, 30, 0.15, seed=206, gamma=2.5),
)
SHAPES = TUNED + tuple(replace(shape, held_out=True) for shape in HELD_OUT)


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "path", SHAPES, SOLVERS)
