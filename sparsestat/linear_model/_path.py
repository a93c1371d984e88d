"""Solutions at many strengths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator
from sklearn.utils import check_array

from sparsestat._parallel import serial_blas
from sparsestat._sklearn import Interval, StrOptions, validate_params
from sparsestat.base import X_CHECKS, check_vector, naming, validate
from sparsestat.linear_model._posing import (
    MODEL_CONSTRAINTS,
    FramedProblem,
    Model,
    takes_several,
)
from sparsestat.linear_model._survival import read_survival
from sparsestat.linear_model._warnings import Miss, warn_unless_converged
from sparsestat.losses import LOSSES, Loss, MultinomialLoss, loss_of
from sparsestat.solvers import SOLVERS, Solution, Status, alpha_grid

__all__ = [
    "PATH_CONSTRAINTS",
    "PathResult",
    "choose_alphas",
    "collect",
    "outputs",
    "penalized_path",
]

PATH_CONSTRAINTS: dict[str, list[Any]] = {
    "alphas": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "eps": [Interval(Real, 0, 1, closed="neither")],
    **MODEL_CONSTRAINTS,
}


@dataclass(frozen=True, repr=False)
class PathResult:
    """The solutions of a model along a path of strengths.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Strengths, largest first.
    coefs : csc_array of shape (n_features, n_alphas)
    intercepts : ndarray of shape (n_alphas,)
    objectives : ndarray of shape (n_alphas,)
        Mean loss plus penalty.
    kkt_violations : ndarray of shape (n_alphas,)
        Largest stationarity violation over the largest absolute gradient at zero.
    dual_gaps : ndarray of shape (n_alphas,)
        Upper bounds on objective minus optimum; nan where none is known.
    n_iters : ndarray of int, shape (n_alphas,)
        Epochs of coordinate descent plus Newton steps.
    statuses : tuple of Status, length n_alphas
        How each ended, as a sentence.
    """

    alphas: np.ndarray
    coefs: sparse.csc_array
    intercepts: np.ndarray
    objectives: np.ndarray
    kkt_violations: np.ndarray
    dual_gaps: np.ndarray
    n_iters: np.ndarray
    statuses: tuple[Status, ...]

    @property
    def converged(self) -> np.ndarray:
        """Whether each is stationary within the tolerance, and a minimum."""
        return np.array([status is Status.CONVERGED for status in self.statuses])

    @property
    def finite(self) -> np.ndarray:
        """Whether there is a finite solution, which separated classes can make impossible."""
        return np.array([status is not Status.UNBOUNDED for status in self.statuses])

    @property
    def n_nonzeros(self) -> np.ndarray:
        """The number of nonzero coefficients at each strength."""
        return np.diff(self.coefs.indptr)

    @property
    def misses(self) -> list[Miss]:
        """The solutions that missed the tolerance, or are no minima."""
        rows = zip(self.kkt_violations, self.alphas, self.statuses, strict=True)
        return [Miss(*row) for row in rows if row[-1] is not Status.CONVERGED]

    def predict(self, X: Any) -> np.ndarray:
        """Evaluate the linear predictor at every strength, without offsets.

        For squared error, Huber's and the quantile loss that is the prediction, for Poisson
        and gamma loss its logarithm, for logistic loss the logarithm of the odds of the
        second class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_alphas)

        Raises
        ------
        ValueError
            If X is not such an array.
        """
        with naming("X"):
            X = check_array(X, accept_sparse=("csr", "csc"), dtype=X_CHECKS["dtype"])
        if X.shape[1] != self.coefs.shape[0]:
            raise ValueError(f"X must have {self.coefs.shape[0]} features. Got {X.shape[1]}.")
        product = X @ self.coefs
        dense = product.toarray() if sparse.issparse(product) else product
        return dense + self.intercepts

    def __repr__(self) -> str:
        nonzeros = self.n_nonzeros
        return (
            f"PathResult({self.alphas.size} alphas from {self.alphas[0]:.3g} to "
            f"{self.alphas[-1]:.3g}, {nonzeros[0]} to {nonzeros[-1]} of "
            f"{self.coefs.shape[0]} coefficients nonzero)"
        )


def outputs(solution: Solution) -> list[Solution]:
    """Return the solution of each output of a problem that may have several."""
    if solution.coef.ndim == 1:
        return [solution]
    return [
        replace(solution, coef=b, intercept=float(b0))
        for b, b0 in zip(solution.coef.T, np.atleast_1d(solution.intercept), strict=True)
    ]


def collect(alphas: np.ndarray, solutions: Sequence[Solution], dtype: Any) -> PathResult:
    """Store the solutions of a path."""
    supports = [np.flatnonzero(s.coef) for s in solutions]
    index = np.cumsum([0, *(support.size for support in supports)])
    values = [s.coef[support] for s, support in zip(solutions, supports, strict=True)]
    coefs = sparse.csc_array(
        (np.concatenate(values).astype(dtype), np.concatenate(supports), index),
        shape=(solutions[0].coef.size, alphas.size),
    )
    return PathResult(
        alphas=alphas,
        coefs=coefs,
        intercepts=np.array([s.intercept for s in solutions], dtype=dtype),
        objectives=np.array([s.objective for s in solutions]),
        kkt_violations=np.array([s.kkt_violation for s in solutions]),
        dual_gaps=np.array([s.dual_gap for s in solutions]),
        n_iters=np.array([s.n_iter for s in solutions]),
        statuses=tuple(s.status for s in solutions),
    )


def choose_alphas(alphas: Any, eps: float, framed: Sequence[FramedProblem]) -> np.ndarray:
    """Return the strengths of a path, largest first: as given, or a grid from alpha_max.

    Several problems share the grid that begins where the last of them becomes zero.
    """
    if not isinstance(alphas, Integral):
        alphas = check_vector("alphas", alphas)
        if (alphas < 0.0).any():
            raise ValueError(f"alphas must be nonnegative. Got {alphas.min()} among them.")
        return np.sort(alphas)[::-1]
    largest = max(problem.alpha_max() for problem in framed)
    if not np.isfinite(largest):
        raise ValueError(
            f"{framed[0].problem.penalty} has no slope at zero, so that no alpha sets all "
            "coefficients to zero. Give alphas as an array."
        )
    return alpha_grid(largest, eps, int(alphas))


@validate_params(
    {
        "X": ["array-like", "sparse matrix", LinearOperator],
        "y": ["array-like"],
        "loss": [StrOptions(set(LOSSES)), Loss],
        "solver": [StrOptions({"auto", *SOLVERS})],
        **PATH_CONSTRAINTS,
    },
    prefer_skip_nested_validation=True,
)
def penalized_path(
    X: Any,
    y: Any,
    *,
    loss: Any = "squared_error",
    penalty: Any = None,
    alphas: Any = 100,
    eps: float = 1e-3,
    l2: float = 0.0,
    fit_intercept: bool = True,
    standardize: bool = True,
    penalty_weights: Any = None,
    positive: bool = False,
    bounds: Any = None,
    constraints: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    solver: str = "auto",
    tol: float | None = None,
    max_iter: int = 10_000,
) -> Any:
    """Fit a penalised linear model at many strengths, each from the last solution.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        float32 stays float32, other numbers become float64. Sparse input is never
        filled in.
    y : array-like of shape (n_samples,)
        Numbers; for ``loss="log_loss"`` two classes, as 0 and 1 or as -1 and 1; for
        :class:`~sparsestat.losses.CoxLoss` as in :class:`PenalizedCox`.
    loss : str or Loss, default="squared_error"
        As in :class:`PenalizedRegressor` and :class:`PenalizedClassifier`; or
        :class:`~sparsestat.losses.CoxLoss`, where `fit_intercept` does nothing.
    penalty : Penalty, default=None
        None means ``MCP(gamma=3.0)``, for other losses than squared error with
        ``adaptive=True``, and ``L1()`` for quantiles.
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths, or how many to place evenly in logarithm from the smallest one at
        which every penalised coefficient is zero.
    eps : float, default=1e-3
        The last strength over the first, where `alphas` is a number. With more features
        than samples 0.05 is usual: far below, models nearly interpolate and take long.
    sample_weight : array-like of shape (n_samples,), optional
    offset : array-like of the shape of y, optional
        Known part of the linear predictor.
    l2, fit_intercept, standardize, penalty_weights, positive, bounds, constraints, solver, \
