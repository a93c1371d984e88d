"""The one place that may import an accelerator library.

Dense kernels that a GPU could take are written once against the Python array API
and ask :func:`namespace_of` for their functions. Only numpy is served today.
"""

from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["namespace_of"]


def namespace_of(*arrays: Any) -> ModuleType:
    """Return the array namespace that all `arrays` share.

    Parameters
    ----------
    *arrays : array or scalar
        Python and numpy scalars, and None, go with any namespace.

    Raises
    ------
    TypeError
        If the arrays come from more than one library.
    """
    found: dict[str, ModuleType] = {}
    for array in arrays:
        if array is None or isinstance(array, bool | int | float | np.ndarray | np.generic):
            continue
        if not hasattr(array, "__array_namespace__"):
            raise TypeError(f"{type(array).__name__} is not an array")
        namespace = array.__array_namespace__()
        found[namespace.__name__] = namespace
    if any(isinstance(array, np.ndarray) for array in arrays):
        found["numpy"] = np
    if len(found) > 1:
        raise TypeError(f"arrays of different libraries in one call: {sorted(found)}")
    return next(iter(found.values()), np)
