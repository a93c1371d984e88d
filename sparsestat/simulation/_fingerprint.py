"""Fingerprints: short texts that change when what a study runs changes.

Code that lies in site-packages is told by the version of its package. Code of the user's
own, in scripts, notebooks and packages under development, is told by its bytecode and that
of all functions and classes that it reaches by name, so that comments, docstrings and the
layout do not matter and a helper three calls away does. Parameters of estimators, arguments
of partial functions and what closures hold count by value. Of other globals, which may
change in use as caches do, the code of their class counts alone.

Not seen are the files that code reads, what it finds in mutable globals, and extension
modules that are under development.
"""

import functools
import hashlib
import pickle
import sys
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from sparsestat._code import code_objects, named

__all__ = ["fingerprint", "package_version"]

# Whose text is their value
CONSTANTS = (
    *(type(None), bool, int, float, complex, str, bytes, range, slice),
    *(np.generic, PurePath, Fraction, Decimal, date, timedelta, Enum),
)
VALUES = (*CONSTANTS, tuple, frozenset, np.ndarray)
CODE = (FunctionType, BuiltinFunctionType, MethodType, type, functools.partial, np.ufunc)
# Where objects keep the function that they wrap: functools, numba, static and class methods,
# properties, numpy.vectorize
WRAPPED = ("__wrapped__", "py_func", "__func__", "func", "fget", "pyfunc")
NO_STATE = ("__doc__", "__firstlineno__", "__module__")


def fingerprint(*things: Any) -> str:
    """Return 16 hexadecimal digits that name functions, estimators and values."""
    digest = hashlib.sha256(_Speller().spell_all(things).encode())
    return digest.hexdigest()[:16]


class _Speller:
    """Spells things as text. Own code, which may be recursive, is numbered and spelled once."""

    def __init__(self) -> None:
        self.code: dict[int, tuple[int, Any]] = {}  # keeps alive what it numbers
        self.open: list[Any] = []  # values that are being spelled

    def spell_all(self, things: tuple[Any, ...]) -> str:
        texts = [self.spell(things)]
        done = 0
        while done < len(self.code):
            _, thing = list(self.code.values())[done]
            is_class = isinstance(thing, type)
            texts.append(self._spell_class(thing) if is_class else self._spell_function(thing))
            done += 1
        return "\n".join(texts)

    def spell(self, thing: Any) -> str:
        if isinstance(thing, CONSTANTS):
            return repr(thing.item() if isinstance(thing, np.generic) else thing)
        if isinstance(thing, FunctionType | type):
            if _is_installed(thing.__module__):
                return _origin(thing)
            return f"#{self.code.setdefault(id(thing), (len(self.code), thing))[0]}"
        if any(thing is other for other in self.open):
            return f"^{len(self.open)}"  # a value that contains itself
        self.open.append(thing)
        try:
            return f"{type(thing).__name__}({self._spell_value(thing)})"
        finally:
            self.open.pop()

    def _spell_value(self, thing: Any) -> str:
        if isinstance(thing, np.ndarray):
            if thing.dtype.hasobject:
                return self.spell(thing.tolist())
            return f"{thing.dtype}{thing.shape}{hashlib.sha256(thing.tobytes()).hexdigest()}"
        if isinstance(thing, tuple | list):
            return ",".join(map(self.spell, thing))
        if isinstance(thing, set | frozenset):
            return ",".join(self.spell(entry) for entry in sorted(thing, key=repr))
        if isinstance(thing, Mapping):
            entries = sorted(thing.items(), key=lambda entry: repr(entry[0]))
            return ",".join(f"{self.spell(k)}:{self.spell(v)}" for k, v in entries)
        if isinstance(thing, functools.partial):
            return self.spell((thing.func, thing.args, thing.keywords))
        if isinstance(thing, MethodType):
            return self.spell((thing.__func__, thing.__self__))
        if isinstance(thing, property):
            return self.spell((thing.fget, thing.fset, thing.fdel))
        if isinstance(thing, ModuleType):
            return f"{thing.__name__} {package_version(thing.__name__.partition('.')[0])}"
        wrapped = _wrapped(thing)
        if wrapped is not None:
            return self.spell(wrapped)
        if hasattr(thing, "__name__"):  # compiled functions
            owner = getattr(thing, "__self__", None)
            bound = "" if isinstance(owner, ModuleType) else self.spell(owner)
            return f"{_origin(thing)} {bound}"
        return self.spell((type(thing), _state(thing)))

    def _spell_function(self, function: FunctionType) -> str:
        held = [cell.cell_contents for cell in function.__closure__ or () if _is_bound(cell)]
        registry = dict(getattr(function, "registry", {}))  # of functools.singledispatch
        texts = [self.spell((function.__defaults__, function.__kwdefaults__, held, registry))]
        for code in code_objects(function.__code__):
            constants = [c for c in code.co_consts if not hasattr(c, "co_code")]
            texts += [code.co_code.hex(), *code.co_names]
            texts += [self.spell(c) for c in constants if c != function.__doc__]
            reached = named(code, function.__globals__, _is_installed)
            texts += [self._spell_named(value) for value in reached]
        return ";".join(texts)

    def _spell_class(self, cls: type) -> str:
        texts = [cls.__qualname__, self.spell((type(cls), *cls.__bases__))]
        if issubclass(cls, Enum):
            texts += [f"{member.name}={self.spell(member.value)}" for member in cls]
        for name, value in sorted(vars(cls).items()):
            spelled = "" if name in NO_STATE else self._spell_named(value)
            if spelled:
                texts.append(f"{name}={spelled}")
        return ";".join(texts)

    def _spell_named(self, value: Any) -> str:
        """Spell code and constants; of what may change in use, the code of its class alone.

        None may be a cache that is still empty.
        """
        if value is None:
            return ""
        if isinstance(value, (*CODE, *VALUES, ModuleType, property)):
            return self.spell(value)
        if _wrapped(value) is not None or hasattr(value, "get_params"):
            return self.spell(value)
        if _is_installed(type(value).__module__):
            return ""
        held = vars(value) if hasattr(value, "__dict__") else {}
        return self.spell((type(value), {k: v for k, v in held.items() if isinstance(v, CODE)}))


