"""Tables say what the summary says, in as many digits as its errors allow."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsestat.simulation._tables import (
    format_estimate,
    keys,
    spell,
    to_latex,
    to_markdown,
    varying,
)

COLUMNS = ["method", "measure", "estimate", "mcse", "n", "n_failed"]
NUMBER = r"-?\d+(?:\.(?P<{}>\d+))?(?:e(?P<{}>-?\d+))?"


@pytest.fixture
def summary():
    rows = [
        (100, "t3", 1, "lasso", "bias", -0.01234, 0.0021, 50, 0),
        (100, "t3", 1, "lasso", "coverage", 0.94, 0.0336, 50, 0),
        (100, "t3", 1, "mcp_a", "bias", math.nan, math.nan, 0, 50),
        (100, "t3", 1, "mcp_a", "coverage", math.nan, math.nan, 0, 49),
        (200, "t3", 1, "lasso", "bias", 0.5, 0.0, 50, 0),
        (200, "t3", 1, "lasso", "coverage", 1.0, 0.0, 50, 0),
        (200, "t3", 1, "mcp_a", "bias", 2.34e7, 5.6e5, 47, 3),
        (200, "t3", 1, "mcp_a", "coverage", 0.25, math.nan, 1, 7),
    ]
    return pd.DataFrame(rows, columns=["n_samples", "noise", "rho", *COLUMNS])


FIELDS = ["n_samples", "noise", "rho"]


def cells(markdown):
    lines = markdown.splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def one(**values):
    row = {
        "method": "lasso",
        "measure": "bias",
        "estimate": 0.5,
        "mcse": 0.1,
        "n": 5,
        "n_failed": 0,
    }
    return pd.DataFrame([row | values])


# --- Numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimate", "mcse", "expected"),
    [
        (0.94713, 0.00708, "0.9471 (0.0071)"),
        (-1.0, 0.25, "-1.00 (0.25)"),
        (12.3456, 1.04, "12.3 (1.0)"),
        (0.5, 0.0996, "0.50 (0.10)"),  # rounding adds a digit
        (98.7, 9.96, "99 (10)"),
        (123.4, 12.0, "123 (12)"),
        (-0.001, 0.12, "0.00 (0.12)"),
        (-4.0, 99.6, "0 (100)"),
        (56789.0, 1234.0, "56800 (1200)"),
        (1234567.0, 0.5, "1234567.00 (0.50)"),
        (1.2345e12, 3.4e9, "1.2345e12 (0.0034e12)"),
        (5.0, 4.2e8, "0.0e8 (4.2e8)"),
        (0.0, 0.0123, "0.000 (0.012)"),
        (0.0, 1.2e-7, "0.0e-7 (1.2e-7)"),
        (2.3e-5, 1.2e-6, "2.30e-5 (0.12e-5)"),
        (0.25, 1.5e-6, "0.2500000 (0.0000015)"),
        (1.0, 0.0, "1"),
        (-0.0, 0.0, "0"),
        (-0.25, 0.0, "-0.25"),
        (1 / 3, 0.0, "0.333333"),
        (0.1, 1e-18, "0.1"),  # the rounding error of a constant
        (12345.0, 0.0, "12345"),
        (1e6, 0.0, "1e6"),
        (2.34567, math.nan, "2.35"),
        (0.0, math.nan, "0"),
        (1234.0, math.nan, "1230"),
        (-1.234e-5, math.nan, "-1.23e-5"),
        (0.5, math.inf, "0.500"),
        (math.nan, math.nan, "-"),
        (math.nan, 0.1, "-"),
        (-math.inf, math.nan, "-inf"),
        (np.int64(3), np.float64(0.5), "3.00 (0.50)"),
    ],
)
def test_estimates_are_rounded_by_their_errors(estimate, mcse, expected):
    assert format_estimate(estimate, mcse) == expected


def last_place(decimals, power):
    return 10.0 ** (int(power or 0) - len(decimals or ""))


@given(
    st.floats(-1e15, 1e15) | st.floats(-10.0, 10.0),
    st.integers(100, 999).map(lambda x: x / 100.0),
    st.integers(-12, 12),
)
def test_what_is_written_is_within_half_a_unit_of_the_last_place(estimate, leading, power):
    mcse = leading * 10.0**power
    written = format_estimate(estimate, mcse)
    if mcse <= 1e-12 * abs(estimate):
        assert float(written) == pytest.approx(estimate, rel=1e-5)
        return
    found = re.fullmatch(rf"({NUMBER}) \(({NUMBER})\)".format("a", "b", "c", "d"), written)
    first, second = written.rstrip(")").split(" (")
    unit = last_place(found["a"], found["b"])
    assert unit == last_place(found["c"], found["d"])
    if unit == 1.0 and found["b"] is None and mcse >= 99.5:  # zeros before the point
        unit = 10.0 ** (math.floor(math.log10(float(second))) - 1)
    assert abs(float(first) - estimate) <= 0.5 * unit * (1.0 + 1e-9) + 1e-15 * abs(estimate)
    assert abs(float(second) - mcse) <= 0.5 * unit * (1.0 + 1e-9)
    assert 10 <= round(float(second) / unit) <= 99
    assert not (first.startswith("-") and float(first) == 0.0)


@given(st.floats(-1e12, 1e12).filter(lambda x: abs(x) > 1e-300))
def test_estimates_that_stand_alone_have_enough_digits(estimate):
    assert float(format_estimate(estimate, 0.0)) == pytest.approx(estimate, rel=5.1e-6)
    assert float(format_estimate(estimate, math.nan)) == pytest.approx(estimate, rel=5.1e-3)


# --- Scenarios -------------------------------------------------------------------------


def test_values_are_spelled_as_people_write_them():
    values = [100, 100.0, 0.1 + 0.2, True, None, "t3", (1, 0.5, "a")]
    expected = ["100", "100", "0.3", "True", "None", "t3", "(1, 0.5, a)"]
    assert [spell(value) for value in values] == expected


def test_none_is_none_whatever_pandas_makes_of_it():
    table = pd.DataFrame({"max_iter": [10, None, 20], "noise": ["t3", None, "t3"]})
    assert keys(table, ["max_iter", "noise"]) == [(10, "t3"), (None, None), (20, "t3")]
    assert keys(table, []) == [(), (), ()]
    assert varying(table[:1], ["max_iter", "noise"]) == []
    assert varying(table[::2], ["max_iter", "noise"]) == ["max_iter"]


# --- Markdown --------------------------------------------------------------------------


def test_markdown_has_a_line_for_each_scenario_and_method(summary):
    assert cells(to_markdown(summary, FIELDS)) == [
        ["n_samples", "method", "bias", "coverage", "failed"],
        ["----------:|--------|------------------:|--------------:|-------:"],
        ["100", "lasso", "-0.0123 (0.0021)", "0.940 (0.034)", "0"],
        ["", "mcp_a", "-", "-", "50"],
        ["200", "lasso", "0.5", "1", "0"],
        ["", "mcp_a", "2.340e7 (0.056e7)", "0.250", "7"],
    ]


def test_lines_of_markdown_are_aligned(summary):
    lines = to_markdown(summary, FIELDS).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert all(line.startswith("|") and line.endswith("|") for line in lines)
    bars = {tuple(i for i, letter in enumerate(line) if letter == "|") for line in lines}
    assert len(bars) == 1


def test_failures_are_shown_where_there_are_any(summary):
    summary.loc[summary["measure"] == "bias", "n_failed"] = 0
    table = cells(to_markdown(summary[summary["measure"] == "bias"], FIELDS))
    assert table[0] == ["n_samples", "method", "bias"]
    table = cells(to_markdown(summary, FIELDS))
    assert table[0] == ["n_samples", "method", "bias", "coverage", "failed"]
    assert [line[-1] for line in table[2:]] == ["0", "49", "0", "7"]


def test_a_measure_that_a_method_lacks_is_a_dash_and_rows_stay_in_order(summary):
    without = summary.drop(index=4).sort_values("measure", kind="stable")
    assert cells(to_markdown(without, FIELDS))[4:] == [
        ["200", "lasso", "-", "1", "0"],
        ["", "mcp_a", "2.340e7 (0.056e7)", "0.250", "7"],
    ]


def test_pipes_in_names_are_escaped():
    assert to_markdown(one(method="a|b", measure="E|x|"), []).splitlines() == [
        r"| method |      E\|x\| |",
        r"|--------|------------:|",
        r"| a\|b   | 0.50 (0.10) |",
    ]


# --- LaTeX -----------------------------------------------------------------------------


def test_latex_is_a_tabular_with_rules(summary):
    assert to_latex(summary, FIELDS).splitlines() == [
        r"\begin{tabular}{rlrrr}",
        r"\toprule",
        r"n\_samples & method & bias & coverage & failed \\",
        r"\midrule",
        r"100 & lasso & $-0.0123$ (0.0021) & 0.940 (0.034) & 0 \\",
        r" & mcp\_a & -- & -- & 50 \\",
        r"\addlinespace",
        r"200 & lasso & 0.5 & 1 & 0 \\",
        r" & mcp\_a & $2.340 \times 10^{7}$ ($0.056 \times 10^{7}$) & 0.250 & 7 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (r"a_b%c&d#e$f{g}h", r"a\_b\%c\&d\#e\$f\{g\}h"),
        ("a~b^c\\d", r"a\textasciitilde{}b\textasciicircum{}c\textbackslash{}d"),
        ("a<b>c|d", r"a\textless{}b\textgreater{}c\textbar{}d"),
        ("[2mm]", "{[}2mm]"),
        ("*", "{*}"),
        ("two\nlines", "two lines"),
    ],
)
def test_latex_names_are_escaped(name, expected):
    lines = to_latex(one(method=name, measure=name), []).splitlines()
    assert lines[2] == rf"method & {expected} \\"
    assert lines[4] == rf"{expected} & 0.50 (0.10) \\"


def test_latex_fields_with_numbers_are_set_as_numbers():
    table = pd.concat([one(alpha=-0.5, noise="-x"), one(alpha=1e-7, noise="1e5")])
    lines = to_latex(table, ["alpha", "noise"]).splitlines()
    assert lines[0] == r"\begin{tabular}{rllr}"
    assert lines[4] == r"$-0.5$ & -x & lasso & 0.50 (0.10) \\"
    assert lines[5] == r"$1 \times 10^{-7}$ & 1e5 & lasso & 0.50 (0.10) \\"
    assert r"$-\infty$" in to_latex(one(estimate=-math.inf), [])


def test_truth_values_are_no_numbers():
    table = pd.concat([one(scaled=True), one(scaled=False)])
    assert to_latex(table, ["scaled"]).startswith(r"\begin{tabular}{llr}")


@pytest.mark.parametrize("write", [to_markdown, to_latex])
def test_an_empty_summary_is_refused(write, summary):
    with pytest.raises(ValueError, match="summary has no rows"):
        write(summary[:0], FIELDS)
