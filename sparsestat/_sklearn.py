"""The one place that imports private or version-dependent names of scikit-learn."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import _check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn 1.8

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's callbacks, which came with 1.9."""


__all__ = [
    "CallbackSupportMixin",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "checked_fit",
    "progress",
    "validate_params",
]


def checked_fit(fit: Callable) -> Callable:
    """Decorate ``fit``: parameters are checked first, and a fit that fails leaves no trace."""
    checked = _fit_context(prefer_skip_nested_validation=True)(fit)

    @functools.wraps(fit)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = vars(self).copy()
        try:
            return checked(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return wrapper


def check_sample_weight(sample_weight: Any, X: Any) -> Any:
    """Return weights as float64, checked: right length, finite, nonnegative, not all zero."""
    weight = _check_sample_weight(sample_weight, X, dtype="float64", ensure_non_negative=True)
    if not weight.any():  # scikit-learn 1.9 raises this itself
        raise ValueError("sample_weight must not be all zero: no sample would have weight.")
    return weight


@contextmanager
def progress(
    estimator: Any, task: str, count: int | None, X: Any, y: Any
) -> Iterator[Callable]:
    """Report a fit to the estimator's callbacks.

    Each call of the yielded function reports one finished subtask, with a function that
    gives the attributes the estimator would have if it stopped here, and returns whether
    a callback asks to stop. Without callbacks it costs nothing.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        yield lambda attributes: False
        return
    root = estimator._init_callback_context(max_subtasks=count)
    root.call_on_fit_task_begin(estimator=estimator, X=X, y=y)

    def step(attributes: Callable[[], dict[str, Any]]) -> bool:
        part = root.subcontext(task_name=task)
        part.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        return bool(
            part.call_on_fit_task_end(
                estimator=estimator, X=X, y=y, reconstruction_attributes=attributes()
            )
        )

    yield step
    root.call_on_fit_task_end(estimator=estimator, X=X, y=y)
