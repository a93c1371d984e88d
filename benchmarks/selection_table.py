"""The tables of the selection benchmark, as headers and rows."""

import math
from collections.abc import Callable
from typing import Any

from benchmarks.selection import BEST_F1, BEST_PREDICTION, MEASURES, RULES

__all__ = ["by_scenario", "overview"]

Table = tuple[list[str], list[list[str]]]

TITLES = {
    "f1": "F1",
    "fdp": "false discoveries",
    "recall": "recall",
    "selected": "selected",
    "error": "prediction error",
}
FORMS = {"selected": ".1f", "error": ".3f"}
# Whether more is better, for the measures that have a table of their own
BEST: dict[str, Callable] = {"f1": max, "error": min}


def overview(entries: dict[str, Any]) -> Table:
    """One row a group of scenarios, penalty and rule: every measure.

    Scenarios with the same response and shape are averaged. They are independent, so that
    the squares of their standard errors add up.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in entries.values():
        scenario = entry["scenario"]
        sizes = f"{scenario['n_samples']} x {scenario['n_features']}"
        groups.setdefault(f"{scenario['response']}, {sizes}", []).append(entry)
    body = []
    for group, members in groups.items():
        for penalty in members[0]["penalties"]:
            for rule in RULES:
                results = [member["penalties"][penalty][rule] for member in members]
                cells = [_cell(m, *_average([r[m] for r in results])) for m in MEASURES]
                body.append([group, penalty, rule, *cells])
    return ["data", "penalty", "rule", *(TITLES[m] for m in MEASURES)], body


def by_scenario(entries: dict[str, Any], measure: str) -> Table:
    """One row a scenario and penalty: a measure under each rule, the best in bold."""
    bound = {"f1": BEST_F1, "error": BEST_PREDICTION}[measure]
    rules = [rule for rule in RULES if rule not in (BEST_F1, BEST_PREDICTION)]
    body = []
    for name, entry in entries.items():
        for penalty, results in entry["penalties"].items():
            values = {rule: results[rule][measure] for rule in [*rules, bound]}
            best = BEST[measure](values[rule][0] for rule in rules)
            cells = [
                _cell(measure, *values[rule], bold=rule != bound and values[rule][0] == best)
                for rule in values
            ]
            body.append([name, penalty, *cells])
    return ["scenario", "penalty", *rules, bound], body


def _average(values: list[list[float]]) -> tuple[float, float]:
    """Average independent means; return it and its standard error."""
    means, errors = zip(*values, strict=True)
    return sum(means) / len(means), math.hypot(*errors) / len(errors)


def _cell(measure: str, mean: float, error: float, bold: bool = False) -> str:
    form = FORMS.get(measure, ".2f")
    shown = f"{mean:{form}}"
    return f"{f'**{shown}**' if bold else shown} ({error:{form}})"
