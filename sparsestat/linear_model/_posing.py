"""From the parameters of a penalised model to numeric problems, and back."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.optimize import LinearConstraint
from sklearn.utils import check_array

from sparsestat._sklearn import Interval
from sparsestat.base import Data, n_columns, naming
from sparsestat.framing import Frame, frame_columns, frame_data
from sparsestat.linalg import StackedDesign
from sparsestat.linear_model._warnings import level_of_the_caller
from sparsestat.losses import CoxLoss, MultinomialLoss, QuantileLoss, SquaredLoss, loss_of
from sparsestat.penalties import L1, MCP, BasePenalty, JointPenalty
from sparsestat.penalties.mcp import FLATTEST
from sparsestat.solvers import (
    CoxProblem,
    GLMProblem,
    LeastSquaresProblem,
    MultinomialProblem,
    MultiTaskProblem,
    Problem,
    QuantileProblem,
    Solution,
    alpha_max,
    approach,
    choose_solver,
    solve_path,
)
from sparsestat.solvers.constraints import linear_constraints

__all__ = [
    "MODEL_CONSTRAINTS",
    "FramedProblem",
    "Model",
    "default_penalty",
    "flattest",
    "takes_several",
]

Sides = Callable[[Frame], dict[str, Any]]

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
        targets : sequence of ndarray of shape (n,), or (n, K) for K classes or responses
        """
        penalty = self.chosen_penalty
        penalty.check_size(data.X.shape[1])
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
        sides = self._sides(data.X.shape[1], terms["weights"])
        loss = loss_of(self.loss)
        for y in targets:
            loss.check(y)
        if isinstance(loss, SquaredLoss):
            framed = [_pose_squares(data._replace(y=y), sides, scaling, terms) for y in targets]
        else:
            framed = _pose_others(loss, data, targets, sides, scaling, terms)
        tol = self.tol
        if tol is None:
            tol = 1e-5 if data.X.dtype == np.float32 else 1e-8
        # Solvers are asked first: some penalties cannot be fitted to a loss that none takes.
        chosen = [choose_solver(problem, self.solver) for problem, _, _ in framed]
        return [
            FramedProblem(
                replace(problem, penalty=problem.penalty.for_loss(loss.bound, curvature)),
                frame,
                solver,
                float(tol),
                self.max_iter,
                curvature,
            )
            for (problem, frame, curvature), solver in zip(framed, chosen, strict=True)
        ]

    def _sides(self, n_features: int, weights: np.ndarray) -> Sides:
        """Return the function from a frame to bounds and constraints on its scale."""
        bounds = check_bounds(self.bounds, self.positive, n_features)

        def sides(frame: Frame) -> dict[str, Any]:
            box = frame.bounds(*bounds)
            rows = linear_constraints(self.constraints, frame.scales, weights=weights, **box)
            return {**box, "constraints": rows}

        return sides

    @property
    def chosen_penalty(self) -> BasePenalty:
        """The penalty, None replaced by the default for the loss."""
        return default_penalty(self.loss) if self.penalty is None else self.penalty


def _pose_squares(
    data: Data, sides: Sides, scaling: dict[str, bool], terms: dict[str, Any]
) -> tuple[Problem, Frame, float]:
    """Return least squares of one response or several, its frame and its curvature."""
    design, target, frame = frame_data(data, **scaling)
    pose: Any = LeastSquaresProblem if target.ndim == 1 else MultiTaskProblem
    return pose(design, target, **terms, **sides(frame)), frame, 1.0


