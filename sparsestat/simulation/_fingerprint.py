"""Fingerprints: short texts that change when what a study runs changes.

Code that lies in site-packages is told by the version of its package. Code of the user's
own, in scripts, notebooks and packages under development, is told by its bytecode and that
of all functions and classes that it reaches by name, so that comments, docstrings and the
layout do not matter and a helper three calls away does. Parameters of estimators, arguments
of partial functions and what closures hold count by value.

Not seen are the files that code reads, what it finds in mutable globals, and extension
modules that are under development.
"""

import functools
import hashlib
import pickle
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from sparsestat._code import code_objects, named

__all__ = ["fingerprint", "package_version"]

CONSTANTS = (type(None), bool, int, float, complex, str, bytes, np.generic)
VALUES = (*CONSTANTS, tuple, frozenset, np.ndarray)
CODE = (FunctionType, BuiltinFunctionType, MethodType, type, functools.partial)
# Where objects keep the function that they wrap: functools, numba, static and class methods
WRAPPED = ("__wrapped__", "py_func", "__func__")
NO_STATE = ("__doc__", "__firstlineno__", "__module__")


def fingerprint(*things: Any) -> str:
    """Return 16 hexadecimal digits that name functions, estimators and values."""
    digest = hashlib.sha256(_Speller().spell(things).encode())
    return digest.hexdigest()[:16]


class _Speller:
    """Spells things as text. Each is spelled once: code may be recursive."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[int, Any]] = {}  # keeps alive what it numbers

    def spell(self, thing: Any) -> str:
        if isinstance(thing, CONSTANTS):
            return repr(thing.item() if isinstance(thing, np.generic) else thing)
        if id(thing) in self.seen:
            return f"#{self.seen[id(thing)][0]}"
        self.seen[id(thing)] = (len(self.seen), thing)
        spelled = self._spell_value(thing)
        return (
            f"{type(thing).__name__}({self._spell_code(thing) if spelled is None else spelled})"
        )

    def _spell_value(self, thing: Any) -> str | None:
        if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
            return f"{thing.dtype}{thing.shape}{hashlib.sha256(thing.tobytes()).hexdigest()}"
        if isinstance(thing, tuple | list | np.ndarray):
            return ",".join(map(self.spell, thing))
        if isinstance(thing, set | frozenset):
            return ",".join(self.spell(entry) for entry in sorted(thing, key=repr))
        if isinstance(thing, Mapping):
            entries = sorted(thing.items(), key=lambda entry: repr(entry[0]))
            return ",".join(f"{self.spell(k)}:{self.spell(v)}" for k, v in entries)
        return None

    def _spell_code(self, thing: Any) -> str:
        if isinstance(thing, FunctionType):
            return self._spell_function(thing)
        if isinstance(thing, type):
            return self._spell_class(thing)
        if isinstance(thing, functools.partial):
            return self.spell((thing.func, thing.args, thing.keywords))
        if isinstance(thing, MethodType):
            return self.spell((thing.__func__, thing.__self__))
        if isinstance(thing, property):
            return self.spell((thing.fget, thing.fset, thing.fdel))
        for name in WRAPPED:
            if isinstance(getattr(thing, name, None), FunctionType):
                return self.spell(getattr(thing, name))
        if hasattr(thing, "__name__"):  # compiled functions, modules
            owner = getattr(thing, "__self__", None)
            bound = "" if isinstance(owner, ModuleType) else self.spell(owner)
            return f"{_origin(thing)} {bound}"
        if hasattr(thing, "get_params"):
            return self.spell((type(thing), thing.get_params(deep=False)))
        return self.spell((type(thing), getattr(thing, "__dict__", None) or _pickled(thing)))

    def _spell_function(self, function: FunctionType) -> str:
        if _is_installed(function.__module__):
            return _origin(function)
        held = [cell.cell_contents for cell in function.__closure__ or () if _is_bound(cell)]
        texts = [self.spell((function.__defaults__, function.__kwdefaults__, held))]
        for code in code_objects(function.__code__):
            constants = [c for c in code.co_consts if not isinstance(c, CodeType)]
            texts += [code.co_code.hex(), *code.co_names]
            texts += [self.spell(c) for c in constants if c != function.__doc__]
            reached = named(code, function.__globals__, _is_installed)
            texts += [self.spell(value) for value in reached if _lasts(value)]
        return ";".join(texts)

    def _spell_class(self, cls: type) -> str:
        if _is_installed(cls.__module__):
            return _origin(cls)
        texts = [cls.__qualname__, *(self.spell(base) for base in cls.__bases__)]
        for name, value in sorted(vars(cls).items()):
            if name not in NO_STATE and _lasts(value):
                texts.append(f"{name}={self.spell(value)}")
        return ";".join(texts)


def _lasts(value: Any) -> bool:
    """Whether this is code or a constant, and nothing that changes in use, as caches do."""
    return isinstance(value, (*CODE, *VALUES, property)) or any(
        isinstance(getattr(value, name, None), FunctionType) for name in WRAPPED
    )


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


@functools.cache
def _is_installed(module: str) -> bool:
    """Whether a module is part of Python or of an installed package."""
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names:
        return True
    package = sys.modules.get(top)
    file = getattr(package, "__file__", None) or next(
        iter(getattr(package, "__path__", [])), None
    )
    if file is None:
        return True  # built into the interpreter, or nowhere to be found
    path = Path(file).resolve()
    return bool({"site-packages", "dist-packages"}.intersection(path.parts))
