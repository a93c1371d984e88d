"""Cox models that take times alone for a response, every one of them that of an event.

scikit-learn's checks know responses of numbers only. What is checked is all of the model but
how it reads y.
"""

import numpy as np

from sparsestat import PenalizedCox, PenalizedCoxCV

__all__ = ["PlainCox", "PlainCoxCV", "with_events"]


def with_events(y):
    """Return times as the response of a Cox model."""
    time = np.asarray(y)
    if y is None or time.ndim != 1:
        return y
    response = np.empty(time.shape, dtype=[("event", bool), ("time", float)])
    response["event"], response["time"] = True, time.real.astype(float)
    return response


class PlainCox(PenalizedCox):
    def fit(self, X, y=None, sample_weight=None, offset=None, strata=None):
        return super().fit(X, with_events(y), sample_weight, offset, strata)

    def score(self, X, y, sample_weight=None, offset=None, strata=None):
        return super().score(X, with_events(y), sample_weight, offset, strata)


class PlainCoxCV(PenalizedCoxCV):
    def fit(self, X, y=None, sample_weight=None, offset=None, strata=None):
        return super().fit(X, with_events(y), sample_weight, offset, strata)

    def score(self, X, y, sample_weight=None, offset=None, strata=None):
        return super().score(X, with_events(y), sample_weight, offset, strata)
