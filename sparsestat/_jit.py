"""The one place that knows how kernels are compiled and where machine code is kept.

A :class:`Kernel` is a plain function compiled once per *specialisation*: the type
of its first argument, either a penalty's parameter tuple or an array's dtype.
Each specialisation is a numba dispatcher of its own with exactly one signature
and one cache folder::

    <cache folder>/sparsestat/<fingerprint>/<specialisation>/

The fingerprint hashes every source file of the package as it is imported, so an
edit anywhere starts an empty folder and stale machine code cannot be served. numba
alone stamps only the file of the kernel, not the files of the functions it calls.
One signature per folder also means that processes which start cold together can
only ever write the same code under the same name. A penalty that lives outside
the package adds a hash of its own code to the folder's name, and a process
that cannot import that penalty never opens the folder.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.extending import overload, register_jitable

from sparsestat._code import code_objects, named

__all__ = [
    "KERNELS",
    "Kernel",
    "cache_folder",
    "kernel",
    "one_numba_thread",
    "overload",
    "register_jitable",
]

PACKAGE = Path(__file__).parent
KEEP_DAYS = 30

# Lets the compiler vectorise sums; unlike full fastmath it keeps inf and nan meaningful.
REASSOCIATE = {"reassoc", "contract", "nsz"}

CONFIG: Any = numba.config
# What reading and writing of cached code can raise; kernels raise none of these.
CACHE_ERRORS = (OSError, EOFError, pickle.PickleError)

# Code that the fingerprint covers, or that numba replaces by its own.
COVERED = {__package__, "builtins", "numba", "numpy", *sys.stdlib_module_names}

KERNELS: list["Kernel"] = []
_decorating = threading.Lock()


class Kernel:
    """A function compiled per type of its first argument, cached across processes."""

    def __init__(self, function: Callable, **options: Any) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options
        self.dispatchers: dict[Any, Any] = {}
        KERNELS.append(self)

    def __call__(self, first: Any, *rest: Any) -> Any:
        key = first.dtype if isinstance(first, np.ndarray) else type(first)
        dispatcher = self.dispatchers.get(key)
        if dispatcher is None:
            dispatcher = self.dispatchers.setdefault(key, self._dispatcher(key))
        try:
            return dispatcher(first, *rest)
        except CACHE_ERRORS:  # a full disk or a damaged file; the kernel has not run yet
            dispatcher = self.dispatchers[key] = self._compiler()(self.function)
            return dispatcher(first, *rest)

    def _compiler(self, **options: Any) -> Any:
        return numba.njit(nogil=True, **self.options, **options)

    def _dispatcher(self, key: Any) -> Any:
        # numba reads the folder from its configuration while it decorates, and so do we.
        with _decorating:
            folder = specialisation_folder(key)
            if folder is None:
                return self._compiler()(self.function)
            saved = CONFIG.CACHE_DIR
            CONFIG.CACHE_DIR = str(folder)
            try:
                return self._compiler(cache=True)(self.function)
            finally:
                CONFIG.CACHE_DIR = saved

    def cache_hits(self) -> dict[Any, int]:
        """Count, per specialisation, the signatures loaded from disk."""
        return {k: sum(d.stats.cache_hits.values()) for k, d in self.dispatchers.items()}


@contextlib.contextmanager
def one_numba_thread() -> Iterator[None]:
    """Keep kernels of whoever compiles in parallel to one thread."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def kernel(**options: Any) -> Callable[[Callable], Kernel]:
    """Decorate a function as a :class:`Kernel` with numba options."""
    return functools.partial(Kernel, **options)


