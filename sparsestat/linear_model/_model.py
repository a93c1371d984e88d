"""A penalised model apart from its strength: parameters, their checks, its numeric problem."""

import functools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import LinearConstraint
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array

from sparsestat._parallel import serial_blas
from sparsestat._sklearn import Interval, checked_fit, progress
from sparsestat.base import (
    Data,
    Frame,
    LinearEstimator,
    frame_columns,
    frame_data,
    naming,
)
from sparsestat.linalg import StackedDesign
from sparsestat.losses import MultinomialLoss, QuantileLoss, SquaredLoss, loss_of
from sparsestat.penalties import L1, MCP, BasePenalty
from sparsestat.penalties.mcp import FLATTEST
from sparsestat.solvers import (
    CoxProblem,
    GLMProblem,
    LeastSquaresProblem,
    MultinomialProblem,
    Problem,
    QuantileProblem,
    Solution,
    Status,
    alpha_max,
    approach,
    choose_solver,
    solve_path,
)
from sparsestat.solvers.constraints import linear_constraints

__all__ = [
    "MODEL_CONSTRAINTS",
    "FramedProblem",
    "Miss",
    "Model",
    "PenalizedModel",
    "flattest",
    "level_of_the_caller",
    "warn_unless_converged",
]

MODEL_CONSTRAINTS: dict[str, list[Any]] = {
    "penalty": [BasePenalty, None],
    "l2": [Interval(Real, 0, None, closed="left")],
    "fit_intercept": ["boolean"],
    "standardize": ["boolean"],
    "penalty_weights": ["array-like", None],
    "positive": ["boolean"],
    "bounds": [tuple, list, None],
    "constraints": [LinearConstraint, tuple, list, None],
    "tol": [Interval(Real, 0, None, closed="neither"), None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
}


@dataclass(frozen=True)
class Model:
    """The parameters that estimators and :func:`penalized_path` have in common."""

    loss: Any
    penalty: BasePenalty | None
    l2: float
    fit_intercept: bool
    standardize: bool
    penalty_weights: Any
    positive: bool
    bounds: Any
    constraints: Any
    solver: str
    tol: float | None
    max_iter: int

    def frame(self, data: Data, targets: Sequence[np.ndarray]) -> list["FramedProblem"]:
        """Centre and scale data; return the problem to solve for each target.

        Parameters
        ----------
        data : Data
            All weights positive; its y is not used.
        targets : sequence of ndarray of shape (n,), or (n, K) for a loss of K classes
        """
        penalty = self.chosen_penalty
        if penalty.scale_free and self.l2 > 0.0 and not self.standardize:
            raise ValueError(
                f"l2 together with {penalty} needs standardize=True: the penalty scales the "
                "columns in any case, and l2 would have to act on other columns."
            )
        scaling = {
            "fit_intercept": self.fit_intercept,
            "standardize": self.standardize or penalty.scale_free,
        }
        terms: dict[str, Any] = {
            "penalty": penalty,
            "weights": _check_penalty_weights(self.penalty_weights, data.X.shape[1]),
            "l2": float(self.l2),
        }
        bounds = check_bounds(self.bounds, self.positive, data.X.shape[1])
        loss = loss_of(self.loss)
        for y in targets:
            loss.check(y)
        framed: list[tuple[Problem, Frame, float]] = []
        if isinstance(loss, SquaredLoss):
            for y in targets:
                design, target, frame = frame_data(data._replace(y=y), **scaling)
                sides: Any = self._sides(frame, terms["weights"], bounds)
                squares = LeastSquaresProblem(design, target, **terms, **sides)
                framed.append((squares, frame, 1.0))
        else:
            pose: Any = GLMProblem
            if isinstance(loss, MultinomialLoss):
                pose = _multinomial
            if isinstance(loss, QuantileLoss):
                pose = QuantileProblem
            if loss.response == "time":  # centred all the same: the baseline takes that up
                pose, scaling["fit_intercept"] = _cox, True
            design, frame = frame_columns(data, **scaling)
            if pose is _cox:
                frame = replace(frame, means=np.zeros_like(frame.means))
            terms |= {
                **self._sides(frame, terms["weights"], bounds),
                "loss": loss,
                "sample_weight": data.weight,
                "offset": 0.0 if data.offset is None else data.offset,
                "fit_intercept": self.fit_intercept,
            }
            for y in targets:
                problem = pose(design, y, **terms)
                framed.append((problem, frame, problem.null_curvature))
        tol = self.tol
        if tol is None:
            tol = 1e-5 if data.X.dtype == np.float32 else 1e-8
        chosen = [choose_solver(problem, self.solver) for problem, _, _ in framed]
        return [
            FramedProblem(
                replace(problem, penalty=penalty.for_loss(loss.bound, curvature)),
                frame,
                solver,
                float(tol),
                self.max_iter,
                curvature,
            )
            for (problem, frame, curvature), solver in zip(framed, chosen, strict=True)
        ]

    def _sides(self, frame: Frame, weights: np.ndarray, bounds: Any) -> dict[str, Any]:
        """Return bounds and constraints on the scale of the problem."""
        sides: dict[str, Any] = frame.bounds(*bounds)
        sides["constraints"] = linear_constraints(
            self.constraints, frame.scales, weights=weights, **sides
        )
        return sides

    @property
    def chosen_penalty(self) -> BasePenalty:
        """The penalty, None replaced by the default for the loss."""
        return default_penalty(self.loss) if self.penalty is None else self.penalty


def _multinomial(design: Any, y: np.ndarray, **terms: Any) -> MultinomialProblem:
    """Return the problem of all classes together, each with a coefficient a feature."""
    n_classes = y.shape[1]
    for name in ("weights", "lower", "upper"):
        terms[name] = np.repeat(terms[name], n_classes)
    if terms["constraints"] is not None:
        terms["constraints"] = terms["constraints"].for_each(n_classes)
    return MultinomialProblem(StackedDesign(design, n_classes), y.ravel(), **terms)


def _cox(design: Any, y: np.ndarray, **terms: Any) -> CoxProblem:
    """Return the problem of a Cox model, which has no intercept."""
    return CoxProblem(design, y, **terms | {"fit_intercept": False})


def default_penalty(loss: Any) -> BasePenalty:
    """Return the penalty that None stands for."""
    loss = loss_of(loss)
    if not loss.smooth:  # there is no curvature that MCP could be weighed against
        return L1()
    return MCP(3.0, adaptive=not isinstance(loss, SquaredLoss))


@dataclass(frozen=True)
class FramedProblem:
    """A numeric problem with the way back to the user's columns.

    `curvature` is that of the loss at the null model, along a column of mean square one.
    """

    problem: Problem
    frame: Frame
    solver: str
    tol: float
    max_iter: int
    curvature: float

    def warn_unless_convex(self) -> None:
        """Warn if the problem of one coefficient is not convex though gamma means it to be."""
        penalty = self.problem.penalty
        bend = max(self.curvature + self.problem.l2, FLATTEST)
        if penalty.concavity is not None and penalty.concavity >= bend:
            warnings.warn(
                f"{penalty} bends more than the loss does: its second derivative reaches "
                f"-{penalty.concavity:.3g}, that of the loss and l2 is {bend:.3g} at the null "
                "model, for a feature of mean square one, so that already the problem of one "
                "coefficient is not convex. Use a larger gamma, or adaptive=True, which "
                "rescales it.",
                UserWarning,
                stacklevel=level_of_the_caller(),
            )

    def alpha_max(self) -> float:
        """Return the smallest alpha at which all penalised coefficients are zero."""
        return alpha_max(self.problem, tol=self.tol, max_iter=self.max_iter)

    def approach(self, alpha: float) -> np.ndarray:
        """Return the strengths on the way to one alpha, which comes last."""
        return approach(self.problem, alpha, tol=self.tol, max_iter=self.max_iter)

    @property
    def n_outputs(self) -> int:
        """How many linear predictors the problem has."""
        return self.problem.n_features // self.frame.means.size

    def express(self, solution: Solution) -> Solution:
        """Return a solution for the user's columns on the scale of the problem."""
        shift = self.frame.y_mean - self.frame.means @ solution.coef
        return replace(
            solution,
            coef=self.frame.express(solution.coef).ravel(),
            intercept=solution.intercept - shift,
        )

    def solve(
        self, alphas: Iterable[float], start: np.ndarray | None = None
    ) -> Iterator[Solution]:
        """Yield the solutions at `alphas`, for the user's columns."""
        if start is not None:
            start = self.frame.express(start).ravel()
            start = np.clip(start, self.problem.lower, self.problem.upper)
        for solution in solve_path(
            self.problem,
            alphas,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            start=start,
        ):
            coef = solution.coef
            if self.n_outputs > 1:
                coef = self._centred(coef.reshape(-1, self.n_outputs))
            coef, intercept = self.frame.restore(coef)
            intercept = solution.intercept + intercept
            if self.n_outputs > 1:
                intercept = intercept - np.mean(intercept)
            yield replace(solution, coef=coef, intercept=intercept)

    def _centred(self, coef: np.ndarray) -> np.ndarray:
        """Take off what is common to all classes where neither loss nor penalty sees it."""
        problem = self.problem
        free = (problem.weights == 0.0) & np.isinf(problem.lower) & np.isinf(problem.upper)
        rows = free.reshape(coef.shape).all(axis=1) & (problem.l2 == 0.0)
        return np.where(rows[:, None], coef - coef.mean(axis=1, keepdims=True), coef)


def flattest(framed: Sequence[FramedProblem]) -> FramedProblem:
    """Return the problem whose loss has the least curvature at the null model."""
    return min(framed, key=lambda problem: problem.curvature)


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


def check_bounds(bounds: Any, positive: bool, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper bounds of the coefficients, one a feature."""
    lower, upper = np.full(n_features, -np.inf), np.full(n_features, np.inf)
    if bounds is not None:
        if len(bounds) != 2:
            raise ValueError(f"bounds must be a pair (lower, upper). Got {bounds!r}.")
        lower, upper = (_check_bound(side, n_features) for side in bounds)
        if (lower > 0.0).any() or (upper < 0.0).any():
            raise ValueError(
                "bounds must hold zero: lower <= 0 <= upper for every feature. Got lower up "
                f"to {lower.max():g} and upper down to {upper.min():g}."
            )
    return (np.maximum(lower, 0.0) if positive else lower), upper


def _check_bound(side: Any, n_features: int) -> np.ndarray:
    with naming("bounds"):
        values = check_array(
            np.atleast_1d(side), ensure_2d=False, dtype=np.float64, ensure_all_finite=False
        )
    if values.shape not in ((1,), (n_features,)):
        raise ValueError(
            f"bounds must be numbers or arrays of shape ({n_features},). Got shape "
            f"{values.shape}."
        )
    if np.isnan(values).any():
        raise ValueError("bounds must not hold NaN; use infinity for no bound.")
    return np.broadcast_to(values, n_features)


class Miss(NamedTuple):
    """A solution that is not as asked for."""

    kkt_violation: float
    alpha: float
    status: Status


def warn_unless_converged(misses: list[Miss], total: int, tol: float, max_iter: int) -> None:
    """Warn, with what to do, if problems missed the tolerance or have no solution.

    Parameters
    ----------
    misses : list of Miss
    total : int
        Number of problems solved.
    tol : float
    max_iter : int
    """
    late = [miss for miss in misses if miss.status is Status.MAX_ITER]
    if late:
        violation, alpha, _ = max(late)
        warnings.warn(
            f"{len(late)} of {total} problems did not converge: the stationarity violation is "
            f"up to {violation:.1e}, at alpha = {alpha:.3g}, and tol is {tol:.1e}. Increase "
            f"max_iter (now {max_iter}), loosen tol, or use a larger alpha or some l2.",
            ConvergenceWarning,
            stacklevel=level_of_the_caller(),
        )
    endless = [miss for miss in misses if miss.status is Status.UNBOUNDED]
    if endless:
        alpha = max(miss.alpha for miss in endless)
        warnings.warn(
            f"{len(endless)} of {total} problems have no finite solution, from alpha = "
            f"{alpha:.3g} down: the selected features separate the classes (or the responses "
            "that are zero, or the events from those at risk), and nothing holds their "
            "coefficients back. They were stopped where the loss has become flat. Use a larger "
            "alpha, some l2, or a penalty that grows without end, such as L1.",
            ConvergenceWarning,
            stacklevel=level_of_the_caller(),
        )


def level_of_the_caller() -> int:
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

    loss: Any
    penalty: BasePenalty | None
    alpha: float
    max_iter: int
    warm_start: bool

    def _model(self) -> Model:
        return Model(**{name: getattr(self, name) for name in Model.__dataclass_fields__})

    def _fitted(
        self, solutions: Sequence[Solution], n_outputs: int, dtype: Any, n_iter: int
    ) -> dict[str, Any]:
        """Return the fitted attributes that solutions give.

        Outputs that have no solution yet get coefficients 0.
        """
        known = np.vstack([np.atleast_2d(s.coef.T) for s in solutions])
        coefs = np.zeros((n_outputs, known.shape[1]), dtype=dtype)
        intercepts = np.zeros(n_outputs, dtype=dtype)
        coefs[: len(known)] = known
        intercepts[: len(known)] = np.concatenate(
            [np.atleast_1d(s.intercept) for s in solutions]
        )
        single = n_outputs == 1
        return {
            "coef_": coefs[0] if single else coefs,
            "intercept_": float(intercepts[0]) if single else intercepts,
            "support_": np.flatnonzero(coefs.any(axis=0)),
            "n_iter_": max(int(n_iter), 1),
            "kkt_violation_": max(s.kkt_violation for s in solutions),
            "dual_gap_": sum(s.dual_gap for s in solutions),
            "objective_": sum(s.objective for s in solutions),
            "converged_": all(s.converged for s in solutions),
        }

    def _fit_targets(self, data: Data, targets: Sequence[np.ndarray], X: Any, y: Any) -> None:
        """Fit at one strength, `alpha`; store the attributes."""
        framed = self._model().frame(data, targets)
        flattest(framed).warn_unless_convex()
        n_outputs = sum(problem.n_outputs for problem in framed)
        starts = self._starts(n_outputs, len(framed), data.X.shape[1])
        routes = [
            problem.approach(self.alpha) if start is None else np.array([self.alpha])
            for problem, start in zip(framed, starts, strict=True)
        ]
        done: list[Solution] = []
        n_iter = 0
        with progress(self, "alpha", sum(route.size for route in routes), X, y) as report:
            for problem, route, start in zip(framed, routes, starts, strict=True):
                for solution in problem.solve(route, start):
                    n_iter += solution.n_iter
                    fitted = partial(
                        self._fitted, [*done, solution], n_outputs, data.X.dtype, n_iter
                    )
                    report(fitted)  # to stop early would leave the solution of another alpha
                done.append(solution)
        misses = [Miss(s.kkt_violation, self.alpha, s.status) for s in done if not s.converged]
        warn_unless_converged(misses, len(done), framed[0].tol, self.max_iter)
        self.__dict__.update(fitted())

    def _starts(self, n_outputs: int, n_problems: int, n_features: int) -> list[Any]:
        """Return the last fit's coefficients for each problem, if they are to be the start."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return [None] * n_problems
        coefs = np.atleast_2d(self.coef_)
        if coefs.shape != (n_outputs, n_features):
            raise ValueError(
                "warm_start=True needs as many features, and classes, as the last fit: its "
                f"coef_ has shape {self.coef_.shape}. Got {n_features} features and "
                f"{n_outputs} rows of coefficients instead; use clone() for a fresh estimator."
            )
        return list(coefs) if n_problems == n_outputs else [coefs.T]

    def set_params(self, **params: Any) -> Any:
        """Set parameters, nested ones as ``penalty__gamma`` and ``loss__delta``.

        Penalty and loss are replaced by changed copies: other owners of the same object
        keep theirs. Where `penalty` is None, the default one is meant.
        """
        before = {part: vars(self)[part] for part in ("loss", "penalty") if part in vars(self)}
        try:
            for part in before:
                if any(name.startswith(f"{part}__") for name in params):
                    value = params.pop(part, getattr(self, part))
                    if part == "penalty" and value is None:
                        value = default_penalty(self.loss)
                    setattr(self, part, copy(loss_of(value) if part == "loss" else value))
            return super().set_params(**params)
        except (TypeError, ValueError):
            self.__dict__.update(before)
            raise
