"""The zip plot: all confidence intervals of a scenario."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsestat.simulation._plots import INTERVAL, REACH, legend, wrapped
from sparsestat.simulation._tables import distinct

__all__ = ["zip_plot"]

PANELS = 4  # side by side
SHORTEST = 0.004  # interval that is drawn, in widths of a panel: one without width is seen too
COVERS = {True: "0.7", False: "C1"}
NOMINAL: dict[str, Any] = {"color": "0.2", "lw": 1.0}
MONTE_CARLO: dict[str, Any] = {"color": "0.2", "lw": 1.0, "ls": (0, (3, 2))}


def zip_plot(rows: Any, *, label: str, level: float, axes: Any = None) -> NDArray[Any]:
    """Draw the confidence intervals of each replication, those that miss the truth on top.

    Parameters
    ----------
    rows : DataFrame
        Columns method, estimate, truth, lower and upper, one row a method and replication of
        one scenario. Rows with nan are left out.
    label : str
        What is estimated.
    level : float
        Nominal coverage.
    axes : array-like of matplotlib Axes, default=None
        One for each method; a new figure by default.

    Returns
    -------
    ndarray of matplotlib Axes
        One for each method.

    Raises
    ------
    ValueError
        If there is no interval, or there are not as many axes as methods.

    Notes
    -----
    The figure is that of :cite:t:`morris2019simulation`. Intervals are ordered by the distance
    of the estimate from the truth in units of half the width, those that cover the truth
    below those that do not: the colour changes at the coverage.
    """
    methods = distinct(rows["method"])
    stacks = [_stack(rows[rows["method"] == method]) for method in methods]
    if not any(stack.covers.size for stack in stacks):
        raise ValueError("rows has no interval: there is nothing to draw.")
    axes = _panels(len(methods)) if axes is None else np.atleast_1d(axes).ravel()
    if len(axes) != len(methods):
        raise ValueError(f"axes must be {len(methods)}, one a method. Got {len(axes)}.")
    limits = _limits(np.concatenate([stack.ends.ravel() for stack in stacks]))
    for ax, method, stack in zip(axes, methods, stacks, strict=True):
        _zip(ax, stack, level, limits)
        n, percent = stack.covers.size, 100.0 * stack.coverage
        cover = f"{percent:.1f} % of {n} cover" if n else "no interval"
        ax.set_title(f"{wrapped(method)}\n{cover}", fontsize="medium")
        if ax.xaxis.get_tick_params()["labelbottom"]:
            ax.set_xlabel(f"{wrapped(label)}\nminus the truth")
        if ax.yaxis.get_tick_params()["labelleft"]:
            ax.set_ylabel("fractional centile (%)")
    _zip_legend(max(axes, key=lambda ax: ax.get_position().x1), level)  # right of the first row
    return axes


class _Stack(NamedTuple):
    """Intervals minus the truth, from those that hold it best to those that miss it most."""

    ends: NDArray[np.float64]
    covers: NDArray[np.bool_]

    @property
    def coverage(self) -> float:
        return float(self.covers.mean()) if self.covers.size else math.nan


def _stack(rows: Any) -> _Stack:
    values = rows[["estimate", "truth", "lower", "upper"]].to_numpy(dtype=float)
    estimate, truth, lower, upper = values[~np.isnan(values).any(axis=1)].T
    covers = (lower <= truth) & (truth <= upper)
    with np.errstate(all="ignore"):
        distance = np.abs(estimate - truth) / (0.5 * (upper - lower))
    loop = np.lexsort((np.nan_to_num(distance, posinf=np.inf), ~covers))
    ends = np.column_stack([lower - truth, upper - truth])
    return _Stack(ends[loop], covers[loop])


def _limits(ends: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits that show the truth and all ends that are finite."""
    shown = np.append(ends[np.isfinite(ends)], 0.0)
    margin = 0.05 * np.ptp(shown) or 1.0
    return float(shown.min() - margin), float(shown.max() + margin)


def _panels(n: int) -> NDArray[Any]:
    import matplotlib.pyplot as plt

    rows = math.ceil(n / PANELS)
    columns = math.ceil(n / rows)
    width, height = plt.rcParams["figure.figsize"]
    size = max(width, 2.0 * columns + 2.0), height * (1.0 + 0.8 * (rows - 1))
    _, grid = plt.subplots(
        rows,
        columns,
        figsize=size,
        layout="constrained",
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for ax in grid.ravel()[n:]:
        ax.remove()
    for ax in grid.ravel()[max(n - columns, 0) : n]:  # of which some have none below
        ax.tick_params(labelbottom=True)
    return grid.ravel()[:n]


def _zip(ax: Any, stack: _Stack, level: float, limits: tuple[float, float]) -> None:
    from matplotlib.collections import LineCollection

    n = stack.covers.size
    x = np.clip(stack.ends, *limits)
    short = np.maximum(0.5 * (SHORTEST * np.ptp(limits) - np.ptp(x, axis=1)), 0.0)
    x += short[:, None] * [-1.0, 1.0]
    y = 100.0 * (np.arange(n) + 0.5) / max(n, 1)
    segments = np.stack([x, np.column_stack([y, y])], axis=-1)
    for covers, color in COVERS.items():
        chosen = segments[stack.covers == covers]
        width = min(max(300.0 / max(n, 1), 0.4), 2.0)
        ax.add_collection(LineCollection(chosen, colors=color, lw=width, rasterized=True))
    ax.axvline(0.0, color="0.2", lw=0.8)
    ax.axhline(100.0 * level, **NOMINAL)
    if n:
        p = stack.coverage
        reach = REACH * math.sqrt(p * (1.0 - p) / n)
        for end in (p - reach, p + reach):
            ax.axhline(100.0 * min(max(end, 0.0), 1.0), **MONTE_CARLO)
    ax.set_xlim(*limits)
    ax.set_ylim(0.0, 100.0)
    ax.grid(False)
    ax.spines[["top", "right"]].set_visible(False)


def _zip_legend(ax: Any, level: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COVERS[True], lw=3.0, label="covers the truth"),
        Line2D([], [], color=COVERS[False], lw=3.0, label="misses the truth"),
        Line2D([], [], **NOMINAL, label=f"nominal, {100.0 * level:g} %"),
        Line2D([], [], **MONTE_CARLO, label=f"coverage,\n{INTERVAL}"),
    ]
    legend(ax, 0.1, handles=handles)