def specialisation_folder(key: Any) -> Path | None:
    """Return where the code for one specialisation is cached, None for nowhere."""
    root = cache_folder()
    if root is None:
        return None
    if isinstance(key, np.dtype):
        name = key.name
    else:
        name = key.__qualname__.removesuffix(".Parameters")
        if key.__module__.partition(".")[0] != __package__:
            digest = outside_digest(key)
            if digest is None:
                return None
            name = f"{key.__module__}.{name}-{digest}"
    folder = root / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def outside_digest(key: type) -> str | None:
    """Hash the code behind a penalty defined outside the package.

    That is the code, as it was imported, of its scalar functions and of all functions and
    constants that they reach by a global name, and the files of their modules. None where
    the code cannot be cached: a class that no other process can import by its name, or
    something reached that is neither a function nor a constant.
    """
    if key.__module__ == "__main__" or not _has_a_name(key):
        return None
    digest = hashlib.sha256(repr(key._fields).encode())  # type: ignore[attr-defined]
    modules = {key.__module__}
    try:
        for thing in _reached(key.functions):  # type: ignore[attr-defined]
            digest.update(_text(thing).encode())
            if isinstance(thing, FunctionType):
                modules.add(thing.__module__)
        for module in sorted(modules):
            file = getattr(sys.modules.get(module), "__file__", None)
            digest.update(Path(file).read_bytes() if file else b"")
    except (OSError, TypeError):
        return None
    return digest.hexdigest()[:16]


def _has_a_name(key: type) -> bool:
    found: Any = sys.modules.get(key.__module__)
    for name in key.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is key


def _reached(functions: Iterable[Any]) -> Iterator[Any]:
    """Yield functions and all that they reach by name, except what is covered already."""
    seen: list[Any] = []
    todo = list(functions)
    while todo:
        thing = todo.pop()
        thing = getattr(thing, "py_func", thing)  # what numba.njit has compiled
        module = str(getattr(thing, "__module__", ""))
        if any(thing is other for other in seen) or (callable(thing) and _is_covered(module)):
            continue
        seen.append(thing)
        yield thing
        if isinstance(thing, FunctionType):
            todo += thing.__defaults__ or ()
            todo += [cell.cell_contents for cell in thing.__closure__ or ()]
            for code in code_objects(thing.__code__):
                reached = named(code, thing.__globals__, _is_covered)
                todo += [value for value in reached if not isinstance(value, ModuleType)]


def _is_covered(module: str) -> bool:
    return module.partition(".")[0] in COVERED


def _text(thing: Any) -> str:
    """Spell code or a constant."""
    if isinstance(thing, FunctionType):
        codes = list(code_objects(thing.__code__))
        constants = [c for code in codes for c in code.co_consts if not isinstance(c, CodeType)]
        return repr([constants, *((code.co_code, code.co_names) for code in codes)])
    if isinstance(thing, np.ndarray):
        return f"{thing.dtype}{thing.shape}{thing.tobytes()!r}"
    if thing is None or isinstance(
        thing, bool | int | float | complex | str | tuple | np.generic
    ):
        return repr(thing)
    raise TypeError(f"cannot tell when {thing!r} changes")


@functools.cache
def cache_folder() -> Path | None:
    """Return this version's cache folder, made if need be; None if none can be written."""
    for base in _base_folders():
        folder = base / FINGERPRINT
        try:
            new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
            os.utime(folder)
        except OSError:
            continue
        if new:
            prune(base)
        return folder
    return None


def _fingerprint() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(PACKAGE.rglob("[!.]*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# Taken at import: an edit while the process runs must not get the old code as its own.
FINGERPRINT = _fingerprint()


def _base_folders() -> Iterator[Path]:
    """List where code may be kept: as configured or the user's cache, then a private folder."""
    if CONFIG.CACHE_DIR:
        yield Path(CONFIG.CACHE_DIR).absolute() / "sparsestat"
    elif _user_cache().is_absolute():  # it is not where the user has no home
        yield _user_cache() / "sparsestat"
    try:
        private = Path(tempfile.gettempdir()) / f"sparsestat-{_user_id()}"
        private.mkdir(mode=0o700, exist_ok=True)
        info = private.lstat()
    except OSError:
        return
    # Cached code is executed: take it only from a folder that nobody else can write.
    if os.name == "nt" or (
        info.st_uid == os.getuid() and not info.st_mode & 0o077 and not private.is_symlink()
    ):
        yield private


def _user_cache() -> Path:
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    if os.name == "nt" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    home = Path(os.path.expanduser("~"))
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _user_id() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def prune(base: Path, keep_days: float = KEEP_DAYS) -> None:
    """Delete the folders of other fingerprints that were not used for `keep_days` days."""
    oldest = time.time() - keep_days * 86400
    for folder in base.glob("*"):
        with contextlib.suppress(OSError):  # another process may prune as well
            if re.fullmatch(r"[0-9a-f]{16}", folder.name) and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
