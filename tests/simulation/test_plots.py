"""Figures of studies show what the tables hold."""

import itertools
import math

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal

from sparsestat.simulation._plots import lollipop, nested_loop
from sparsestat.simulation._zip_plot import zip_plot

METHODS = ["lasso", "MCP", "elastic net, cross-validated by the one-standard-error rule"]
GRID = {"n_samples": [100, 200, 400], "rho": [0.5, 0.0], "snr": [2.0], "noise": ["t3", None]}
FIELDS = list(GRID)
INTERVAL = "(95 % Monte Carlo interval)"


@pytest.fixture(autouse=True)
def no_window():
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        plt.switch_backend("Agg")
        yield
        plt.close("all")


def make_table(grid, methods):
    """All numbers differ, so that each can be found again."""
    rows = [
        [*point, method, 0.5 + 0.25 * i + 0.125 * k, 0.01 * (1 + i + k), 100, 0]
        for i, point in enumerate(itertools.product(*grid.values()))
        for k, method in enumerate(methods)
    ]
    return pd.DataFrame(rows, columns=[*grid, "method", "estimate", "mcse", "n", "n_failed"])


@pytest.fixture
def table():
    return make_table(GRID, METHODS)


@pytest.fixture
def small():
    return make_table({"rho": [0.0, 0.5]}, METHODS[:2])


def texts(artists):
    return [text.get_text() for text in artists]


def legend(ax):
    return texts(ax.get_legend().get_texts())


