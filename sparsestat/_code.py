"""What compiled Python functions are made of, for those who must tell when code changes."""

from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

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
    """Yield all that code might mean by the names in it, attributes of modules included.

    Parameters
    ----------
    code : code object
    namespace : dict
        Its globals.
    is_covered : callable
        Whether a module, given by its name, is not to be looked into.
    """
    scopes: list[dict[str, Any] | ModuleType] = [namespace]
    for scope in scopes:
        for name in code.co_names:
            try:
                # Attributes of modules may be loaded when they are first asked for.
                value = scope[name] if isinstance(scope, dict) else getattr(scope, name)
            except (KeyError, AttributeError, ImportError):
                continue
            if not isinstance(value, ModuleType):
                yield value
            elif not is_covered(value.__name__) and all(value is not known for known in scopes):
                scopes.append(value)
