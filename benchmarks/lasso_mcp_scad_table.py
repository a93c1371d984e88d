"""The tables of the study of lasso, MCP and SCAD, as headers and rows."""

import math
from typing import Any

from benchmarks.lasso_mcp_scad import METHODS, REFERENCE

__all__ = ["estimates", "ratios"]

Table = tuple[list[str], list[list[str]]]

FIELDS = {"n_samples": "n", "rho": r"$\rho$", "snr": "SNR"}
TITLES = {
    "l2": "l2 error",
    "risk": "prediction error",
    "fdp": "false discoveries",
    "recall": "recall",
    "selected": "selected",
}
CLEAR = 2.0  # standard errors


def ratios(entries: dict[str, Any]) -> Table:
    """One row a scenario: the prediction error, and ratios of its geometric means.

    A ratio is in bold where its logarithm is more than two standard errors from 0.
    """
    others = [name for name in METHODS if name != REFERENCE]
    body = []
    for entry in entries.values():
        reference = _cell(*entry["methods"][REFERENCE]["risk"])
        differences = [entry["differences"][f"{name} - {REFERENCE}"] for name in others]
        cells = [_ratio(*difference["log_risk"]) for difference in differences]
        body.append([*_fields(entry), f"{entry['replications']}", reference, *cells])
    titles = [f"{name} / {REFERENCE}" for name in others]
    return [*FIELDS.values(), "replications", f"error of the {REFERENCE}", *titles], body


def estimates(entries: dict[str, Any]) -> Table:
    """One row a scenario and method: every measure."""
    body = [
        [*_fields(entry), method, *(_cell(*measures[name]) for name in TITLES)]
        for entry in entries.values()
        for method, measures in entry["methods"].items()
    ]
    return [*FIELDS.values(), "method", *TITLES.values()], body


def _fields(entry: dict[str, Any]) -> list[str]:
    return [f"{entry['scenario'][field]:g}" for field in FIELDS]


def _cell(estimate: float, error: float) -> str:
    """Show an estimate with as many places as two digits of its error have."""
    places = max(1 - math.floor(math.log10(error)), 0) if error > 0.0 else 2
    return f"{estimate:.{places}f} ({error:.{places}f})"


def _ratio(difference: float, error: float) -> str:
    """Show the exponential of a difference of logarithms, and its error by the delta method."""
    ratio = math.exp(difference)
    shown = f"{ratio:.2f}"
    if abs(difference) > CLEAR * error:
        shown = f"**{shown}**"
    return f"{shown} ({ratio * error:.2f})"
