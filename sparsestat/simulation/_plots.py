"""Figures of measures with their Monte Carlo errors: lollipops and nested loops."""

import math
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsestat.simulation._tables import distinct, keys, spell, varying

__all__ = ["INTERVAL", "REACH", "legend", "lollipop", "nested_loop", "wrapped"]

REACH = 1.96  # of an interval, in standard errors
INTERVAL = "95 % Monte Carlo interval"

# Eleven, which has no divisor in common with the number of colours in usual cycles.
MARKERS = "osD^vP<X>ph"
DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (2, 1))]

# Inches
ROW, BETWEEN = 0.16, 0.6  # of the lollipops; between scenarios, in rows
PITCH, APART = 0.13, 2.0  # of the levels below a nested loop; between fields, in levels
LETTER = 0.08

WIDEST_NAME = 24  # letters of a line in a legend
MOST_LEVELS = 8  # of a field that are labelled


class _Cells(NamedTuple):
    """A measure by scenario and method, nan where there is none."""

    scenarios: list[tuple[Any, ...]]
    methods: list[Any]
    estimates: NDArray[np.float64]
    reaches: NDArray[np.float64]
    failed: NDArray[np.int64]


def lollipop(
    table: Any,
    fields: Sequence[str],
    *,
    label: str,
    target: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw a measure as a point for each scenario and method.

    Parameters
    ----------
    table : DataFrame
        Columns `fields`, method, estimate, mcse and n_failed, one row a scenario and method.
    fields : sequence of str
        Those with one value only are not named.
    label : str
        What the measure is.
    target : float, default=None
        The value of a perfect method, from which sticks lead to the points.
    ax : matplotlib Axes, default=None
        Where to draw; by default a new figure, the taller the more there is in it.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the table is empty.
    """
    cells = _cells(table, fields)
    n_scenarios, n_methods = cells.estimates.shape
    labels = _labels(table, fields)
    if ax is None:
        height = max(2.2, 1.0 + ROW * n_scenarios * (n_methods + BETWEEN))
        ax = _axes(height, _widest(labels) + _widest(map(wrapped, cells.methods)) - 30)
    starts = np.arange(n_scenarios) * (n_methods + BETWEEN)
    if target is not None:
        ax.axvline(target, color="0.4", lw=0.8)
    for k, method in enumerate(cells.methods):
        x, y, reach = cells.estimates[:, k], starts + k, cells.reaches[:, k]
        _points(ax, k, x, y, reach, target, wrapped(method))
    _note_failures(ax, starts, cells.failed)
    _name_rows(ax, starts, labels, cells.methods)
    ax.set_xlabel(f"{label} ({INTERVAL})")
    if n_scenarios > 1:
        legend(ax, 0.7 if cells.failed.any() else 0.1)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def nested_loop(
    table: Any,
    fields: Sequence[str],
    *,
    label: str,
    target: float | None = None,
    order: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw a measure over all scenarios, ordered as by nested loops over their fields.

    Parameters
    ----------
    table : DataFrame
        Columns `fields`, method, estimate, mcse and n_failed, one row a scenario and method.
    fields : sequence of str
        Those with one value only are not named.
    label : str
        What the measure is.
    target : float, default=None
        The value of a perfect method.
    order : sequence of str, default=None
        Fields, that of the outermost loop first; those not named follow, as in `fields`.
    ax : matplotlib Axes, default=None
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        The levels of the fields are in an inset of it, ``ax.child_axes[0]``.

    Raises
    ------
    ValueError
        If the table is empty, or `order` names something else or a field twice.

    Notes
    -----
    The figure is that of :cite:t:`rucker2014presenting`. Values of a field are ordered by their
    first appearance, and scenarios that are not there take no room.
    """
    order = list(order or ())
    if len({*order} & {*fields}) != len(order):
        raise ValueError(f"order must be some of the fields {list(fields)}. Got {order}.")
    order += [field for field in fields if field not in order]
    cells = _in_loop(_cells(table, order))
    ladders = [_ladder(table, cells, order, field) for field in varying(table, order)]
    strip = PITCH * (0.5 + sum(ladder.height + APART for ladder in ladders))
    if ax is None:
        ax = _axes(3.4 + strip, _widest(map(wrapped, cells.methods)) - 12)
    edges = np.arange(len(cells.scenarios) + 1) - 0.5
    if target is not None:
        ax.axhline(target, color="0.4", lw=0.8)
    for k, method in enumerate(cells.methods):
        _steps(ax, k, edges, cells.estimates[:, k], cells.reaches[:, k], wrapped(method))
    legend(ax, 0.1)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xticks([])
    ax.set_ylabel(f"{label}\n({INTERVAL})")
    ax.spines[["top", "right"]].set_visible(False)
    below = _strip(ax, strip, edges, ladders) if ladders else ax
    below.set_xlabel("1 scenario" if len(edges) == 2 else f"{len(edges) - 1} scenarios")
    return ax


def _cells(table: Any, fields: Sequence[str]) -> _Cells:
    if len(table) == 0:
        raise ValueError("table has no rows: there is nothing to draw.")
    row_scenarios = keys(table, fields)
    scenarios, methods = distinct(row_scenarios), distinct(table["method"])
    at = (
        [scenarios.index(scenario) for scenario in row_scenarios],
        [methods.index(method) for method in table["method"]],
    )
    shape = len(scenarios), len(methods)
    estimates, reaches = np.full(shape, math.nan), np.full(shape, math.nan)
    failed = np.zeros(shape, dtype=np.int64)
    estimates[at] = table["estimate"]
    reaches[at] = REACH * table["mcse"]
    failed[at] = table["n_failed"]
    return _Cells(scenarios, methods, estimates, reaches, failed)


def _in_loop(cells: _Cells) -> _Cells:
    """Sort the scenarios, values of each field in the order in which they appear."""
    levels = [distinct(values) for values in zip(*cells.scenarios, strict=True)]

    def place(i: int) -> list[int]:
        return [
            names.index(value) for names, value in zip(levels, cells.scenarios[i], strict=True)
        ]

    loop = sorted(range(len(cells.scenarios)), key=place)
    scenarios = [cells.scenarios[i] for i in loop]
    return _Cells(
        scenarios, cells.methods, cells.estimates[loop], cells.reaches[loop], cells.failed[loop]
    )


# --- Figures in general ----------------------------------------------------------------


def _axes(height: float, letters: int) -> Any:
    """Make a figure that has room for this many more letters than usual beside the data."""
    import matplotlib.pyplot as plt

    width = plt.rcParams["figure.figsize"][0] + LETTER * max(letters, 0)
    _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def wrapped(name: Any) -> str:
    return fill(spell(name), WIDEST_NAME, break_long_words=False, break_on_hyphens=False)


def _widest(texts: Iterable[str]) -> int:
    return max((len(line) for text in texts for line in text.split("\n")), default=0)


def legend(ax: Any, space: float, **kwargs: Any) -> None:
    """Draw a legend this many inches to the right of the axes."""
    from matplotlib.transforms import ScaledTranslation

    beside = ax.transAxes + ScaledTranslation(space, 0.0, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        bbox_transform=beside,
        borderaxespad=0.0,
        frameon=False,
        fontsize="small",
        **kwargs,
    )


# --- Lollipops -------------------------------------------------------------------------


def _points(
    ax: Any,
    k: int,
    x: NDArray[Any],
    y: NDArray[Any],
    reach: NDArray[Any],
    target: float | None,
    name: str,
) -> None:
    """Draw the k-th method."""
    if target is not None:
        known = np.isfinite(x)
        ax.hlines(y[known], target, x[known], color=f"C{k}", lw=3.0, alpha=0.3)
    marker = {"fmt": MARKERS[k % len(MARKERS)], "color": f"C{k}", "ms": 4.5}
    ax.errorbar(x, y, xerr=reach, elinewidth=1.0, capsize=2.0, label=name, **marker)


def _labels(table: Any, fields: Sequence[str]) -> list[str]:
    """Name each scenario by the fields that vary."""
    shown = varying(table, fields)
    values = dict(zip(keys(table, fields), keys(table, shown), strict=True))
    return [
        ", ".join(f"{name}={spell(x)}" for name, x in zip(shown, row, strict=True))
        for row in values.values()
    ]


def _name_rows(ax: Any, starts: NDArray[Any], labels: list[str], methods: list[Any]) -> None:
    """Label scenarios, every other one shaded, or the methods if there is one scenario."""
    n = len(methods)
    if len(starts) == 1:
        ax.set_yticks(range(n), [wrapped(method) for method in methods])
    else:
        ax.set_yticks(starts + 0.5 * (n - 1), labels)
        for start in starts[::2]:
            edges = start - 0.5 * (1.0 + BETWEEN), start + n - 0.5 * (1.0 - BETWEEN)
            ax.axhspan(*edges, color="0.95", lw=0.0, zorder=0)
    ax.tick_params(axis="y", length=0.0)
    ax.grid(False, axis="y")
    ax.set_ylim(starts[-1] + n - 0.5 * (1.0 - BETWEEN), -0.5 * (1.0 + BETWEEN))


def _note_failures(ax: Any, starts: NDArray[Any], failed: NDArray[np.int64]) -> None:
    for i, k in np.argwhere(failed > 0):
        ax.annotate(
            f"{failed[i, k]} failed",
            xy=(1.0, starts[i] + k),
            xycoords=("axes fraction", "data"),
            xytext=(4.0, 0.0),
            textcoords="offset points",
            va="center",
            fontsize="x-small",
            color="0.3",
            annotation_clip=False,
        )


# --- Nested loops ----------------------------------------------------------------------


class _Ladder(NamedTuple):
    """The levels of a field, and the one that each scenario has."""

    field: str
    names: list[str]
    levels: NDArray[np.int64]

    @property
    def height(self) -> int:
        return min(len(self.names), MOST_LEVELS) - 1


def _ladder(table: Any, cells: _Cells, fields: Sequence[str], field: str) -> _Ladder:
    values = distinct(value for (value,) in keys(table, [field]))
    at = list(fields).index(field)
    levels = [values.index(scenario[at]) for scenario in cells.scenarios]
    return _Ladder(field, [spell(value) for value in values], np.array(levels))


def _corners(edges: NDArray[Any], values: NDArray[Any]) -> tuple[Any, Any]:
    """Return the corners of a step function."""
    return np.repeat(edges, 2)[1:-1], np.repeat(values, 2)


def _steps(
    ax: Any,
    k: int,
    edges: NDArray[Any],
    middle: NDArray[Any],
    reach: NDArray[Any],
    name: str,
) -> None:
    """Draw the k-th method."""
    x, low = _corners(edges, middle - reach)
    high = _corners(edges, middle + reach)[1]
    ax.fill_between(x, low, high, color=f"C{k}", alpha=0.15, lw=0.0)
    line = {"color": f"C{k}", "ls": DASHES[k % len(DASHES)], "lw": 1.4}
    ax.plot(*_corners(edges, middle), label=name, **line)


def _strip(ax: Any, size: float, edges: NDArray[Any], ladders: list[_Ladder]) -> Any:
    """Draw the levels of the fields in an inset below the axes, the first field on top."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    # A height in inches: one relative to the axes would change as the layout shrinks them.
    inches = ax.figure.dpi_scale_trans + ScaledTranslation(0.0, 0.0, ax.transAxes)
    across = blended_transform_factory(ax.transAxes, inches)
    strip = ax.inset_axes((0.0, -size, 1.0, size), transform=across, sharex=ax)
    ticks: list[float] = []
    names: list[str] = []
    base = 0.0
    for ladder in reversed(ladders):
        n = len(ladder.names)
        y = base + ladder.height * np.arange(n) / (n - 1)
        strip.plot(*_corners(edges, y[ladder.levels]), color="0.3", lw=1.2)
        labelled = range(0, n, math.ceil(n / MOST_LEVELS))
        ticks += [y[level] for level in labelled]
        names += [ladder.names[level] for level in labelled]
        names[-1] = f"{ladder.field} = {names[-1]}"
        base += ladder.height + APART
    for change in edges[1:-1][np.diff(ladders[0].levels) != 0]:
        ax.axvline(change, color="0.85", lw=0.8, zorder=0)
        strip.axvline(change, ymax=0.97, color="0.85", lw=0.8, zorder=0)
    strip.set_ylim(-0.5 * APART, base - 0.5 * APART + 0.5)
    strip.set_yticks(ticks, names, fontsize="x-small")
    strip.tick_params(axis="y", length=0.0)
    strip.grid(False)
    strip.spines[:].set_visible(False)
    strip.patch.set_visible(False)  # it would hide the axis above
    return strip
