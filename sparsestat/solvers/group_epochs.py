"""Epochs of block coordinate descent over groups, on a Hessian or on residuals.

The model of a group has the curvature of the quadratic along the step it leads to.
"""

import math

import numpy as np

from sparsestat._jit import kernel, register_jitable
from sparsestat.penalties.scalar import penalty_prox

__all__ = ["descend_groups", "descend_residuals", "shrink"]


@register_jitable
def shrink(z, threshold, falls, rises):
    """Move z towards zero by a threshold; to zero if its sign is not allowed."""
    if z > threshold:
        return z - threshold if rises else 0.0
    if z < -threshold:
        return z + threshold if falls else 0.0
    return 0.0


@register_jitable
def step_of_group(parameters, v, r, first, d, curvature, strength, single, falls, rises, step):
    """Fill in the step that minimises the model of a group with this curvature.

    `v` and `r` are the coefficients and negative gradients. Returns the squared norm.
    """
    square = 0.0
    for k in range(v.shape[0]):
        for a in range(d):
            z = v[k, a] + r[k, a] / curvature
            z = shrink(z, single / curvature, falls[first + a], rises[first + a])
            step[k, a] = z
            square += z * z
    size = math.sqrt(square)
    share = 0.0
    if size > 0.0:
        share = penalty_prox(parameters, size, 1.0 / curvature, strength) / size
    square = 0.0
    for k in range(v.shape[0]):
        for a in range(d):
            moved = share * step[k, a] - v[k, a]
            step[k, a] = moved
            square += moved * moved
    return square


@register_jitable
def bend_along(H, first, d, step):
    """Evaluate step' H step for the step of a group."""
    total = 0.0
    for k in range(step.shape[0]):
        for a in range(d):
            inner = 0.0
            for b in range(d):
                inner += H[first + a, first + b] * step[k, b]
            total += step[k, a] * inner
    return total


@register_jitable
def move_group(
    parameters, H, v, r, first, d, curvature, strength, single, falls, rises, step, tol
):
    """Minimise over a group in place, nearly, by steps with a curvature that majorises.

    Returns how far the first step moves the gradient, and the curvature of the last one.
    """
    moved, taken = 0.0, 0
    while taken < 4 + H.shape[0] // d:  # they cost no more than to update q once
        square = step_of_group(
            parameters, v, r, first, d, curvature, strength, single, falls, rises, step
        )
        if square == 0.0:
            break
        if d > 1:
            bend = bend_along(H, first, d, step)
            if bend > curvature * square * (1.0 + 1e-12):
                curvature = max(1.1 * bend / square, 1.1 * curvature)
                continue
        taken += 1
        for k in range(v.shape[0]):
            for a in range(d):
                v[k, a] += step[k, a]
                for b in range(d):
                    r[k, b] -= H[first + a, first + b] * step[k, a]
        length = curvature * math.sqrt(square)
        if moved == 0.0:
            moved = length
        if d == 1 or length <= max(0.05 * moved, tol):
            break
    return moved, curvature


@kernel()
def descend_groups(
    parameters, H, q, w, starts, curvatures, strengths, singles, falls, rises, tol, max_epochs
):
    """Run epochs of block coordinate descent until no group moves its gradient by `tol`.

    The curvature that the model of a group has, no less than that of H along the steps
    taken, is kept in `curvatures`. Returns the number of epochs and the largest movement
    in the last one.
    """
    tasks, m = w.shape
    widest = 0
    for g in range(strengths.size):
        widest = max(widest, starts[g + 1] - starts[g])
    v, r = np.empty((tasks, widest)), np.empty((tasks, widest))
    step = np.empty((tasks, widest))
    moved = 0.0
    for epoch in range(max_epochs):
        moved = 0.0
        for g in range(strengths.size):
            first, d = starts[g], starts[g + 1] - starts[g]
            if curvatures[g] <= 0.0:  # columns of zeros
                continue
            for k in range(tasks):
                for a in range(d):
                    v[k, a] = w[k, first + a]
                    r[k, a] = q[k, first + a]
            length, curvatures[g] = move_group(
                parameters,
                H,
                v,
                r,
                first,
                d,
                curvatures[g],
                strengths[g],
                singles[g],
                falls,
                rises,
                step,
                0.1 * tol,
            )
            if length == 0.0:
                continue
            for k in range(tasks):
                for a in range(d):
                    change = v[k, a] - w[k, first + a]
                    if change != 0.0:
                        w[k, first + a] = v[k, a]
                        for i in range(m):
                            q[k, i] -= change * H[first + a, i]
            moved = max(moved, length)
        if moved <= tol:
            return epoch + 1, moved
    return max_epochs, moved


@kernel()
def descend_residuals(
    parameters,
    rows,
    blocks,
    residual,
    w,
    starts,
    curvatures,
    strengths,
    singles,
    falls,
    rises,
    l2,
    tol,
    max_epochs,
):
    """Run epochs of block coordinate descent as `descend_groups`, with residuals for H and q.

    `rows` are the columns of X, `blocks` the parts of H = X'X / n + l2 I that belong to each
    group.
    """
    n = residual.size
    widest = blocks.shape[1]
    v, q, step = np.empty((1, widest)), np.empty((1, widest)), np.empty((1, widest))
    moved = 0.0
    for epoch in range(max_epochs):
        moved = 0.0
        for g in range(strengths.size):
            first, d = starts[g], starts[g + 1] - starts[g]
            if curvatures[g] <= 0.0:  # columns of zeros
                continue
            for a in range(d):
                v[0, a] = w[first + a]
                q[0, a] = np.dot(rows[first + a], residual) / n - l2 * w[first + a]
            length, curvatures[g] = move_group(
                parameters,
                blocks[g],
                v,
                q,
                0,
                d,
                curvatures[g],
                strengths[g],
                singles[g],
                falls[first : first + d],
                rises[first : first + d],
                step,
                0.1 * tol,
            )
            if length == 0.0:
                continue
            for a in range(d):
                change = v[0, a] - w[first + a]
                if change != 0.0:
                    w[first + a] = v[0, a]
                    column = rows[first + a]
                    for i in range(n):
                        residual[i] -= change * column[i]
            moved = max(moved, length)
        if moved <= tol:
            return epoch + 1, moved
    return max_epochs, moved
