"""What the penalised estimators share: fitting at one strength, attributes, parameters."""

import functools
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from sparsestat._parallel import serial_blas
from sparsestat._sklearn import checked_fit, progress
from sparsestat.base import Data, LinearEstimator
from sparsestat.linear_model._posing import Model, default_penalty, flattest
from sparsestat.linear_model._warnings import Miss, warn_unless_converged
from sparsestat.losses import loss_of
from sparsestat.penalties import BasePenalty
from sparsestat.solvers import Solution

__all__ = ["PenalizedModel", "fit_method"]


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
