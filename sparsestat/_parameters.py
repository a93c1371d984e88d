"""Small immutable values with parameters: what penalties and losses are."""

from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["Parametric", "check_flag", "check_parameter"]

LONG = 8  # tuples up to this length are shown whole


@dataclass(frozen=True, repr=False)
class Parametric:
    """Base of frozen dataclasses whose fields are their parameters."""

    def __repr__(self) -> str:
        shown = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.repr and getattr(self, f.name) is not False
        }
        inside = ", ".join(f"{name}={_shorten(value)}" for name, value in shown.items())
        return f"{type(self).__name__}({inside})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name (scikit-learn's protocol)."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **params: Any) -> Any:
        """Change parameters in place: scikit-learn's protocol for nested parameters.

        The only way to change a value. Estimators of this package put a copy in its
        place before they change it, so none is changed behind another owner's back.
        """
        unknown = sorted(set(params) - set(self.get_params()))
        if unknown:
            valid = sorted(self.get_params())
            raise ValueError(f"Invalid parameter {unknown[0]!r} for {self}; it has {valid}.")
        changed = replace(self, **params)  # validates before anything changes
        vars(self).update(vars(changed))  # what was derived from the parameters goes along
        return self


def _shorten(value: Any) -> str:
    """Return a parameter's repr, the middle of a long tuple left out."""
    if isinstance(value, tuple) and len(value) > LONG:
        return f"({', '.join(map(repr, value[: LONG - 1]))}, ..., {value[-1]!r})"
    return repr(value)


def check_parameter(
    owner: object,
    name: str,
    *,
    above: float = -np.inf,
    at_least: float = -np.inf,
    at_most: float = np.inf,
    below: float = np.inf,
) -> None:
    """Raise if a shape parameter is not a finite real number in its range."""
    value = getattr(owner, name)
    wanted = "a real number " + (f"> {above:g}" if above > -np.inf else f">= {at_least:g}")
    if at_most < np.inf:
        wanted += f" and <= {at_most:g}"
    if below < np.inf:
        wanted += f" and < {below:g}"
    error = f"The {name!r} parameter of {type(owner).__name__} must be {wanted}. Got {value!r}."
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(error)
    value = float(value)
    if not (above < value < below and at_least <= value <= at_most and np.isfinite(value)):
        raise ValueError(error)


def check_flag(owner: object, name: str) -> None:
    """Raise if a parameter is not True or False."""
    value = getattr(owner, name)
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"The {name!r} parameter of {type(owner).__name__} must be a bool. Got {value!r}."
        )
