"""Which features to exchange for which: what the quadratic model of the loss says.

With H the Hessian over the features in a model, V the block of its inverse that belongs to
a unit of them and w its coefficients, to take the unit out costs w'V^-1 w / 2, all others
adjusted. To take in a unit with negative gradient q and Schur complement S gains
q'S^-1 q / 2. After one unit has left, q and S of another are known as well, so that all
exchanges of one for one are compared without a fit. For least squares this is exact.
"""

from typing import NamedTuple

import numpy as np

from sparsestat.solvers.support import Curvature, Fit, Units
from sparsestat.solvers.tableau import COLLINEAR, inverse_of

__all__ = ["Exchanges", "exchanges"]


class Exchanges(NamedTuple):
    """What exchanges would do to the loss.

    Attributes
    ----------
    leaving : ndarray of int, shape (a,)
        The units in the model.
    entering : ndarray of int, shape (b,)
        The units outside that were considered.
    losses : ndarray of shape (a,)
        How much the loss rises where a unit leaves.
    gains : ndarray of shape (b,)
        How much it falls where a unit enters.
    gains_after : ndarray of shape (a, b)
        How much it falls where a unit enters after another has left.
    """

    leaving: np.ndarray
    entering: np.ndarray
    losses: np.ndarray
    gains: np.ndarray
    gains_after: np.ndarray


def exchanges(
    units: Units,
    inside: np.ndarray,
    entering: np.ndarray,
    fit: Fit,
    q: np.ndarray,
    curvature: Curvature,
) -> Exchanges:
    """Work out what exchanges would do.

    Parameters
    ----------
    units : Units
    inside : ndarray of bool, shape (n_units,)
        Which units are in the model.
    entering : ndarray of int
        The units outside to be considered.
    fit : Fit
    q : ndarray of shape (p,)
        Negative gradient of loss plus l2 term, with 0 where it points out of the bounds.
    curvature : Curvature
    """
    leaving = np.flatnonzero(inside)
    inverse = inverse_of(curvature.rows[:, fit.features])
    among = _among_features if units.members.shape[1] == 1 else _among_groups
    return Exchanges(
        leaving, entering, *among(units, leaving, entering, fit, q, curvature, inverse)
    )


def _among_features(units, leaving, entering, fit, q, curvature, inverse):
    """Compare units of one feature each."""
    own, other = units.members[leaving, 0], units.members[entering, 0]
    there = other >= 0
    position = np.searchsorted(fit.features, own)
    cross = np.where(there, curvature.rows[:, other], 0.0)
    spread = inverse @ cross
    diagonal = curvature.blocks[entering, 0, 0]
    schur = diagonal - np.einsum("kb,kb->b", cross, spread)
    slope = np.where(there, q[other], 0.0)
    V = 1.0 / inverse[position, position][:, None]
    part, pull = spread[position], V * fit.w[position][:, None]
    losses = 0.5 * pull[:, 0] * fit.w[position]
    after = slope + part * pull
    left = schur + part * part * V
    return losses, _worth(slope, schur, diagonal), _worth(after, left, diagonal)


def _worth(slope, schur, diagonal):
    worth = schur > COLLINEAR * diagonal
    return np.divide(0.5 * slope**2, schur, out=np.zeros_like(schur), where=worth)


def _among_groups(units, leaving, entering, fit, q, curvature, inverse):
    """Compare units of several features, one that leaves at a time."""
    members, rows = units.members[entering], curvature.rows
    there = members >= 0
    cross = np.where(there, rows[:, members], 0.0)  # (k, b, m)
    spread = np.tensordot(inverse, cross, axes=1)
    blocks = curvature.blocks[entering]
    schur = blocks - np.einsum("kbm,kbl->bml", cross, spread)
    slope = np.where(there, q[members], 0.0)
    diagonal = np.diagonal(blocks, axis1=1, axis2=2)
    losses, gains_after = np.empty(leaving.size), np.empty((leaving.size, entering.size))
    position = np.searchsorted(fit.features, np.maximum(units.members[leaving], 0))
    for row, unit in enumerate(leaving):
        own = position[row, units.members[unit] >= 0]
        w, V = fit.w[own], inverse_of(inverse[np.ix_(own, own)])
        part = spread[own]
        losses[row] = 0.5 * w @ V @ w
        after = slope + np.tensordot(V @ w, part, axes=1)
        left = schur + np.einsum("kbm,kl,lbn->bmn", part, V, part)
        gains_after[row] = _gains(after, left, diagonal)
    return losses, _gains(slope, schur, diagonal), gains_after


def _gains(slope, schur, diagonal) -> np.ndarray:
    """Return q'S^-1 q / 2 for each unit, about 0 for those collinear with the model."""
    ridge = COLLINEAR * np.maximum(diagonal, np.finfo(float).tiny)
    left = schur + ridge[:, :, None] * np.eye(slope.shape[1])
    solution = np.linalg.solve(left, slope[..., None])[..., 0]
    return np.maximum(0.5 * np.einsum("bm,bm->b", slope, solution), 0.0)
