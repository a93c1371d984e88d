"""Cumulative sums of exponentials, segment by segment.

Nothing overflows and no small sum drowns in a large one, however far apart the exponents
are: each sum is kept relative to the largest exponent so far, and is never got by
subtraction. One pass over the data, whatever the number of segments.
"""

import math

import numpy as np

from sparsestat._jit import kernel

__all__ = ["log_cumulative_sums"]


@kernel()
def accumulate_exponentials(x, bounds, logs):
    """Write the logarithms of the cumulative sums of exp(x) of each segment to `logs`."""
    for segment in range(bounds.size - 1):
        peak, total = -np.inf, 0.0
        for i in range(bounds[segment], bounds[segment + 1]):
            if x[i] > peak:
                total = total * math.exp(peak - x[i]) + 1.0
                peak = x[i]
            elif x[i] > -np.inf:
                total += math.exp(x[i] - peak)
            logs[i] = peak + math.log(total) if total > 0.0 else -np.inf


def log_cumulative_sums(x: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the logarithms of the cumulative sums of exp(x), anew in each segment.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Minus infinity adds nothing.
    bounds : ndarray of int, shape (n_segments + 1,)
        Segment s has the entries from bounds[s] up to bounds[s + 1].
    """
    logs = np.empty(x.size)
    accumulate_exponentials(np.ascontiguousarray(x), bounds, logs)
    return logs