def overlaps(boxes):
    """Pairs of boxes that overlap by more than a pixel."""
    return [
        (a, b)
        for (i, a), (j, b) in itertools.combinations(enumerate(boxes), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1.0 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1.0
    ]


def tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def everything(ax):
    """Where the texts are, once they are drawn."""
    ax.figure.draw_without_rendering()
    found = []
    for panel in [ax, *ax.child_axes]:
        found += panel.texts
        for axis in (panel.xaxis, panel.yaxis):
            found += [axis.label, *tick_labels(axis)]
    boxes = [t.get_window_extent() for t in found if t.get_text() and t.get_visible()]
    if ax.get_legend() is not None:
        boxes.append(ax.get_legend().get_window_extent())
    return boxes


def assert_readable(ax):
    boxes = everything(ax)
    assert not overlaps(boxes)
    whole = ax.figure.bbox
    for box in boxes:
        assert box.x0 >= -1.0
        assert box.y0 >= -1.0
        assert box.x1 <= whole.x1 + 1.0
        assert box.y1 <= whole.y1 + 1.0


# --- Lollipops -------------------------------------------------------------------------


def points_and_whiskers(ax):
    """Return points, and ends of whiskers, of each method."""
    found = []
    for container in ax.containers:
        line, _, (bars,) = container.lines
        segments = np.array([ends for ends in bars.get_segments() if len(ends)])
        found.append((line.get_xdata(), line.get_ydata(), segments))
    return found


def sticks(ax):
    whiskers = [container.lines[2][0] for container in ax.containers]
    return [lines for lines in ax.collections if lines not in whiskers]


def test_points_are_at_the_estimates_and_whiskers_are_their_intervals(table):
    ax = lollipop(table, FIELDS, label="estimation error")
    found = points_and_whiskers(ax)
    assert len(found) == 3
    for method, (x, y, whiskers) in zip(METHODS, found, strict=True):
        rows = table[table["method"] == method]
        assert_array_equal(x, rows["estimate"])
        assert_allclose(whiskers[:, 0, 0], rows["estimate"] - 1.96 * rows["mcse"])
        assert_allclose(whiskers[:, 1, 0], rows["estimate"] + 1.96 * rows["mcse"])
        assert_array_equal(whiskers[:, 0, 1], y)
    assert not sticks(ax)
    assert ax.get_xlabel() == f"estimation error {INTERVAL}"


def test_rows_are_in_the_order_of_the_table_from_the_top(table):
    ax = lollipop(table, FIELDS, label="error")
    y = np.array([rows for _, rows, _ in points_and_whiskers(ax)]).T.ravel()
    assert (np.diff(y) > 0.0).all()
    assert ax.yaxis_inverted()
    assert_allclose(np.diff(y)[:2], 1.0)
    assert np.diff(y)[2] > 1.0
    assert_allclose(ax.get_yticks(), y[1::3])


def test_sticks_lead_from_the_target(table):
    table.loc[[0, 4], ["estimate", "mcse"]] = math.nan
    ax = lollipop(table, FIELDS, label="coverage", target=0.95)
    for k, (x, y, _) in enumerate(points_and_whiskers(ax)):
        segments = np.array(sticks(ax)[k].get_segments())
        known = ~np.isnan(x)
        assert_array_equal(
            segments[:, 0], np.column_stack([np.full(known.sum(), 0.95), y[known]])
        )
        assert_array_equal(segments[:, 1], np.column_stack([x, y])[known])
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert_array_equal(line.get_xdata(), 0.95)
    assert_array_equal(line.get_ydata(), [0.0, 1.0])


def test_labels_have_the_fields_that_vary(table):
    ax = lollipop(table, FIELDS, label="error")
    labels = texts(ax.get_yticklabels())
    assert len(labels) == 12
    assert labels[:2] == [
        "n_samples=100, rho=0.5, noise=t3",
        "n_samples=100, rho=0.5, noise=None",
    ]


def test_methods_differ_in_colour_and_marker(table):
    ax = lollipop(table, FIELDS, label="error")
    lines = [container.lines[0] for container in ax.containers]
    assert len({line.get_color() for line in lines}) == 3
    assert len({line.get_marker() for line in lines}) == 3
    assert [label.replace("\n", " ") for label in legend(ax)] == METHODS
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1


def test_the_methods_of_a_single_scenario_are_named_at_the_rows(table):
    ax = lollipop(table[:3], FIELDS, label="error")
    assert [label.replace("\n", " ") for label in texts(ax.get_yticklabels())] == METHODS
    assert ax.get_legend() is None
    assert_array_equal(ax.get_yticks(), [0, 1, 2])


def test_cells_with_failures_are_noted_at_their_rows(small):
    small.loc[1, "n_failed"] = 3
    small.loc[2, ["estimate", "mcse", "n", "n_failed"]] = math.nan, math.nan, 0, 100
    ax = lollipop(small, ["rho"], label="bias", target=0.0)
    assert texts(ax.texts) == ["3 failed", "100 failed"]
    (_, first, _), (_, second, _) = points_and_whiskers(ax)
    assert [text.xy[1] for text in ax.texts] == [second[0], first[1]]
    assert_readable(ax)
    assert not lollipop(small[:1], ["rho"], label="bias").texts


@pytest.mark.parametrize("n_scenarios", [1, 3, 12])
def test_the_figure_is_tall_enough_for_its_rows(n_scenarios, table):
    ax = lollipop(table[: 3 * n_scenarios], FIELDS, label="error")
    ax.figure.draw_without_rendering()
    first, second = ax.transData.transform([[0.0, 0.0], [0.0, 1.0]])[:, 1]
    assert (first - second) / ax.figure.dpi > 0.13  # inches


# --- Nested loops ----------------------------------------------------------------------


def steps(line):
    """Return the values of a step function, after a check of its corners."""
    x, y = line.get_data()
    n = len(x) // 2
    assert_array_equal(x, np.repeat(np.arange(n + 1) - 0.5, 2)[1:-1])
    assert_array_equal(y[::2], y[1::2])
    return y[::2]


def loops(ax):
    return {
        line.get_label().replace("\n", " "): steps(line)
        for line in ax.lines
        if not line.get_label().startswith("_")
    }


def ladders(ax):
    """Return the names of the levels that the inset shows, by field, the top one first."""
    (strip,) = ax.child_axes
    ticks = zip(strip.get_yticks(), texts(strip.get_yticklabels()), strict=True)
    names = {y: name for y, name in ticks}
    found = {}
    for line in strip.lines:
        if len(line.get_xdata()) > 2:
            levels = steps(line)
            (field,) = {
                name.split(" = ")[0]
                for y, name in names.items()
                if " = " in name and y == levels.max()
            }
            found[field] = [names[y].split(" = ")[-1] for y in levels], levels.min()
    found = dict(sorted(found.items(), key=lambda item: -item[1][1]))
    return {field: names for field, (names, _) in found.items()}


def test_scenarios_are_in_the_order_of_the_loops(table):
    shuffled = table.sample(frac=1.0, random_state=0)
    # The first scenarios are those of the grid: the order of the levels stays.
    mixed = pd.concat([table, shuffled]).drop_duplicates()
    ax = nested_loop(mixed, FIELDS, label="error")
    found = loops(ax)
    for method in METHODS:
        assert_array_equal(found[method], table.loc[table["method"] == method, "estimate"])
    points = list(itertools.product(*GRID.values()))
    assert ladders(ax) == {
        "n_samples": [str(n) for n, _, _, _ in points],
        "rho": [f"{rho:g}" for _, rho, _, _ in points],
        "noise": [str(noise) for _, _, _, noise in points],
    }
    assert ax.child_axes[0].get_xlabel() == "12 scenarios"
    assert ax.get_ylabel() == f"error\n{INTERVAL}"
    assert ax.get_xlim() == (-0.5, 11.5)


@pytest.mark.parametrize("named", [2, 3, 4])
def test_the_order_of_the_loops_is_that_asked_for(table, named):
    order = ["noise", "rho", *(field for field in FIELDS if field not in ("noise", "rho"))]
    ax = nested_loop(table, FIELDS, label="error", order=order[:named])
    points = list(itertools.product(*(GRID[field] for field in order)))
    assert list(ladders(ax)) == ["noise", "rho", "n_samples"]
    assert ladders(ax)["n_samples"] == [str(n) for _, _, n, _ in points]
    assert ladders(ax)["noise"] == ["t3"] * 6 + ["None"] * 6
    rows = table[table["method"] == "lasso"].astype({"noise": object})
    estimates = {
        (
            row.noise if isinstance(row.noise, str) else None,
            row.rho,
            row.n_samples,
            row.snr,
        ): row.estimate
        for row in rows.itertuples()
    }
    assert_array_equal(loops(ax)["lasso"], [estimates[point] for point in points])


def test_incomplete_grids_have_the_scenarios_that_there_are():
    table = pd.DataFrame(
        {
            "design": ["b", "a", "b", "a", "c"],
            "n_samples": [200, 200, 100, 400, 100],
            "method": "lasso",
            "estimate": [1.0, 2.0, 3.0, 4.0, 5.0],
            "mcse": 0.1,
            "n": 10,
            "n_failed": 0,
        }
    )
    ax = nested_loop(table, ["design", "n_samples"], label="error")
    assert ladders(ax) == {
        "design": ["b", "b", "a", "a", "c"],
        "n_samples": ["200", "100", "200", "400", "100"],
    }
    assert_array_equal(loops(ax)["lasso"], [1.0, 3.0, 2.0, 4.0, 5.0])


def test_levels_ascend_by_equal_steps(table):
    ax = nested_loop(table, FIELDS, label="error")
    (first, *_) = [
        line
        for line in reversed(ax.child_axes[0].lines)
        if len(line.get_xdata()) > 2 and len(set(line.get_ydata())) == 3
    ]
    assert_allclose(np.diff(sorted(set(first.get_ydata()))), 1.0)
    assert (np.diff(first.get_ydata()) >= 0.0).all()


def test_bands_are_monte_carlo_intervals_and_gaps_are_gaps(table):
    table.loc[3, ["estimate", "mcse"]] = math.nan
    ax = nested_loop(table, FIELDS, label="error")
    band, *others = ax.collections
    assert len(others) == 2
    assert len(band.get_paths()) == 2  # before and after the gap
    rows = table[table["method"] == "lasso"].reset_index()
    assert np.isnan(loops(ax)["lasso"]).nonzero()[0].tolist() == [1]
    vertices = np.concatenate([path.vertices for path in band.get_paths()])
    for i in (0, 2, 11):
        inside = vertices[np.abs(vertices[:, 0] - i) <= 0.5, 1]
        low = rows["estimate"][i] - 1.96 * rows["mcse"][i]
        high = rows["estimate"][i] + 1.96 * rows["mcse"][i]
        assert np.isclose(inside, low).any()
        assert np.isclose(inside, high).any()
    assert not ((vertices[:, 0] > 0.5) & (vertices[:, 0] < 1.5)).any()


def test_methods_differ_in_colour_and_dashes(table):
    ax = nested_loop(table, FIELDS, label="error", target=0.0)
    lines = [line for line in ax.lines if not line.get_label().startswith("_")]
    assert len({line.get_color() for line in lines}) == 3
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 3
    assert [label.replace("\n", " ") for label in legend(ax)] == METHODS
    assert any(np.array_equal(line.get_ydata(), [0.0, 0.0]) for line in ax.lines)


def test_one_scenario_has_no_levels(table):
    ax = nested_loop(table[:3], FIELDS, label="error")
    assert not ax.child_axes
    assert ax.get_xlabel() == "1 scenario"
    assert_array_equal(loops(ax)["MCP"], [0.625])


def test_of_many_levels_some_are_named():
    table = make_table({"size": list(range(20))}, METHODS[:1])
    ax = nested_loop(table, ["size"], label="error")
    names = texts(ax.child_axes[0].get_yticklabels())
    assert names == ["0", "3", "6", "9", "12", "15", "size = 18"]
    (line,) = [line for line in ax.child_axes[0].lines if len(line.get_xdata()) == 40]
    levels = steps(line)
    assert_allclose(np.diff(levels), levels[-1] / 19.0)
    assert_allclose(ax.child_axes[0].get_yticks(), levels[::3])


# --- Both ------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [lollipop, nested_loop])
@pytest.mark.parametrize("n_scenarios", [1, 2, 12])
@pytest.mark.parametrize("style", ["default", "docs"])
def test_texts_do_not_overlap(draw, n_scenarios, style, table, request):
    if style == "docs":
        matplotlib.rc_file(request.config.rootpath / "docs" / "sparsestat.mplstyle")
        matplotlib.pyplot.switch_backend("Agg")
    table.loc[1, "n_failed"] = 1000
    assert_readable(draw(table[: 3 * n_scenarios], FIELDS, label="estimation error"))


@pytest.mark.parametrize("draw", [lollipop, nested_loop])
def test_given_axes_are_used(draw, small):
    from matplotlib import pyplot as plt

    figure, (one, other) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    assert draw(small, ["rho"], label="bias", target=0.0, ax=one) is one
    assert_readable(one)
    assert not other.has_data()
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("draw", [lollipop, nested_loop])
def test_no_fields_are_one_scenario(draw, small):
    ax = draw(small[:2].drop(columns="rho"), [], label="bias")
    assert ax.has_data()
    assert_readable(ax)


@pytest.mark.parametrize("draw", [lollipop, nested_loop])
def test_estimates_that_are_not_finite_are_not_drawn(draw, small):
    small["estimate"] = [math.inf, 1.0, math.nan, 2.0]
    small["mcse"] = [math.nan, math.inf, math.nan, 0.1]
    ax = draw(small, ["rho"], label="bias", target=0.0)
    ax.figure.draw_without_rendering()
    low, high = ax.get_xlim() if draw is lollipop else ax.get_ylim()
    assert low < 0.0 < 2.196 < high < 3.0


@pytest.mark.parametrize("draw", [lollipop, nested_loop])
def test_an_empty_table_is_refused(draw, small):
    with pytest.raises(ValueError, match="table has no rows"):
        draw(small[:0], ["rho"], label="bias")


@pytest.mark.parametrize(
    "order", [["method"], [*FIELDS, "rho"], ["rho", "rho", "snr", "noise"]]
)
def test_orders_of_other_fields_or_of_one_twice_are_refused(order, table):
    with pytest.raises(ValueError, match=r"order must be some of the fields"):
        nested_loop(table, FIELDS, label="error", order=order)


# --- Intervals -------------------------------------------------------------------------


def make_rows(methods, n, seed=0):
    rng = np.random.default_rng(seed)
    frames = []
    for k, method in enumerate(methods):
        truth = rng.standard_normal(n)
        estimate = truth + rng.standard_normal(n)
        half = (1.96 - 0.4 * k) * rng.uniform(0.7, 1.3, n)
        ends = {"lower": estimate - half, "upper": estimate + half}
        frames.append(
            pd.DataFrame({"method": method, "estimate": estimate, "truth": truth} | ends)
        )
    return pd.concat(frames, ignore_index=True)


def covers(rows):
    return (rows["lower"] <= rows["truth"]) & (rows["truth"] <= rows["upper"])


def drawn(ax):
    """Return the segments, and whether they cover, from the bottom to the top."""
    covering, missing = ax.collections
    segments = np.concatenate(
        [np.reshape(part.get_segments(), (-1, 2, 2)) for part in (covering, missing)]
    )
    covered = np.repeat(
        [True, False], [len(part.get_segments()) for part in (covering, missing)]
    )
    loop = np.argsort(segments[:, 0, 1], kind="stable")
    return segments[loop], covered[loop]


def levels(ax):
    """Return the heights of the horizontal lines, the nominal level first."""
    lines = [line for line in ax.lines if list(line.get_xdata()) == [0.0, 1.0]]
    return [line.get_ydata()[0] for line in lines]


def test_intervals_are_drawn_relative_to_the_truth_in_their_order():
    rows = make_rows(["lasso"], 40)
    (ax,) = zip_plot(rows, label="slope", level=0.95)
    segments, covered = drawn(ax)
    half = 0.5 * (rows["upper"] - rows["lower"])
    loop = np.argsort(np.abs(rows["estimate"] - rows["truth"]) / half)
    for end, name in enumerate(["lower", "upper"]):
        assert_allclose(segments[:, end, 0], (rows[name] - rows["truth"])[loop])
        assert_allclose(segments[:, end, 1], 100.0 * (np.arange(40) + 0.5) / 40)
    assert_array_equal(covered, covers(rows)[loop])
    assert ax.get_xlabel() == "slope\nminus the truth"
    assert ax.get_ylabel() == "fractional centile (%)"
    assert ax.get_ylim() == (0.0, 100.0)


def test_the_colour_changes_at_the_coverage_whose_interval_is_marked():
    rows = make_rows(METHODS, 200)
    axes = zip_plot(rows, label="slope", level=0.9)
    assert axes.shape == (3,)
    for ax, method in zip(axes, METHODS, strict=True):
        p = covers(rows[rows["method"] == method]).mean()
        _, covered = drawn(ax)
        assert 0.5 < p < 1.0
        assert_array_equal(covered, np.arange(200) < round(200 * p))
        reach = 1.96 * math.sqrt(p * (1 - p) / 200)
        assert_allclose(levels(ax), [90.0, 100 * (p - reach), 100 * (p + reach)])
        *name, coverage = ax.get_title().split("\n")
        assert " ".join(name) == method
        assert coverage == f"{100 * p:.1f} % of 200 cover"
        assert ax.get_xlim() == axes[0].get_xlim()


def test_the_legend_says_what_is_what_once():
    axes = zip_plot(make_rows(METHODS[:2], 50), label="slope", level=0.9)
    assert axes[0].get_legend() is None
    assert legend(axes[1]) == [
        "covers the truth",
        "misses the truth",
        "nominal, 90 %",
        "coverage,\n95 % Monte Carlo interval",
    ]
    covering, missing, *_ = axes[1].get_legend().get_lines()
    for line, part in zip((covering, missing), axes[1].collections, strict=True):
        assert to_rgba(line.get_color()) == tuple(part.get_color()[0])


def test_the_interval_of_the_coverage_stays_on_the_axis():
    rows = make_rows(["lasso"], 20)
    rows.loc[covers(rows)[lambda x: ~x].index[1:], ["lower", "upper"]] = -9.0, 9.0
    (ax,) = zip_plot(rows, label="slope", level=0.95)
    assert covers(rows).sum() == 19
    assert levels(ax)[2] == 100.0


def test_replications_without_an_interval_are_left_out():
    rows = make_rows(METHODS[:2], 10)
    rows.loc[3, "lower"] = math.nan
    rows.loc[10:, "estimate"] = math.nan
    one, other = zip_plot(rows, label="slope", level=0.95)
    assert len(drawn(one)[0]) == 9
    assert one.get_title().endswith("of 9 cover")
    assert other.get_title() == "MCP\nno interval"
    assert levels(other) == [95.0]
    with pytest.raises(ValueError, match="rows has no interval"):
        zip_plot(rows[10:], label="slope", level=0.95)
    with pytest.raises(ValueError, match="rows has no interval"):
        zip_plot(rows[:0], label="slope", level=0.95)


def test_infinite_ends_reach_the_edge_and_the_order_remains():
    rows = pd.DataFrame(
        {
            "method": "lasso",
            "estimate": [0.5, 0.2, 0.0, 3.0, 1.0],
            "truth": 0.0,
            "lower": [-math.inf, -0.1, -1.0, 2.0, 1.0],
            "upper": [math.inf, 0.5, 1.0, math.inf, 1.0],
        }
    )
    (ax,) = zip_plot(rows, label="slope", level=0.95)
    ax.figure.draw_without_rendering()
    segments, covered = drawn(ax)
    assert_array_equal(covered, [True, True, True, False, False])
    low, high = ax.get_xlim()
    assert -2.0 < low < -1.0
    assert 2.0 < high < 3.0
    # Distances 0 and 0, by their order; 2 / 3; not covered: 0, and no width but what is drawn.
    dot = 1.0 - 0.002 * (high - low), 1.0 + 0.002 * (high - low)
    assert_allclose(
        segments[:, :, 0], [[low, high], [-1.0, 1.0], [-0.1, 0.5], [2.0, high], dot]
    )
    rows[["lower", "upper"]] = -math.inf, math.inf
    (ax,) = zip_plot(rows, label="slope", level=0.95)
    assert ax.get_xlim() == (-1.0, 1.0)


def test_five_panels_are_two_rows_each_labelled_below_and_beside():
    rows = make_rows([f"method {k}" for k in range(5)], 30)
    axes = zip_plot(rows, label="slope", level=0.95)
    assert axes.shape == (5,)
    assert list(axes[0].figure.axes) == list(axes)
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, False, True, True, True]
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False, True, False]
    assert [ax.get_legend() is not None for ax in axes] == [False, False, True, False, False]
    axes[0].figure.draw_without_rendering()
    shown = [any(label.get_visible() for label in ax.get_xticklabels()) for ax in axes]
    assert shown == [False, False, True, True, True]


