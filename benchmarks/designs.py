"""The data that solvers are compared on.

Columns have mean square one (dense ones mean zero as well), and a response of least
squares has mean zero, so that standardisation or an intercept would change nothing.
Labels are 0 and 1; no solver fits an intercept, to any response.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy import sparse

from benchmarks.loss import LOSSES, SQUARED
from benchmarks.problem import Problem
from benchmarks.responses import RESPONSES
from benchmarks.survival import COX
from sparsestat.datasets import load_golub, make_sparse_regression

__all__ = ["Shape"]

ALL_LOSSES = {**LOSSES, **{loss.name: loss for loss in COX}}


@dataclass(frozen=True)
class Shape:
    """A design, a loss, a penalty and a path.

    Parameters
    ----------
    name : str
    n_samples, n_features, n_nonzero : int
    design : str
        "ar1", "block", "factor" (`make_sparse_regression`), "heavy_tailed" (independent
        Student t, 3 degrees of freedom), "sparse" (nonzeros spread evenly, normal),
        "counts" (sparse, columns of power-law length, logarithms of counts) or "golub"
        (real data: the genes and classes of `load_golub`).
    level : float
        Correlation of the design; share of nonzeros for sparse ones.
    n_alphas, smallest : int, float
        Length of the path, and its last strength over its first.
    seed : int
    gamma : float or None
        None for the lasso, else that of the MCP.
    held_out : bool
        Whether the solvers of this package were never tuned on such a design.
    loss : str
        The name of one of `ALL_LOSSES`.
    """

    name: str
    n_samples: int
    n_features: int
    n_nonzero: int
    design: str
    level: float
    n_alphas: int
    smallest: float
    seed: int
    gamma: float | None = None
    held_out: bool = False
    loss: str = SQUARED.name

    pose: ClassVar[type[Problem]] = Problem

    def smoke(self) -> "Shape":
        """Return a tiny version of the same kind; real data stay as they are."""
        if self.design == "golub":
            return replace(self, n_alphas=5, smallest=max(self.smallest, 0.3))
        return replace(
            self,
            n_samples=max(40, self.n_samples // 20),
            n_features=max(20, self.n_features // 100),
            n_nonzero=5,
            level=0.02 if self.design in ("sparse", "counts") else self.level,
            n_alphas=5,
            smallest=max(self.smallest, 0.1),
        )

    def problem(self) -> Problem:
        """Draw the data, or load them."""
        X, y = golub() if self.design == "golub" else self.draw()
        loss = ALL_LOSSES[self.loss]
        return self.pose.geometric(X, y, self.n_alphas, self.smallest, self.gamma, loss)

    def columns(self, rng: Generator) -> np.ndarray | sparse.csc_array:
        """Draw X."""
        return standardise(DESIGNS.get(self.design, correlated)(self, rng))

    def draw(self) -> tuple[np.ndarray | sparse.csc_array, np.ndarray]:
        """Draw X, and a response as the loss has it."""
        rng = np.random.default_rng(self.seed)
        X = self.columns(rng)
        return X, RESPONSES[self.loss](X, self.n_nonzero, rng)


def golub() -> tuple[np.ndarray, np.ndarray]:
    data = load_golub()
    return standardise(data.X), (data.y == "AML").astype(float)


def correlated(shape: Shape, rng: Generator) -> np.ndarray:
    data = make_sparse_regression(
        shape.n_samples, shape.n_features, 0, shape.level, design=shape.design, random_state=rng
    )
    return data.X


def heavy_tailed(shape: Shape, rng: Generator) -> np.ndarray:
    return rng.standard_t(3, (shape.n_features, shape.n_samples)).T


def evenly_sparse(shape: Shape, rng: Generator) -> sparse.csc_array:
    rows, columns = _cells(shape, rng, np.ones(shape.n_features))
    values = rng.standard_normal(rows.size)
    return _csc(shape, rows, columns, values)


def counts(shape: Shape, rng: Generator) -> sparse.csc_array:
    rows, columns = _cells(shape, rng, 1.0 / np.arange(10, 10 + shape.n_features))
    X = _csc(shape, rows, columns, np.ones(rows.size))
    X.data = np.log1p(X.data)
    return X


def _cells(shape: Shape, rng: Generator, frequency: np.ndarray):
    """Draw nonzero cells, columns in proportion to `frequency`."""
    n_cells = round(shape.level * shape.n_samples * shape.n_features)
    rows = rng.integers(shape.n_samples, size=n_cells)
    return rows, rng.choice(shape.n_features, size=n_cells, p=frequency / frequency.sum())


def _csc(shape: Shape, rows, columns, values) -> sparse.csc_array:
    size = shape.n_samples, shape.n_features
    X = sparse.coo_array((values, (rows, columns)), size).tocsc()  # adds up repeated cells
    # The peers take 32-bit positions only.
    return sparse.csc_array(
        (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)), size
    )


DESIGNS = {"heavy_tailed": heavy_tailed, "sparse": evenly_sparse, "counts": counts}


def standardise(X):
    """Give each column mean square one, and mean zero if dense; empty ones stay."""
    if sparse.issparse(X):
        scale = np.sqrt(X.power(2).sum(axis=0) / X.shape[0])
        scale[scale == 0.0] = 1.0
        X.data /= np.repeat(scale, np.diff(X.indptr))
        return X
    X = X - X.mean(axis=0)
    X /= np.sqrt(np.einsum("ij,ij->j", X, X) / X.shape[0])
    return np.asfortranarray(X)
