"""The one place that starts parallel work."""

from collections.abc import Callable, Iterable
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import threadpool_limits

__all__ = ["parallel_map"]


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
    with threadpool_limits(1, user_api="blas"):
        return Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(i) for i in items)
