"""Lasso and MCP paths of Poisson, gamma and Huber regression."""

from dataclasses import replace
from typing import Any

from benchmarks import comparison
from benchmarks.designs import Shape
from benchmarks.families_peers import SOLVERS
from benchmarks.loss import GAMMA, HUBER, POISSON

__all__ = ["SHAPES", "run"]

POISSONS = (
    Shape("poisson-wide", 500, 5000, 30, "ar1", 0.5, 30, 0.1, seed=701),
    Shape("poisson-tall", 10_000, 300, 30, "ar1", 0.5, 30, 0.02, seed=702),
    Shape("poisson-small", 400, 40, 10, "ar1", 0.5, 50, 0.01, seed=704),
    Shape("poisson-mcp", 500, 5000, 20, "ar1", 0.5, 20, 0.2, seed=703, gamma=10.0),
)
GAMMAS = (
    Shape("gamma-wide", 500, 5000, 30, "ar1", 0.5, 30, 0.1, seed=711),
    Shape("gamma-tall", 10_000, 300, 30, "ar1", 0.5, 30, 0.02, seed=712),
    Shape("gamma-small", 400, 40, 10, "ar1", 0.5, 50, 0.01, seed=713),
)
HUBERS = (
    Shape("huber-wide", 500, 5000, 30, "ar1", 0.5, 30, 0.1, seed=721),
    Shape("huber-tall", 10_000, 300, 30, "ar1", 0.5, 30, 0.02, seed=722),
    Shape("huber-small", 400, 40, 10, "ar1", 0.5, 50, 0.01, seed=723),
)
SHAPES = tuple(
    replace(shape, loss=loss.name)
    for loss, shapes in ((POISSON, POISSONS), (GAMMA, GAMMAS), (HUBER, HUBERS))
    for shape in shapes
)
LIMIT = 10.0


def run(options: Any) -> None:
    """Compare the solvers on the shapes asked for."""
    comparison.run(options, "families", SHAPES, SOLVERS, LIMIT)
