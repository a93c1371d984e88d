"""The one place that knows how kernels are compiled and where machine code is kept.

A :class:`Kernel` is a plain function compiled once per *specialisation*: the type
of its first argument, either a penalty's parameter tuple or an array's dtype.
Each specialisation is a numba dispatcher of its own with exactly one signature
and one cache folder::

    <cache folder>/sparsestat/<fingerprint>/<specialisation>/

The fingerprint hashes every source file of the package, so an edit anywhere
starts an empty folder and stale machine code cannot be served. numba alone
stamps only the file of the kernel, not the files of the functions it calls.
One signature per folder also means that processes which start cold together can
only ever write the same code under the same name. A penalty that lives outside
the package adds a hash of its own sources to the folder's name, and a process
that cannot import that penalty never opens the folder.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.extending import overload, register_jitable

__all__ = ["KERNELS", "Kernel", "cache_folder", "kernel", "overload", "register_jitable"]

PACKAGE = Path(__file__).parent
KEEP_DAYS = 30

# Lets the compiler vectorise sums; unlike full fastmath it keeps inf and nan meaningful.
REASSOCIATE = {"reassoc", "contract", "nsz"}

CONFIG: Any = numba.config
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
        return dispatcher(first, *rest)

    def _dispatcher(self, key: Any) -> Any:
        compile_ = functools.partial(numba.njit, nogil=True, **self.options)
        folder = specialisation_folder(key)
        if folder is None:
            return compile_()(self.function)
        with _decorating:  # numba reads the folder from its configuration while it decorates
            saved = CONFIG.CACHE_DIR
            CONFIG.CACHE_DIR = str(folder)
            try:
                return compile_(cache=True)(self.function)
            finally:
                CONFIG.CACHE_DIR = saved

    def cache_hits(self) -> dict[Any, int]:
        """Count, per specialisation, the signatures loaded from disk."""
        return {k: sum(d.stats.cache_hits.values()) for k, d in self.dispatchers.items()}


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
        name = key.__qualname__.partition(".")[0]
        if key.__module__.partition(".")[0] != __package__:
            digest = outside_digest(key)
            if digest is None:
                return None
            name = f"{key.__module__}.{name}-{digest}"
    folder = root / name
    folder.mkdir(exist_ok=True)
    return folder


def outside_digest(key: type) -> str | None:
    """Hash the sources behind a penalty defined outside the package.

    The sources are the module of the class and those of every function that its
    scalar functions reach by a global name. None where the code cannot be cached:
    no source file, or a class of ``__main__``, which no other process can import.
    """
    digest = hashlib.sha256()
    for module in sorted({key.__module__, *_modules_reached(key)}):
        spec = None if module == "__main__" else importlib.util.find_spec(module)
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            return None
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:16]


def _modules_reached(key: type) -> Iterator[str]:
    seen: set[Any] = set()
    todo = [f for f in getattr(key, "functions", ()) if isinstance(f, FunctionType)]
    while todo:
        function = todo.pop()
        top = function.__module__.partition(".")[0]
        if function in seen or top in (__package__, *sys.stdlib_module_names):
            continue
        seen.add(function)
        yield function.__module__
        reached = (function.__globals__.get(name) for name in function.__code__.co_names)
        todo += [f for f in reached if isinstance(f, FunctionType)]


@functools.cache
def cache_folder() -> Path | None:
    """Return this version's cache folder, made if need be; None if none can be written."""
    fingerprint = _fingerprint()
    for base in _base_folders():
        folder = base / fingerprint
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
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _base_folders() -> Iterator[Path]:
    """List where code may be kept: as configured or the user's cache, then a private folder."""
    if CONFIG.CACHE_DIR:
        yield Path(CONFIG.CACHE_DIR) / "sparsestat"
    else:
        yield _user_cache() / "sparsestat"
    private = Path(tempfile.gettempdir()) / f"sparsestat-{_user_id()}"
    try:
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
