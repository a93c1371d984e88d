"""The one place that starts parallel work, or keeps others from doing so."""

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import ThreadpoolController

__all__ = ["parallel_map", "parallel_stream", "serial_blas", "serial_libraries", "thread_pools"]


class ThreadLimit:
    """A context in which libraries use one thread.

    Libraries keep one setting for the whole process, so contexts that overlap, nested or
    in several threads, share it: the first to enter notes what to restore, the last to
    leave restores it.

    Parameters
    ----------
    kinds : tuple of {"blas", "openmp"}
        Which libraries.
    """

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds
        self._lock = threading.Lock()
        self._entered = 0
        self._restore: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._entered == 0:
                libraries = [
                    library
                    for library in _controller().lib_controllers
                    if library.user_api in self.kinds
                ]
                self._restore = [(library, library.get_num_threads()) for library in libraries]
                for library in libraries:
                    _set_threads(library, 1)
            self._entered += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._entered -= 1
            if self._entered == 0:
                for library, count in self._restore:
                    _set_threads(library, count)


def _set_threads(library: Any, count: int) -> None:
    """Set a library's number of threads, whichever thread set it last.

    Recent threadpoolctl lets one thread only change OpenBLAS's setting until it gives
    that up; the one that leaves last need not be the one that entered first.
    """
    give_up = getattr(library, "clear_controlling_thread", lambda force: None)
    give_up(force=True)
    library.set_num_threads(count)
    give_up(force=True)


# The matrices of solvers are small: starting threads costs more than it gains, and on a
# busy machine waiting for them stalls (measured: 150 ms for a Cholesky of order 280 that
# takes 0.5 ms). Threads are for work that is independent.
serial_blas = ThreadLimit("blas")
serial_libraries = ThreadLimit("blas", "openmp")

_known: dict[str, Any] = {"modules": 0, "controller": None}


def _controller() -> ThreadpoolController:
    """Return what controls the loaded libraries; look again when there may be new ones."""
    if _known["controller"] is None or len(sys.modules) > _known["modules"]:
        _known.update(modules=len(sys.modules), controller=ThreadpoolController())  # 20 ms
    return _known["controller"]


def parallel_map(function: Callable, items: Iterable, n_jobs: int | None = None) -> list[Any]:
    """Return ``[function(item) for item in items]``, worked out by several threads.

    Kernels and BLAS release the interpreter lock, so threads share the data without
    copies. Each thread gets single-threaded BLAS: results do not depend on `n_jobs`.

    Parameters
    ----------
    function : callable
        Called with one item.
    items : iterable
    n_jobs : int or None
        As in joblib: None is 1 unless a ``joblib.parallel_config`` says otherwise,
        -1 is one thread a core.
    """
    items = list(items)
    n_jobs = min(effective_n_jobs(n_jobs), max(len(items), 1))
    with serial_blas:
        return Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(i) for i in items)


def parallel_stream(
    function: Callable, items: Iterable, n_jobs: int | None = None
) -> Generator[Any, None, None]:
    """Yield ``function(item)`` for all items as they finish, worked out by processes.

    Items are taken from the iterable while the work goes on, a few more than there are
    workers. A ``joblib.parallel_config`` decides where workers are: the processes of this
    machine by default, or a cluster.

    Parameters
    ----------
    function : callable
        Called with one item. Both travel to the worker.
    items : iterable
    n_jobs : int or None
        As in joblib: None is 1 unless a ``joblib.parallel_config`` says otherwise,
        -1 is one process a core.
    """
    workers = Parallel(
        n_jobs=n_jobs,
        batch_size=1,
        max_nbytes=None,  # arrays arrive as they are, not as read-only maps of files
        return_as="generator_unordered",
        initializer=_end_with,  # for loky; the workers of Dask do this by themselves
        initargs=(os.getpid(),),
    )
    yield from workers(delayed(function)(item) for item in items)


def _end_with(parent: int) -> None:
    """End this process soon after its parent.

    Workers of loky would wait for minutes, and keep open what the parent wrote to, such as
    the pipe of a caller.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if os.name != "nt" and os.getpid() != parent:
        threading.Thread(target=watch, name="end with parent", daemon=True).start()


def thread_pools() -> list[dict[str, Any]]:
    """Describe the thread pools of the loaded libraries."""
    return _controller().info()
