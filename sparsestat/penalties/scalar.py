"""The four scalar functions that make a penalty, and how kernels call them.

A penalty is p(|b|; strength). Its scalar functions take the penalty's parameters as
first argument: inside kernels a ``NamedTuple`` of floats, elsewhere the penalty
object itself; both have the parameters as attributes. Kernels call the generic
:func:`penalty_value` ... :func:`penalty_curvature`, which numba resolves at compile
time to the functions of the penalty at hand.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from sparsestat._jit import overload, register_jitable

__all__ = [
    "ScalarFunctions",
    "bounded_prox",
    "check_functions",
    "penalty_curvature",
    "penalty_derivative",
    "penalty_prox",
    "penalty_value",
    "penalty_violation",
]


def no_curvature(penalty, t, strength):
    """Stand in for a second derivative that a penalty does not give."""
    return 0.0


class ScalarFunctions(NamedTuple):
    """The scalar functions of a penalty p(t; strength), t = abs(b) >= 0.

    Plain functions that numba can compile (floats, ``if`` and :mod:`math`).

    Parameters
    ----------
    value : callable ``(penalty, t, strength) -> float``
        p(t; strength), with p(0) = 0.
    prox : callable ``(penalty, z, step, strength) -> float``
        A minimiser over x of (x - z)^2 / 2 + step * p(abs(x); strength), for every
        step > 0, also where that problem is not convex.
    derivative : callable ``(penalty, t, strength) -> float``
        p'(t; strength); at t = 0 the slope from the right, which decides how large
        a gradient a zero coefficient withstands. It must scale with `strength` at 0,
        unless the penalty :attr:`~Penalty.jumps`.
    curvature : callable ``(penalty, t, strength) -> float``, optional
        p''(t; strength), from the left or right at kinks. Newton steps use it;
        without it they use the tangent of the penalty, which is safe but slower.
    """

    value: Callable
    prox: Callable
    derivative: Callable
    curvature: Callable = no_curvature


def check_functions(owner: str, functions: ScalarFunctions) -> None:
    """Raise if a function's arguments are not named as the generics below name theirs."""
    for role, generic in GENERICS.items():
        wanted = list(inspect.signature(generic).parameters)
        got = list(inspect.signature(getattr(functions, role)).parameters)
        if got != wanted:
            raise TypeError(
                f"The {role} function of {owner} must take the arguments {', '.join(wanted)}, "
                f"by these names. Got {', '.join(got)}."
            )


def penalty_value(penalty: Any, t: float, strength: float) -> float:
    """Evaluate p(t; strength) of the penalty whose parameters are given."""
    return penalty.functions.value(penalty, t, strength)


def penalty_prox(penalty: Any, z: float, step: float, strength: float) -> float:
    """Evaluate the proximal operator of step * p(.; strength) at z."""
    return penalty.functions.prox(penalty, z, step, strength)


def penalty_derivative(penalty: Any, t: float, strength: float) -> float:
    """Evaluate p'(t; strength)."""
    return penalty.functions.derivative(penalty, t, strength)


def penalty_curvature(penalty: Any, t: float, strength: float) -> float:
    """Evaluate p''(t; strength)."""
    return penalty.functions.curvature(penalty, t, strength)


@register_jitable
def bounded_prox(penalty, z, step, strength, lower, upper):
    """Evaluate the proximal operator within lower <= 0 <= upper.

    Between zero and a bound that the free minimiser lies beyond, the least is at zero, at
    the bound, or where the slope at zero alone would have it (on the first piece of SCAD
    and capped L1): exact for all penalties of this package.
    """
    x = penalty_prox(penalty, z, step, strength)
    if lower <= x <= upper:
        return x
    edge = upper if x > 0.0 else lower
    if edge == 0.0:
        return 0.0
    pull = max(abs(z) - step * penalty_derivative(penalty, 0.0, strength), 0.0)
    best, least = 0.0, 0.5 * z * z
    for size in (abs(edge), min(pull, abs(edge))):
        value = 0.5 * (size - abs(z)) ** 2 + step * penalty_value(penalty, size, strength)
        if value < least:
            best, least = size, value
    return best if edge > 0.0 else -best


def penalty_violation(
    penalty: Any,
    q: float,
    w: float,
    curvature: float,
    strength: float,
    lower: float,
    upper: float,
) -> float:
    """Evaluate how far a coefficient w is from stationary at the negative gradient q.

    That is the distance of q to the subdifferential of the penalty within the bounds; for
    a penalty that jumps, how far the proximal operator would move w, times the curvature
    of the loss.
    """
    measure = prox_violation if penalty.jumps else slope_violation
    return measure(penalty, q, w, curvature, strength, lower, upper)


def slope_violation(penalty, q, w, curvature, strength, lower, upper):
    slope = penalty_derivative(penalty, abs(w), strength)
    if w == 0.0:
        return max(q - slope if upper > 0.0 else 0.0, -q - slope if lower < 0.0 else 0.0, 0.0)
    pull = q - slope if w > 0.0 else q + slope
    if (w >= upper and pull > 0.0) or (w <= lower and pull < 0.0):
        return 0.0
    return abs(pull)


def prox_violation(penalty, q, w, curvature, strength, lower, upper):
    if curvature <= 0.0:  # a column of zeros
        return abs(q)
    z = w + q / curvature
    return curvature * abs(
        bounded_prox(penalty, z, 1.0 / curvature, strength, lower, upper) - w
    )


GENERICS: dict[str, Callable] = {
    "value": penalty_value,
    "prox": penalty_prox,
    "derivative": penalty_derivative,
    "curvature": penalty_curvature,
}


# numba matches an implementation to its generic by the names of the arguments.
@overload(penalty_value)
def _value(penalty, t, strength):
    return penalty.instance_class.functions.value


@overload(penalty_prox)
def _prox(penalty, z, step, strength):
    return penalty.instance_class.functions.prox


@overload(penalty_derivative)
def _derivative(penalty, t, strength):
    return penalty.instance_class.functions.derivative


@overload(penalty_curvature)
def _curvature(penalty, t, strength):
    return penalty.instance_class.functions.curvature


@overload(penalty_violation)
def _violation(penalty, q, w, curvature, strength, lower, upper):
    return prox_violation if penalty.instance_class.jumps else slope_violation
