"""Survival data for tests, and risk sets written out."""

import numpy as np
import risk_sets_by_hand

__all__ = ["draw_survival", "partial_loss", "survival"]


def survival(event, time):
    """Return a structured response."""
    y = np.empty(len(time), dtype=[("seen", bool), ("years", float)])
    y["seen"], y["years"] = event, time
    return y


def draw_survival(n, p, coef=(1.0, -0.7, 0.5), seed=0, ties=False, censored=1.5):
    """Return X and a response that depends on the first columns."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X[:, 1:] += 0.5 * X[:, :-1]
    failure = rng.exponential(np.exp(-X[:, : len(coef)] @ coef))
    censoring = censored * rng.exponential(size=n)
    time = np.minimum(failure, censoring)
    if ties:
        time = np.ceil(4.0 * time) / 4.0
    return X, survival(failure <= censoring, time)


def terms(y, weight=None, strata=None, ties="breslow"):
    """Yield the terms of the partial likelihood of a structured response."""
    n = len(y)
    weight = np.ones(n) if weight is None else weight
    strata = np.zeros(n) if strata is None else strata
    return risk_sets_by_hand.terms(y["years"], y["seen"], weight, strata, ties)


def partial_loss(eta, y, weight=None, strata=None, ties="breslow"):
    """Return minus the log partial likelihood over the sum of the weights, and its gradient.

    Weights are scaled to mean one.
    """
    weight = np.ones(len(y)) if weight is None else weight / np.mean(weight)
    loss, gradient = 0.0, np.zeros(len(y))
    for mass, counts, events in terms(y, weight, strata, ties):
        sums = counts * np.exp(eta)
        loss += mass * np.log(sums.sum()) - events @ eta
        gradient += mass * sums / sums.sum() - events
    return loss / len(y), gradient / len(y)