def _pose_others(
    loss: Any, data: Data, targets: Any, sides: Sides, scaling: dict, terms: dict[str, Any]
) -> list[tuple[Problem, Frame, float]]:
    """Return the problem, frame and curvature of each target, for a loss of its own."""
    terms = terms | {
        "loss": loss,
        "sample_weight": data.weight,
        "offset": 0.0 if data.offset is None else data.offset,
        "fit_intercept": scaling["fit_intercept"],
    }
    if loss.response == "time":  # centred all the same: the baseline takes that up
        scaling, terms = scaling | {"fit_intercept": True}, terms | {"fit_intercept": False}
    design, frame = frame_columns(data, **scaling)
    if loss.response == "time":
        frame = replace(frame, means=np.zeros_like(frame.means))
    terms |= sides(frame)
    kinds = (POSES[kind] for kind in type(loss).__mro__ if kind in POSES)
    pose = next(kinds, GLMProblem)
    problems = [pose(design, y, **terms) for y in targets]
    return [(problem, frame, problem.null_curvature) for problem in problems]


def _multinomial(design: Any, y: np.ndarray, **terms: Any) -> MultinomialProblem:
    """Return the problem of all classes together, each with a coefficient a feature."""
    n_classes = y.shape[1]
    for name in ("weights", "lower", "upper"):
        terms[name] = np.repeat(terms[name], n_classes)
    if terms["constraints"] is not None:
        terms["constraints"] = terms["constraints"].for_each(n_classes)
    if isinstance(terms["penalty"], JointPenalty):
        terms["penalty"] = terms["penalty"].for_classes(n_classes)
    return MultinomialProblem(StackedDesign(design, n_classes), y.ravel(), **terms)


# The problems of losses that are not sums over samples of smooth functions of one predictor.
POSES: dict[type, Any] = {
    MultinomialLoss: _multinomial,
    QuantileLoss: QuantileProblem,
    CoxLoss: CoxProblem,
}


def default_penalty(loss: Any) -> BasePenalty:
    """Return the penalty that None stands for."""
    loss = loss_of(loss)
    if not loss.smooth:  # there is no curvature that MCP could be weighed against
        return L1()
    return MCP(3.0, adaptive=not isinstance(loss, SquaredLoss))


def takes_several(loss: Any, y: Any) -> bool:
    """Tell whether a loss goes with several responses.

    Raises
    ------
    ValueError
        If it does not, and y has several columns.
    """
    if isinstance(loss, SquaredLoss):
        return True
    if n_columns(y) > 1:
        raise ValueError(f"y with several responses needs squared error. Got loss {loss}.")
    return False


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
        if self.several_responses:
            return self.problem.y.shape[0]
        return self.problem.n_features // self.frame.means.size

    @property
    def several_responses(self) -> bool:
        """Whether they belong to several responses."""
        return isinstance(self.problem, MultiTaskProblem)

    def _inner(self, coef: np.ndarray) -> np.ndarray:
        """Return coefficients of shape (p,) or (p, K) as the problem has them."""
        coef = self.frame.express(coef)
        return np.ascontiguousarray(coef.T) if self.several_responses else coef.ravel()

    def _outer(self, coef: np.ndarray) -> np.ndarray:
        """Return the problem's coefficients, in its units, with shape (p,) or (p, K)."""
        if self.several_responses:
            return coef.T
        if self.n_outputs == 1:
            return coef
        return self._centred(coef.reshape(-1, self.n_outputs))

    def express(self, solution: Solution) -> Solution:
        """Return a solution for the user's columns on the scale of the problem."""
        shift = self.frame.y_mean - self.frame.means @ solution.coef
        return replace(
            solution,
            coef=self._inner(solution.coef),
            intercept=solution.intercept - shift,
        )

    def solve(
        self, alphas: Iterable[float], start: np.ndarray | None = None
    ) -> Iterator[Solution]:
        """Yield the solutions at `alphas`, for the user's columns."""
        if start is not None:
            start = np.clip(self._inner(start), self.problem.lower, self.problem.upper)
        for solution in solve_path(
            self.problem,
            alphas,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            start=start,
        ):
            coef, intercept = self.frame.restore(self._outer(solution.coef))
            intercept = solution.intercept + intercept
            if self.n_outputs > 1 and not self.several_responses:  # classes
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
