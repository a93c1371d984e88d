"""Products of the Hessian of a partial likelihood with many vectors."""

import numpy as np

from sparsestat._jit import kernel

__all__ = ["multiply_risks"]

# So many vectors at a time: their running means do not wait for one another.
WIDTH = 8


@kernel()
def multiply_risks(
    values,
    order,
    bounds,
    group_bounds,
    earlier,
    group_of,
    first,
    shares,
    tied,
    others,
    own_others,
    steps,
    own,
    d,
    products,
):
    """Write the products with the rows of `values` to `products`.

    As :class:`~sparsestat.losses.partial_likelihood.RiskHessian` has the arrays; `group_of`,
    `tied` and `own` by row, `group_of` -1 where there is no event.
    """
    n, n_groups = order.size, first.size
    z = np.empty((n, WIDTH))
    mean = np.empty(WIDTH)
    lived = np.zeros((n_groups + 1, WIDTH))
    before = np.empty((n_groups, WIDTH))
    at_event = np.zeros((n_groups, WIDTH))
    for start in range(0, values.shape[0], WIDTH):
        width = min(WIDTH, values.shape[0] - start)
        at_event[:] = 0.0
        z[:, width:] = 0.0
        for c in range(width):
            for i in range(n):
                z[i, c] = values[start + c, order[i]]
        for segment in range(bounds.size - 1):
            mean[:] = 0.0
            for i in range(bounds[segment], bounds[segment + 1]):
                group = group_of[i]
                if group >= 0:
                    if i == first[group]:
                        for c in range(WIDTH):
                            before[group, c] = mean[c]
                    for c in range(WIDTH):
                        at_event[group, c] += tied[i] * z[i, c]
                for c in range(WIDTH):
                    mean[c] += shares[i] * (z[i, c] - mean[c])
            mean[:] = 0.0
            for group in range(group_bounds[segment + 1] - 1, group_bounds[segment] - 1, -1):
                for c in range(WIDTH):
                    here = at_event[group, c]
                    apart = before[group, c] - here
                    mean[c] += steps[group] * (here + others[group] * apart - mean[c])
                    lived[group, c] = mean[c]
                    at_event[group, c] = here + own_others[group] * apart
        for i in range(n):
            group = group_of[i]
            for c in range(WIDTH):
                middle = lived[earlier[i], c]
                if group >= 0:
                    middle += own[i] * (at_event[group, c] - middle)
                z[i, c] = d[i] * (z[i, c] - middle)
        for c in range(width):
            for i in range(n):
                products[start + c, order[i]] = z[i, c]
