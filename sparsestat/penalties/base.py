"""What every penalty object is: a small immutable value that holds its shape."""

import hashlib
from collections import namedtuple
from dataclasses import dataclass, fields
from inspect import get_annotations
from typing import Any, ClassVar

import numpy as np

from sparsestat._parameters import Parametric
from sparsestat.penalties.scalar import ScalarFunctions, check_functions

__all__ = ["BasePenalty", "Penalty"]


@dataclass(frozen=True, repr=False)
class BasePenalty(Parametric):
    """What all penalties have in common: their shape parameters.

    Attributes
    ----------
    convex : bool
        Whether the penalty is convex. Convex problems get a duality gap if the penalty
        defines ``conjugate``; others are approached along a path of strengths.
    """

    convex: ClassVar[bool] = False
    jumps: ClassVar[bool] = False
    scale_free: ClassVar[bool] = False

    def for_loss(self, bound: float, at_null: float) -> "BasePenalty":
        """Return the penalty to use with a loss: itself, unless its shape depends on it.

        Parameters
        ----------
        bound, at_null : float
            Second derivative of the loss along a coefficient whose column has mean square
            one: its upper bound (infinity if there is none), and that at the null model.
        """
        return self

    @property
    def concavity(self) -> float | None:
        """The largest -p'', if gamma is meant to keep it below the loss's curvature."""
        return None

    def check_size(self, n_features: int) -> None:
        """Raise if the penalty is made for another number of coefficients."""


@dataclass(frozen=True, repr=False)
class Penalty(BasePenalty):
    """Base of all penalties p(abs(b); strength) on single coefficients.

    A penalty is a frozen dataclass whose fields are its shape parameters and whose
    class attribute ``functions`` holds its :class:`ScalarFunctions`. The strength
    alpha belongs to the estimator. Two penalties with equal parameters are equal;
    attributes cannot be assigned. Subclasses outside the package work like
    built-in ones (see the user guide, "A penalty of your own").

    Attributes
    ----------
    functions : ScalarFunctions
        The scalar functions, shared by all instances.
    convex : bool
        Whether p is convex in b. Convex problems get a duality gap if the penalty
        defines :meth:`conjugate`; others are approached along a path of strengths.
    jumps : bool
        Whether zero withstands other gradients than those within p'(0+), as where that
        slope is infinite. Stationarity is then measured by the proximal operator, and
        :meth:`limit` and :meth:`strength_for` say when a coefficient leaves zero.
    scale_free : bool
        Whether the penalty is defined on columns scaled to mean square one only.
    """

    functions: ClassVar[ScalarFunctions]
    Parameters: ClassVar[Any]
    _signature: ClassVar[tuple]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "functions"):
            check_functions(cls.__name__, cls.functions)
        own = get_annotations(cls)
        inherited = (
            [f.name for f in fields(cls)] if hasattr(cls, "__dataclass_fields__") else []
        )
        names = [
            *inherited,
            *(n for n in own if n not in inherited and "ClassVar" not in str(own[n])),
        ]
        # Kernels are typed by this tuple; caches pickle it by name, so it must be importable.
        names.append("signature")
        cls.Parameters = namedtuple("Parameters", names, module=cls.__module__)  # type: ignore[misc]
        cls.Parameters.__qualname__ = f"{cls.__qualname__}.Parameters"
        cls.Parameters.functions = getattr(cls, "functions", None)
        cls.Parameters.jumps = cls.jumps
        cls._signature = _type_signature(f"{cls.__module__}.{cls.__qualname__}")

    @property
    def parameters(self) -> Any:
        """The parameters as the tuple of floats that kernels are typed by."""
        values = (float(getattr(self, f.name)) for f in fields(self))
        return self.Parameters(*values, self._signature)

    def value(self, b: Any, alpha: Any) -> np.ndarray:
        """Evaluate the penalty elementwise.

        Parameters
        ----------
        b : array-like
            Coefficients.
        alpha : array-like
            Strengths, broadcast against `b`.

        Returns
        -------
        ndarray
            p(abs(b); alpha), of the broadcast shape.
        """
        return self._each(self.functions.value, np.abs(b), alpha)

    def prox(self, z: Any, step: Any, alpha: Any) -> np.ndarray:
        """Evaluate the proximal operator elementwise.

        Parameters
        ----------
        z : array-like
        step : array-like
            Positive step sizes, broadcast against `z`.
        alpha : array-like
            Strengths, broadcast against `z`.

        Returns
        -------
        ndarray
            A minimiser over x of (x - z)^2 / 2 + step * p(abs(x); alpha).
        """
        return self._each(self.functions.prox, z, step, alpha)

    def derivative(self, b: Any, alpha: Any) -> np.ndarray:
        """Evaluate p'(abs(b); alpha) elementwise, from the right at 0."""
        return self._each(self.functions.derivative, np.abs(b), alpha)

    def curvature(self, b: Any, alpha: Any) -> np.ndarray:
        """Evaluate p''(abs(b); alpha) elementwise."""
        return self._each(self.functions.curvature, np.abs(b), alpha)

    def slope_at_zero(self, alpha: float) -> float:
        """Return p'(0+; alpha): a zero coefficient stays while its gradient is within it."""
        return float(self.functions.derivative(self, 0.0, float(alpha)))

    def limit(self, alpha: Any, curvature: Any) -> np.ndarray:
        """Return the largest absolute gradients that zero coefficients withstand.

        Parameters
        ----------
        alpha : array-like
            Strengths.
        curvature : array-like
            Second derivatives of the loss along the coefficients, or bounds of them.
        """
        return np.multiply(self.slope_at_zero(1.0), alpha)

    def strength_for(self, gradient: Any, curvature: Any) -> np.ndarray:
        """Return the strengths whose limits are these gradients: the inverse of `limit`."""
        with np.errstate(divide="ignore"):
            return np.divide(gradient, self.slope_at_zero(1.0))

    def _each(self, function: Any, *arrays: Any) -> np.ndarray:
        arrays = tuple(np.asarray(a, dtype=np.float64) for a in arrays)
        return np.vectorize(lambda *x: function(self, *x), otypes=[np.float64])(*arrays)


def _type_signature(name: str) -> tuple:
    """Spell a class's name in types.

    numba's fast dispatch tells tuples apart by the types of their elements only; between
    two penalties with as many parameters it would fall back to a slow one (measured:
    70 microseconds a call instead of 2).
    """
    letters = (None, False, 0, 0.0, ())
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    return tuple(letters[number // len(letters) ** k % len(letters)] for k in range(6))