def _wrapped(thing: Any) -> Callable[..., Any] | None:
    """Return the function that an object is a wrapper of."""
    for name in WRAPPED:
        found = getattr(thing, name, None)
        if isinstance(found, CODE) or hasattr(found, "__wrapped__"):
            return found
    return None


def _state(thing: Any) -> Any:
    """Return what tells an object from others of its type, without what it has cached."""
    if hasattr(thing, "get_params"):
        return thing.get_params(deep=False)
    state = getattr(thing, "__dict__", None)
    if not state:
        return _pickled(thing)
    cached = functools.cached_property
    return {
        k: v for k, v in state.items() if not isinstance(getattr(type(thing), k, None), cached)
    }


def _pickled(thing: Any) -> bytes | None:
    """Return the state of an object that keeps it out of sight, such as a generator."""
    try:
        return pickle.dumps(thing, protocol=5)
    except Exception:  # whatever its author raises; then its type has to do
        return None


def _is_bound(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # a name of the enclosing function that is bound later
        return False
    return True


def _origin(thing: Any) -> str:
    """Name something installed, and the version of its package."""
    name = getattr(thing, "__qualname__", thing.__name__)
    module = getattr(thing, "__module__", None) or ""
    return f"{module}.{name} {package_version(module.partition('.')[0])}"


@functools.cache
def package_version(top: str) -> str:
    """Return the version of the package that a top-level module belongs to."""
    if top in sys.stdlib_module_names or top not in sys.modules:
        return ""
    found = getattr(sys.modules[top], "__version__", None)
    if isinstance(found, str):
        return found
    try:
        return version(top)
    except PackageNotFoundError:
        names = packages_distributions().get(top)  # slow: it reads what every package holds
    return version(names[0]) if names else ""


def _is_installed(module: str | None) -> bool:
    """Whether a module is part of Python or of an installed package."""
    top = (module or "").partition(".")[0]
    if top == "__main__":  # which may be a program of an installed package, such as pytest
        return False
    if top in sys.stdlib_module_names:
        return True
    package = sys.modules.get(top)
    file = getattr(package, "__file__", None) or next(
        iter(getattr(package, "__path__", [])), None
    )
    return file is not None and _is_in_site_packages(file)


@functools.cache
def _is_in_site_packages(file: str) -> bool:
    return bool({"site-packages", "dist-packages"}.intersection(Path(file).resolve().parts))
