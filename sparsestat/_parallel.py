"""The one place that starts parallel work, or keeps others from doing so."""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import ThreadpoolController

__all__ = ["parallel_map", "serial_blas", "thread_pools"]


@contextmanager
def serial_blas() -> Iterator[None]:
    """Let BLAS use one thread.

    The matrices of solvers are small: starting threads costs more than it gains, and on
    a busy machine waiting for them stalls (measured: 150 ms for a Cholesky of order 280
    that takes 0.5 ms). Threads are for work that is independent.
    """
    libraries = _controller().select(user_api="blas").lib_controllers
    threads = [library.get_num_threads() for library in libraries]
    for library in libraries:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, count in zip(libraries, threads, strict=True):
            library.set_num_threads(count)


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
    with serial_blas():
        return Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(i) for i in items)


def thread_pools() -> list[dict[str, Any]]:
    """Describe the thread pools of the loaded libraries."""
    return _controller().info()
