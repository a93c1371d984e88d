"""The data that solvers are compared on.

Columns have mean square one (dense ones mean zero as well) and y has mean zero, so
that solvers with and without an intercept or standardisation solve one problem.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from scipy import sparse

from benchmarks.problem import Problem
from sparsestat.datasets import make_sparse_regression

__all__ = ["SHAPES", "Shape"]

SNR = 3.0


@dataclass(frozen=True)
class Shape:
    """A design, a penalty and a path.

    Parameters
    ----------
    name : str
    n_samples, n_features, n_nonzero : int
    design : str
        "ar1", "block", "factor" (`make_sparse_regression`), "heavy_tailed" (independent
        Student t, 3 degrees of freedom), "sparse" (nonzeros spread evenly, normal) or
        "counts" (sparse, columns of power-law length, logarithms of counts).
    level : float
        Correlation of the design; share of nonzeros for sparse ones.
    n_alphas, smallest : int, float
        Length of the path, and its last strength over its first.
    seed : int
    gamma : float or None
        None for the lasso, else that of the MCP.
    held_out : bool
        Whether the solvers of this package were never tuned on such a design.
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

    def smoke(self) -> "Shape":
        """Return a tiny version of the same kind."""
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
        """Draw the data."""
        rng = np.random.default_rng(self.seed)
        X = DESIGNS.get(self.design, correlated)(self, rng)
        X = standardise(X)
        y = respond(X, self.n_nonzero, rng)
        return Problem.geometric(X, y, self.n_alphas, self.smallest, self.gamma)


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


def respond(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Draw a response from a few columns, of mean zero and variance one."""
    occupied = np.diff(X.indptr) > 0 if sparse.issparse(X) else np.ones(X.shape[1], bool)
    coef = np.zeros(X.shape[1])
    support = rng.choice(np.flatnonzero(occupied), n_nonzero, replace=False)
    coef[support] = rng.choice([-1.0, 1.0], n_nonzero) * rng.uniform(0.5, 1.5, n_nonzero)
    signal = X @ coef
    y = signal + rng.standard_normal(X.shape[0]) * signal.std() / np.sqrt(SNR)
    return (y - y.mean()) / y.std()


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
