"""Summaries of studies as tables for documents."""

import math
import re
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

__all__ = ["distinct", "format_estimate", "keys", "spell", "to_latex", "to_markdown", "varying"]

NOTHING = "-"
LARGEST, SMALLEST = 5, -4  # powers of ten that are written out
ROUNDOFF = 1e-12  # relative size of a standard error that is the rounding error of zero

NUMBER = re.compile(r"(-?)(inf|[\d.]+)(?:e([+-]?\d+))?")
LATEX = str.maketrans(
    {
        **{character: "\\" + character for character in "_%&#${}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # at the start of a line these two would belong to the \\ before
        "*": "{*}",
        "\n": " ",
    }
)
MARKDOWN = str.maketrans({"|": "\\|", "\n": " "})


# --- Scenarios -------------------------------------------------------------------------


def keys(table: Any, fields: Sequence[str]) -> list[tuple[Hashable, ...]]:
    """Return the scenario of each row, the values of its fields.

    pandas makes nan of None in some columns; no field of a scenario is nan, so it is undone.
    """
    columns = [
        [None if value != value else value for value in table[field].tolist()]
        for field in fields
    ]
    return list(zip(*columns, strict=True)) if columns else [()] * len(table)


def distinct(values: Iterable[Any]) -> list[Any]:
    """Return the values in the order in which they first appear."""
    return list(dict.fromkeys(values))


def varying(table: Any, fields: Sequence[str]) -> list[str]:
    """Return the fields with more than one value."""
    return [field for field in fields if len(set(keys(table, [field]))) > 1]


def spell(value: Any) -> str:
    """Return a value of a field, or a name, as people write it."""
    if isinstance(value, tuple):
        return "(" + ", ".join(spell(entry) for entry in value) + ")"
    if isinstance(value, float):
        return f"{value:.12g}"  # 0.3, even if it was computed
    return str(value)


# --- Numbers ---------------------------------------------------------------------------


def format_estimate(estimate: float, mcse: float) -> str:
    """Return an estimate and its Monte Carlo standard error, in as many digits as it allows.

    Parameters
    ----------
    estimate : float
        Without one there is a dash.
    mcse : float
        Rounded to two significant digits. If it is zero or not known, the estimate stands
        alone.

    Returns
    -------
    str

    Examples
    --------
    >>> from sparsestat.simulation._tables import format_estimate
    >>> format_estimate(0.94713, 0.00708)
    '0.9471 (0.0071)'
    """
    estimate, mcse = float(estimate), float(mcse)
    if math.isnan(estimate):
        return NOTHING
    if math.isinf(estimate):
        return f"{estimate:g}"
    if not math.isfinite(mcse):
        return _rounded(estimate, digits=3)
    if mcse <= ROUNDOFF * abs(estimate):
        return _exact(estimate)
    place = _exponent(mcse, digits=2) - 1
    top = max(place + 1, _exponent(estimate, digits=2) if estimate else place)
    return f"{_write(estimate, place, top)} ({_write(mcse, place, top)})"


def _exact(x: float) -> str:
    """Write six significant digits, or as few as there are."""
    return _rounded(x, next(k for k in range(1, 7) if k == 6 or float(f"{x:.{k - 1}e}") == x))


def _rounded(x: float, digits: int) -> str:
    top = _exponent(x, digits)
    return _write(x, top - digits + 1, top) if x else "0"


def _exponent(x: float, digits: int) -> int:
    """Return the power of ten of the first digit of a rounded number."""
    return int(f"{x:.{digits - 1}e}".partition("e")[2])


def _write(x: float, place: int, top: int) -> str:
    """Round to a multiple of 10**place, and split off 10**top from many zeros."""
    unit = Decimal(1).scaleb(place)
    rounded = (Decimal(x) / unit).to_integral_value() * unit + 0  # + 0 makes 0 of -0
    if (place > 0 and top > LARGEST) or top < SMALLEST:
        return f"{rounded.scaleb(-top):.{top - place}f}e{top}"
    return f"{rounded:.{max(-place, 0)}f}"


# --- Tables ----------------------------------------------------------------------------


class _Line(NamedTuple):
    """A scenario and method: `first` tells the first method of a scenario."""

    first: bool
    cells: list[str]


def to_markdown(summary: Any, fields: Sequence[str]) -> str:
    """Return a summary as a Markdown table, one line a scenario and method.

    Parameters
    ----------
    summary : DataFrame
        Columns `fields`, method, measure, estimate, mcse and n_failed.
    fields : sequence of str
        Those with one value only are left out.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is nothing to show.
    """
    header, lines, numeric = _contents(summary, fields)
    rows = [
        [cell.translate(MARKDOWN) for cell in cells]
        for cells in (header, *(line.cells for line in lines))
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [
        [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        for row in rows
    ]
    rule = [
        "-" * (width + 1) + (":" if right else "-")
        for width, right in zip(widths, numeric, strict=True)
    ]
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, f"|{'|'.join(rule)}|", *body, ""])


def to_latex(summary: Any, fields: Sequence[str]) -> str:
    """Return a summary as a LaTeX tabular, which needs the package booktabs.

    Parameters
    ----------
    summary, fields
        As in :func:`to_markdown`.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is nothing to show.
    """
    header, lines, numeric = _contents(summary, fields)
    several = len({line.first for line in lines}) > 1
    body: list[str] = []
    for line in lines:
        if body and line.first and several:
            body.append("\\addlinespace")
        cells = [
            _mathematics(cell) if right else _escape(cell)
            for cell, right in zip(line.cells, numeric, strict=True)
        ]
        body.append(" & ".join(cells) + r" \\")
    alignment = "".join("r" if right else "l" for right in numeric)
    head = " & ".join(map(_escape, header)) + r" \\"
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _contents(summary: Any, fields: Sequence[str]) -> tuple[list[str], list[_Line], list[bool]]:
    """Return the header, the lines, and which columns hold numbers.

    The fields of a scenario are written at its first method only.
    """
    if len(summary) == 0:
        raise ValueError("summary has no rows: there is nothing to show.")
    measures = distinct(summary["measure"])
    fields = varying(summary, fields)
    scenarios, methods = keys(summary, fields), distinct(summary["method"])
    cells, failed = _cells(summary, scenarios)
    any_failed = any(failed.values())
    lines = []
    for scenario in distinct(scenarios):
        names = [spell(value) for value in scenario]
        present = [method for method in methods if (scenario, method) in cells]
        for method in present:
            found = cells[scenario, method]
            line = [*names, spell(method), *(found.get(name, NOTHING) for name in measures)]
            if any_failed:
                line.append(str(failed[scenario, method]))
            lines.append(_Line(method == present[0], line))
            names = [""] * len(fields)
    header = [*map(spell, fields), "method", *measures, *["failed"] * any_failed]
    numeric = [all(map(_is_number, column)) for column in zip(*scenarios, strict=True)]
    return header, lines, [*numeric, False, *[True] * (len(measures) + any_failed)]


def _cells(summary: Any, scenarios: list[Any]) -> tuple[dict[Any, Any], dict[Any, int]]:
    """Return texts by measure, and numbers of failures, by scenario and method."""
    cells: dict[Any, Any] = {}
    failed: dict[Any, int] = {}
    columns = (summary[name] for name in ("method", "measure", "estimate", "mcse", "n_failed"))
    for scenario, method, measure, estimate, mcse, n_failed in zip(
        scenarios, *columns, strict=True
    ):
        row = scenario, method
        cells.setdefault(row, {})[measure] = format_estimate(estimate, mcse)
        failed[row] = max(failed.get(row, 0), int(n_failed))
    return cells, failed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _escape(text: str) -> str:
    return text.translate(LATEX)


def _mathematics(cell: str) -> str:
    """Set numbers so that minus signs and powers of ten are right."""
    return "--" if cell == NOTHING else NUMBER.sub(_number, cell)


def _number(match: re.Match[str]) -> str:
    sign, digits, power = match.groups()
    digits = digits.replace("inf", r"\infty")
    if power is not None:
        digits += rf" \times 10^{{{int(power)}}}"
    return digits if digits == match[0] else f"${sign}{digits}$"
