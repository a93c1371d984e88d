"""The tables of docs/benchmarks.md, written from the recorded results."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import (
    cox_peers,
    families_peers,
    lasso_mcp_scad_table,
    logistic_peers,
    multinomial_peers,
    peers,
    quantile_peers,
    selection_table,
)
from benchmarks.measure import OK, OVER_TIME
from benchmarks.peers import OURS
from benchmarks.record import Record

__all__ = ["TABLES", "render", "write"]

PATHS = {
    "path": peers,
    "logistic": logistic_peers,
    "families": families_peers,
    "cox": cox_peers,
    "multinomial": multinomial_peers,
    "quantile": quantile_peers,
}
ORDER = [name for module in PATHS.values() for name in module.SOLVERS]  # of columns
NOTHING = "No results are recorded yet.\n"


def write(document: Path, results: Path) -> None:
    """Put the tables between their markers in a document."""
    document.write_text(render(document.read_text("utf-8"), results), "utf-8")


def render(text: str, results: Path) -> str:
    """Return a document with the tables between its markers made anew."""
    for name, (source, make) in TABLES.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"the document has no markers for the table {name!r}")
        entries = Record(results / f"{source}.json").entries
        table = make(entries) if entries else NOTHING
        text = f"{head}{begin}\n{table}\n{end}{tail}"
    return text


def rows(header: Iterable[str], body: Iterable[Iterable[str]], left: int = 1) -> str:
    """Lay out a Markdown table, the first `left` columns to the left."""
    header = list(header)
    rule = [":--"] * left + ["--:"] * (len(header) - left)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [header, rule, *body])


def ratios(entries: dict[str, Any]) -> str:
    """One row a problem: how many times as long as ours each solver takes."""
    recorded = [name for entry in entries.values() for name in entry["solvers"]]
    names = [name for name in dict.fromkeys([*ORDER, *recorded]) if name in recorded]
    others = [name for name in names if name != OURS]
    header = ["problem", "n x p", f"{OURS}, s", "passes", *others]
    body = []
    for shape, entry in entries.items():
        ours = entry["solvers"][OURS]
        limit = entry["limit_seconds"]
        cells = [_ratio(entry["solvers"].get(name), ours, limit) for name in others]
        body.append([_label(shape, entry), _size(entry), *_own(ours), *cells])
    return rows(header, body)


def details(entries: dict[str, Any]) -> str:
    """One row a problem and solver: accuracy, times, ratios, passes."""
    header = ["problem", "solver", "tolerance", "reached", "seconds", "ratio", "passes"]
    body = []
    for shape, entry in entries.items():
        for name, result in entry["solvers"].items():
            body.append([_label(shape, entry), name, *_detail(result)])
    return rows(header, body, left=2)


def problems(entries: dict[str, Any]) -> str:
    """One row a problem: how its data are drawn."""
    header = ["problem", "design", "penalty", "n", "p", "path", "nonzeros at its end", "seed"]
    body = []
    for shape, entry in entries.items():
        d = entry["design"]
        nonzeros = entry["solvers"][OURS].get("nonzeros_last", "")
        penalty = "lasso" if d["gamma"] is None else f"MCP, gamma {d['gamma']:g}"
        path = f"{d['n_alphas']} to {d['smallest']:g}"
        level = f" {d['level']:g}" if d["level"] else ""
        design = f"{d['design'].replace('_', '-')}{level}"
        sizes = [f"{d['n_samples']}", f"{d['n_features']}"]
        cells = [design, penalty, *sizes, path, f"{nonzeros}", f"{d['seed']}"]
        body.append([_label(shape, entry), *cells])
    return rows(header, body, left=3)


def cold_start(entries: dict[str, Any]) -> str:
    """One row a case: CPU seconds over the imports."""
    (entry,) = entries.values()
    body = []
    for name, result in entry["cases"].items():
        seconds = result.get("seconds")
        cells = _spread(seconds, "{:.2f}") if seconds else result["status"]
        body.append([name, cells])
    return rows(["first fit", "CPU seconds over the imports"], body)


def study_overhead(entries: dict[str, Any]) -> str:
    """One row a way to run: overhead in fits and in microseconds a replication."""
    (entry,) = entries.values()
    body = []
    for case in entry["cases"].values():
        micro = {k: 1e6 * v for k, v in case["overhead"].items()}
        fits = _spread(case["overhead in fits"], "{:.2f}")
        body.append([case["what"], fits, _spread(micro, "{:.0f}")])
    return rows(["run as", "fits", "microseconds"], body)


def machine(entries: dict[str, Any]) -> str:
    """Name machine, versions and date of every result."""
    lines = {}
    for shape, entry in entries.items():
        e = entry["environment"]
        versions = ", ".join(f"{k} {v}" for k, v in e["versions"].items() if v)
        machine = f"{e['cpu']} ({e['cores']} cores), {e['system']}"
        line = f"{e['date']}, {machine}, Python {e['python']}, {versions}"
        lines.setdefault(line, []).append(shape)
    if len(lines) == 1:
        return "".join(f"{line}.\n" for line in lines)
    return "".join(f"- {', '.join(shapes)}: {line}.\n" for line, shapes in lines.items())


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    **{
        f"{source}{part}": (source, make)
        for source in PATHS
        for part, make in (
            ("", ratios),
            (" details", details),
            (" problems", problems),
            (" machine", machine),
        )
    },
    "selection": ("selection", lambda e: rows(*selection_table.overview(e), left=3)),
    "selection f1": (
        "selection",
        lambda e: rows(*selection_table.by_scenario(e, "f1"), left=2),
    ),
    "selection error": (
        "selection",
        lambda e: rows(*selection_table.by_scenario(e, "error"), left=2),
    ),
    "selection machine": ("selection", machine),
    "lasso_mcp_scad": (
        "lasso_mcp_scad",
        lambda e: rows(*lasso_mcp_scad_table.ratios(e), left=3),
    ),
    "lasso_mcp_scad details": (
        "lasso_mcp_scad",
        lambda e: rows(*lasso_mcp_scad_table.estimates(e), left=4),
    ),
    "lasso_mcp_scad machine": ("lasso_mcp_scad", machine),
    "study overhead": ("study_overhead", study_overhead),
    "study overhead machine": ("study_overhead", machine),
    "cold start": ("cold_start", cold_start),
    "cold start machine": ("cold_start", machine),
}


def _label(shape: str, entry: dict[str, Any]) -> str:
    return f"{shape} (held out)" if entry["design"]["held_out"] else shape


def _size(entry: dict[str, Any]) -> str:
    return f"{entry['design']['n_samples']} x {entry['design']['n_features']}"


def _own(ours: dict[str, Any]) -> list[str]:
    if ours["status"] != OK:
        return [ours["status"], ""]
    return [f"{ours['seconds']['median']:.3f}", f"{ours['passes']['median']:.0f}"]


def _ratio(result: dict[str, Any] | None, ours: dict[str, Any], limit: float) -> str:
    """Show a median ratio, a bound where the time limit was met, or what went wrong."""
    if result is None:
        return ""
    if result["status"] == OVER_TIME and ours["status"] == OK:
        return f"> {limit / ours['seconds']['median']:.0f}"
    if result["status"] != OK or ours["status"] != OK:
        return result["status"]
    return f"{result['ratio']['median']:.2f}"


def _detail(result: dict[str, Any]) -> list[str]:
    if result["status"] != OK:
        return [f"{result['status']}: {result['detail']}".rstrip(": "), "", "", "", ""]
    last = result["rungs"][-1]
    return [
        f"{last['tol']:.1e}",
        f"{last['reached']:.1e}",
        _spread(result["seconds"], "{:.3f}"),
        _spread(result["ratio"], "{:.2f}"),
        f"{result['passes']['median']:.0f}",
    ]


def _spread(values: dict[str, float] | None, form: str) -> str:
    if values is None:
        return ""
    low, high = form.format(values["min"]), form.format(values["max"])
    return f"{form.format(values['median'])} ({low} to {high})"
