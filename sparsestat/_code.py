"""What compiled Python functions reach by name, for those who must tell when code changes."""

import dis
import functools
import importlib
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any, NamedTuple

__all__ = ["code_objects", "named"]


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


def named(
    code: CodeType, namespace: dict[str, Any], is_covered: Callable[[str], bool]
) -> Iterator[Any]:
    """Yield what the global names in code stand for, and attributes of modules.

    Parameters
    ----------
    code : code object
    namespace : dict
        Its globals.
    is_covered : callable
        Whether a module, given by its name, is not to be looked into; it is yielded itself.
    """
    for name in _global_names(code):
        try:
            thing: Any = _import(name.module) if name.module else namespace[name.path[0]]
            path = name.path if name.module else name.path[1:]
            for attribute in path:
                if not isinstance(thing, ModuleType) or is_covered(thing.__name__):
                    break
                thing = getattr(thing, attribute)  # which may load it
        except (KeyError, AttributeError, ImportError):
            continue  # a built-in name, or one that is bound later
        yield thing


class _Name(NamedTuple):
    """A dotted name: of a global, or of what a module has that is imported by the code."""

    module: str
    path: tuple[str, ...]


def _import(module: str) -> ModuleType:
    return importlib.import_module(module)


@functools.lru_cache(maxsize=10_000)
def _global_names(code: CodeType) -> tuple[_Name, ...]:
    """List the dotted names in code that begin with a global or an imported module.

    Globals that the code itself sets are left out: what they hold changes in use.
    """
    instructions = list(dis.get_instructions(code))
    changing = {i.argval for i in instructions if i.opname == "STORE_GLOBAL"}
    found: list[_Name] = []
    imported: dict[str, _Name] = {}  # local names of modules
    open_name: _Name | None = None  # to which attributes may be added
    for instruction in instructions:
        operation, argument = instruction.opname, instruction.argval
        if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            open_name = None if argument in changing else _Name("", (argument,))
            if open_name:
                found.append(open_name)
        elif operation in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM") and open_name:
            longer = open_name._replace(path=(*open_name.path, argument))
            found.append(longer)
            if operation != "IMPORT_FROM":  # after which the module is still at hand
                open_name = longer
        elif operation == "IMPORT_NAME":
            open_name = _Name(argument, ())
            found.append(open_name)
        elif operation.startswith("STORE_FAST") and open_name and open_name.module:
            imported[_last(argument)] = found[-1]
        elif operation.startswith("LOAD_FAST") and _last(argument) in imported:
            open_name = imported[_last(argument)]
        elif operation not in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
            open_name = None
    return tuple(dict.fromkeys(found))


def _last(argument: Any) -> str:
    """Return the name that an instruction leaves on top; some handle two at once."""
    return argument[-1] if isinstance(argument, tuple) else argument