def test_given_panels_are_used_and_must_be_as_many_as_methods():
    from matplotlib import pyplot as plt

    figure, grid = plt.subplots(1, 2, sharex=True, sharey=True, layout="constrained")
    rows = make_rows(METHODS[:2], 30)
    assert list(zip_plot(rows, label="slope", level=0.95, axes=grid)) == list(grid)
    assert plt.get_fignums() == [figure.number]
    one = rows[rows["method"] == "lasso"]
    assert zip_plot(one, label="slope", level=0.95, axes=plt.figure().subplots()).shape == (1,)
    with pytest.raises(ValueError, match=r"axes must be 1, one a method\. Got 2\."):
        zip_plot(one, label="slope", level=0.95, axes=grid)


def test_thousands_of_intervals_are_two_collections_a_panel():
    axes = zip_plot(make_rows(METHODS, 5000), label="slope", level=0.95)
    assert [len(ax.collections) for ax in axes] == [2, 2, 2]
    assert [len(drawn(ax)[0]) for ax in axes] == [5000] * 3
    assert all(part.get_rasterized() for ax in axes for part in ax.collections)


def test_intervals_without_width_can_be_seen():
    rows = pd.DataFrame(
        {"method": "wald", "estimate": 0.0, "truth": 1.0, "lower": 0.0, "upper": [0.0, 2.0]}
    )
    (ax,) = zip_plot(rows, label="mean", level=0.95)
    width = np.ptp(ax.get_xlim())
    (missed,) = ax.collections[1].get_segments()
    assert np.ptp(missed[:, 0]) == pytest.approx(0.004 * width)
    assert missed[:, 0].mean() == pytest.approx(-1.0)
