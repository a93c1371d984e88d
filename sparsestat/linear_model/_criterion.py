"""Information criteria along a path."""

import math
from typing import Any

import numpy as np
from scipy.special import gammaln

from sparsestat.linear_model._posing import FramedProblem
from sparsestat.solvers import Solution, degrees_of_freedom

__all__ = ["CRITERIA", "evaluate"]

CRITERIA = ("aic", "bic", "ebic")


def evaluate(
    criterion: str,
    framed: FramedProblem,
    alpha: float,
    solution: Solution,
    *,
    shares: np.ndarray,
    y: np.ndarray,
    loss: Any,
    n_intercepts: int,
    size: float,
    count: float,
    noise_variance: float | None,
) -> tuple[float, float]:
    """Return an information criterion and the degrees of freedom of a solution.

    With k degrees of freedom, of them m those of penalised features, p penalised features
    that may enter, and `count` N: `size`, the sum of the weights, where every sample tells
    as much.

        aic   -2 log L + 2 k
        bic   -2 log L + k log N
        ebic  bic + 2 log(p choose m)
    """
    inner = framed.express(solution)
    problem = framed.problem
    penalised = (problem.weights > 0.0) & np.isfinite(problem.weights)
    total = degrees_of_freedom(problem, alpha, inner) + float(n_intercepts)
    mean_loss = problem.loss_at(inner.coef, inner.intercept)
    more = {} if noise_variance is None else {"variance": noise_variance}
    several = framed.n_outputs if framed.several_responses else 1  # with one variance
    value = loss.minus_two_log_likelihood(
        y, shares, several * size, mean_loss / several, **more
    )
    value += total * (2.0 if criterion == "aic" else math.log(count))
    if criterion == "ebic":
        chosen = inner.coef[..., penalised]
        n_chosen = np.count_nonzero(chosen if chosen.ndim == 1 else chosen.any(axis=0))
        value += 2.0 * _log_binomial(np.count_nonzero(penalised), n_chosen)
    return value, total


def _log_binomial(n: Any, k: Any) -> float:
    return float(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))
