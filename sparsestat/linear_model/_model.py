"""A penalised model apart from its strength: parameters, their checks, its numeric problem."""

import functools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array

from sparsestat._parallel import serial_blas
from sparsestat._sklearn import Interval, StrOptions, checked_fit
from sparsestat.base import Data, Frame, LinearEstimator, frame_data, naming
from sparsestat.losses import LOSSES, SquaredLoss
from sparsestat.penalties import MCP, Penalty
from sparsestat.solvers import (
    SOLVERS,
    LeastSquaresProblem,
    Solution,
    alpha_max,
    approach,
    solve_path,
)

__all__ = [
    "MODEL_CONSTRAINTS",
    "FramedProblem",
    "Model",
    "PenalizedModel",
    "warn_unless_converged",
]

MODEL_CONSTRAINTS: dict[str, list[Any]] = {
    "loss": [StrOptions(set(LOSSES)), SquaredLoss],
    "penalty": [Penalty, None],
    "l2": [Interval(Real, 0, None, closed="left")],
    "fit_intercept": ["boolean"],
    "standardize": ["boolean"],
    "penalty_weights": ["array-like", None],
    "positive": ["boolean"],
    "solver": [StrOptions({"auto", *SOLVERS})],
    "tol": [Interval(Real, 0, None, closed="neither"), None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
}


@dataclass(frozen=True)
class Model:
    """The parameters that estimators and :func:`penalized_path` have in common."""

    penalty: Penalty | None
    l2: float
    fit_intercept: bool
    standardize: bool
    penalty_weights: Any
    positive: bool
    solver: str
    tol: float | None
    max_iter: int

    def frame(self, data: Data) -> "FramedProblem":
        """Centre and scale data; return the problem to solve."""
        weights = _check_penalty_weights(self.penalty_weights, data.X.shape[1])
        design, target, frame = frame_data(
            data, fit_intercept=self.fit_intercept, standardize=self.standardize
        )
        problem = LeastSquaresProblem(
            design,
            target,
            penalty=MCP() if self.penalty is None else self.penalty,
            weights=weights,
            l2=float(self.l2),
            positive=bool(self.positive),
        )
        single = data.X.dtype == np.float32
        tol = self.tol if self.tol is not None else (1e-5 if single else 1e-8)
        return FramedProblem(problem, frame, self.solver, float(tol), self.max_iter)


@dataclass(frozen=True)
class FramedProblem:
    """A numeric problem with the way back to the user's columns."""

    problem: LeastSquaresProblem
    frame: Frame
    solver: str
    tol: float
    max_iter: int

    def alpha_max(self) -> float:
        """Return the smallest alpha at which all penalised coefficients are zero."""
        return alpha_max(self.problem, tol=self.tol, max_iter=self.max_iter)

    def approach(self, alpha: float) -> np.ndarray:
        """Return the strengths on the way to one alpha, which comes last."""
        return approach(self.problem, alpha, tol=self.tol, max_iter=self.max_iter)

    def solve(
        self, alphas: Iterable[float], start: np.ndarray | None = None
    ) -> Iterator[Solution]:
        """Yield the solutions at `alphas`, for the user's columns."""
        if start is not None:
            start = self.frame.express(start)
            if self.problem.positive:
                start = np.maximum(start, 0.0)
        for solution in solve_path(
            self.problem,
            alphas,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            start=start,
        ):
            coef, intercept = self.frame.restore(solution.coef)
            yield replace(solution, coef=coef, intercept=intercept)


def _check_penalty_weights(penalty_weights: Any, n_features: int) -> np.ndarray:
    if penalty_weights is None:
        return np.ones(n_features)
    with naming("penalty_weights"):
        weights = check_array(
            penalty_weights,
            ensure_2d=False,
            dtype=np.float64,
            ensure_all_finite=False,
            input_name="penalty_weights",
        )
    if weights.shape != (n_features,):
        raise ValueError(
            f"penalty_weights must have one number a feature, shape ({n_features},). "
            f"Got shape {weights.shape} instead."
        )
    if np.isnan(weights).any() or (weights < 0.0).any():
        raise ValueError(
            "penalty_weights must be nonnegative: 0 for unpenalised, inf for excluded "
            f"features. Got minimum {weights.min()} instead."
        )
    return weights


def warn_unless_converged(
    missed: list[tuple[float, float]], total: int, tol: float, max_iter: int
) -> None:
    """Warn, with what to do, if problems missed the tolerance.

    Parameters
    ----------
    missed : list of tuple
        Stationarity violation and strength of the solutions that missed it.
    total : int
        Number of problems solved.
    tol : float
    max_iter : int
    """
    if not missed:
        return
    violation, alpha = max(missed)
    warnings.warn(
        f"{len(missed)} of {total} problems did not converge: the stationarity violation is up "
        f"to {violation:.1e}, at alpha = {alpha:.3g}, and tol is {tol:.1e}. Increase max_iter "
        f"(now {max_iter}), loosen tol, or use a larger alpha or some l2.",
        ConvergenceWarning,
        stacklevel=_level_of_the_caller(),
    )


def _level_of_the_caller() -> int:
    """Count the frames between the warning and the first one outside fitting code."""
    inside = ("sparsestat", "sklearn", "contextlib")
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in inside:
        frame, level = frame.f_back, level + 1
    return level


def fit_method(fit: Callable) -> Callable:
    """Decorate ``fit``: parameters checked, no trace of a failure, one BLAS thread."""

    @functools.wraps(fit)
    def serial(self: Any, *args: Any, **kwargs: Any) -> Any:
        with serial_blas:
            return fit(self, *args, **kwargs)

    return checked_fit(serial)


class PenalizedModel(LinearEstimator):
    """What the penalised estimators share: their :class:`Model` and nested parameters."""

    penalty: Penalty | None

    def _model(self) -> Model:
        return Model(**{name: getattr(self, name) for name in Model.__dataclass_fields__})

    @staticmethod
    def _fitted(solution: Solution, dtype: Any, n_iter: int) -> dict[str, Any]:
        """Return the fitted attributes that a solution gives."""
        coef = solution.coef.astype(dtype)
        return {
            "coef_": coef,
            "intercept_": solution.intercept,
            "support_": np.flatnonzero(coef),
            "n_iter_": max(int(n_iter), 1),
            "kkt_violation_": solution.kkt_violation,
            "dual_gap_": solution.dual_gap,
            "objective_": solution.objective,
            "converged_": solution.converged,
        }

    def set_params(self, **params: Any) -> Any:
        """Set parameters, nested ones of the penalty as ``penalty__gamma``.

        The penalty is replaced by a changed copy: other owners of the same penalty
        object keep theirs. Where `penalty` is None, the default MCP is meant.
        """
        if any(name.startswith("penalty__") for name in params):
            before = self.penalty
            penalty = params.pop("penalty", before)
            self.penalty = MCP() if penalty is None else copy(penalty)
            try:
                return super().set_params(**params)
            except (TypeError, ValueError):
                self.penalty = before
                raise
        return super().set_params(**params)

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """Predict the response.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor; zero by default, also if the model was
            fitted with an offset.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._linear_predictor(X, offset)
