"""Survival data for tests, and risk sets written out."""

import numpy as np

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
    """Yield mass, what each sample counts, and the weights of the events, term by term."""
    n = len(y)
    event, time = y["seen"], y["years"]
    weight = np.ones(n) if weight is None else weight
    strata = np.zeros(n) if strata is None else strata
    for stratum in np.unique(strata):
        for t in np.unique(time[event & (strata == stratum)]):
            at_risk = (strata == stratum) & (time >= t)
            tied = (strata == stratum) & (time == t) & event
            d = tied.sum() if ties == "efron" else 1
            for place in range(d):
                counts = weight * np.where(tied, 1.0 - place / d, 1.0) * at_risk
                yield weight[tied].sum() / d, counts, np.where(tied, weight, 0.0) / d


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
