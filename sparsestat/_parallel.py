"""The one place that starts parallel work, or keeps others from doing so."""

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import ThreadpoolController

__all__ = ["parallel_map", "serial_blas", "thread_pools"]


class SerialBlas:
    """A context in which BLAS uses one thread.

    The matrices of solvers are small: starting threads costs more than it gains, and on
    a busy machine waiting for them stalls (measured: 150 ms for a Cholesky of order 280
    that takes 0.5 ms). Threads are for work that is independent. BLAS keeps one setting
    for the whole process, so contexts that overlap, nested or in several threads, share
    it: the first to enter notes what to restore, the last to leave restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self._restore: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._entered == 0:
                libraries = _controller().select(user_api="blas").lib_controllers
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


serial_blas = SerialBlas()


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through the loaded libraries, 20 ms


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


def thread_pools() -> list[dict[str, Any]]:
    """Describe the thread pools of the loaded libraries."""
    return _controller().info()
