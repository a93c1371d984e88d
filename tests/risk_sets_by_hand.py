"""The terms of Cox's partial likelihood, risk set by risk set."""

import numpy as np

__all__ = ["terms"]


def terms(time, event, weight, strata, ties):
    """Yield mass, what each sample counts in the sum, and the weights of the events.

    A term is mass log(counts @ exp(eta)) - weights @ eta.
    """
    for stratum in np.unique(strata):
        for t in np.unique(time[event & (strata == stratum)]):
            at_risk = (strata == stratum) & (time >= t)
            tied = (strata == stratum) & (time == t) & event
            d = tied.sum() if ties == "efron" else 1
            for place in range(d):
                counts = weight * np.where(tied, 1.0 - place / d, 1.0) * at_risk
                yield weight[tied].sum() / d, counts, np.where(tied, weight, 0.0) / d