tol, max_iter
        As in :class:`PenalizedRegressor` and :class:`PenalizedClassifier`.

    Returns
    -------
    PathResult, or list of PathResult
        With ``alphas``, ``coefs`` (a sparse array, for the columns as given),
        ``intercepts``, ``kkt_violations``, ``dual_gaps``, ``n_iters``, ``statuses``. For
        several responses one each, with what belongs to all of them in every one.

    Raises
    ------
    ValueError
        If an argument is out of its range or an array has the wrong shape or values;
        the message names it.

    Warns
    -----
    ConvergenceWarning
        If a solution misses the tolerance, or there is no finite one (separated classes).
    UserWarning
        As in :class:`PenalizedClassifier`, for MCP and SCAD.

    See Also
    --------
    PenalizedRegressorCV, PenalizedClassifierCV : Choose the strength.

    Examples
    --------
    >>> from sparsestat import MCP, penalized_path
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(100, 200, 3, snr=10.0, random_state=0)
    >>> path = penalized_path(data.X, data.y, penalty=MCP(3.0), alphas=20, eps=0.1)
    >>> path.coefs.shape
    (200, 20)
    >>> path.coefs.toarray().T.shape  # dense, for plt.plot(path.alphas, ...)
    (20, 200)
    """
    if loss_of(loss).response == "time":
        data, _ = read_survival(X, y, sample_weight, offset)
    else:
        several = takes_several(loss_of(loss), y)
        data = validate(X, y, sample_weight, offset, several=several)
    data = data.weighted()
    target = data.y
    if isinstance(loss_of(loss), MultinomialLoss):
        raise ValueError(
            "penalized_path takes losses of one linear predictor; PenalizedClassifierCV("
            "loss='multinomial').path_ has the paths of classes."
        )
    if loss_of(loss).response == "class":
        target = _zeros_and_ones(target)
    model = Model(
        loss,
        penalty,
        l2,
        fit_intercept,
        standardize,
        penalty_weights,
        positive,
        bounds,
        constraints,
        solver,
        tol,
        max_iter,
    )
    with serial_blas:
        (framed,) = model.frame(data, [target])
        framed.warn_unless_convex()
        chosen = choose_alphas(alphas, eps, [framed])
        solutions = list(framed.solve(chosen))
    steps = [outputs(solution) for solution in solutions]
    paths = [collect(chosen, each, data.X.dtype) for each in zip(*steps, strict=True)]
    warn_unless_converged(paths[0].misses, chosen.size, framed.tol, max_iter)
    return paths[0] if data.y.ndim == 1 else paths


def _zeros_and_ones(y: np.ndarray) -> np.ndarray:
    """Return labels as 0 and 1, which may be given as -1 and 1."""
    labels = np.unique(y)
    if labels.tolist() not in ([0.0, 1.0], [-1.0, 1.0]):
        raise ValueError(
            "y must hold two classes, as 0 and 1 or as -1 and 1, for loss='log_loss'. Got "
            f"{labels[:5].tolist()}; PenalizedClassifier takes any labels."
        )
    return (y > 0.0).astype(np.float64)
