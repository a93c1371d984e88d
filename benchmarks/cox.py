"""Lasso and MCP paths of proportional hazards, with Breslow's and Efron's ties."""

from dataclasses import replace
from typing import Any

from benchmarks import comparison
from benchmarks.cox_peers import SOLVERS
from benchmarks.designs import Shape
from benchmarks.survival import BRESLOW, EFRON

__all__ = ["SHAPES", "run"]

BRESLOWS = (
    Shape("cox-wide", 500, 5000, 30, "ar1", 0.5, 30, 0.15, seed=801),
    Shape("cox-tall", 10_000, 300, 30, "ar1", 0.5, 30, 0.02, seed=802),
    Shape("cox-small", 300, 30, 8, "ar1", 0.5, 50, 0.01, seed=804),
    Shape("cox-mcp", 500, 5000, 20, "ar1", 0.5, 20, 0.25, seed=803, gamma=15.0),
)
EFRONS = (
    Shape("cox-efron-wide", 500, 5000, 30, "ar1", 0.5, 30, 0.15, seed=811),
    Shape("cox-efron-tall", 10_000, 300, 30, "ar1", 0.5, 30, 0.02, seed=812),
)
SHAPES = tuple(
    replace(shape, loss=loss.name)
    for loss, shapes in ((BRESLOW, BRESLOWS), (EFRON, EFRONS))
    for shape in shapes
)
LIMIT = 10.0


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "cox", SHAPES, SOLVERS, LIMIT)
