"""Lasso, MCP and SCAD across sample sizes, correlations and signals: a simulation study.

Each scenario is a study of its own, kept in a folder of its own, so that it gets as many
replications as it needs: a pilot tells how many bring the Monte Carlo standard error of the
mean logarithm of the prediction error, the relative error of its geometric mean, down to
`PRECISION`. The record holds, for each scenario, estimates with their Monte Carlo standard
errors, and the differences to the lasso on the same data.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import toeplitz

from benchmarks.measure import say
from benchmarks.record import Record, environment
from sparsestat import L1, MCP, SCAD, PenalizedRegressorCV, metrics
from sparsestat.datasets import make_sparse_regression
from sparsestat.simulation import Study, grid
from sparsestat.simulation import measures as m

__all__ = ["MEASURES", "METHODS", "REFERENCE", "SCENARIOS", "run"]

SEED = 2026
PILOT, MOST = 50, 500  # replications of the pilot, and at most
PRECISION = 0.04
N_ALPHAS, EPS, TOL = 30, 0.01, 1e-4

SCENARIOS = grid(
    n_samples=[60, 120, 240],
    n_features=200,
    n_nonzero=10,
    rho=[0.0, 0.5, 0.9],
    snr=[0.5, 2.0, 8.0],
)
SMOKE_SCENARIOS = grid(
    n_samples=[30, 60], n_features=40, n_nonzero=3, rho=[0.0, 0.9], snr=[2.0]
)
SMOKE_PILOT, SMOKE_MOST = 2, 3

REFERENCE = "lasso"
METHODS = {
    name: PenalizedRegressorCV(N_ALPHAS, eps=EPS, penalty=penalty, tol=TOL)
    for name, penalty in {
        REFERENCE: L1(),
        "MCP": MCP(gamma=3.0),
        "SCAD": SCAD(gamma=3.7),
    }.items()
}


class Sample(NamedTuple):
    """Data, and what the measures need of the truth."""

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray
    rho: float


def generate(
    n_samples: int,
    n_features: int,
    n_nonzero: int,
    rho: float,
    snr: float,
    random_state: np.random.Generator,
) -> Sample:
    """Draw a sample in which the correlation of features i and j is ``rho ** abs(i - j)``."""
    data = make_sparse_regression(
        n_samples, n_features, n_nonzero, rho=rho, snr=snr, random_state=random_state
    )
    return Sample(data.X, data.y, data.coef, rho)


def relative_risk(fit: Any, data: Sample) -> float:
    """Return the share of the signal's variance that a fit fails to predict in new rows.

    It is 0 for the true coefficients and 1 for no coefficients at all.
    """
    covariance = toeplitz(data.rho ** np.arange(data.coef.size))
    error = metrics.prediction_error(data.coef, fit.coef_, covariance=covariance)
    return error / float(data.coef @ covariance @ data.coef)


def log_risk(fit: Any, data: Sample) -> float:
    """Return the logarithm of the relative risk; its mean is that of a geometric mean."""
    return math.log(relative_risk(fit, data))


def at_end(fit: Any, data: Sample) -> bool:
    """Whether the strength chosen is the last one, so that the path may be too short."""
    return bool(fit.alpha_ == fit.alphas_[-1])


MEASURES = {
    "l2": m.l2_error,
    "risk": relative_risk,
    "log_risk": log_risk,
    "fdp": m.false_discovery_proportion,
    "recall": m.support_recall,
    "selected": m.n_selected,
    "at_end": at_end,
}


def run(options: Any) -> None:
    """Run the scenarios asked for; record each once it is done."""
    chosen = {name_of(s): s for s in (SMOKE_SCENARIOS if options.smoke else SCENARIOS)}
    unknown = sorted(set(options.only) - set(chosen))
    if unknown:
        raise SystemExit(f"unknown scenarios {unknown}; there are {list(chosen)}")
    record = Record(options.output / "lasso_mcp_scad.json")
    for name, scenario in chosen.items():
        if options.only and name not in options.only:
            continue
        if options.resume and name in record.entries:
            say(f"{name}: recorded already")
            continue
        entry = study(scenario, options)
        entry["environment"] = environment(options.command, ["joblib", "pyarrow"])
        record.add(name, entry)
        say(
            f"{name}: {entry['planned']} replications planned, {entry['replications']} run, "
            f"{entry['fit_seconds']:.0f} s of fits"
        )
    say(f"written: {record.path}")


def name_of(scenario: dict[str, Any]) -> str:
    """Return what tells a scenario from the others."""
    return "n{n_samples}-rho{rho:g}-snr{snr:g}".format(**scenario)


def study(scenario: dict[str, Any], options: Any) -> dict[str, Any]:
    """Plan and run one scenario, or go on with it; return its estimates."""
    pilot, most = (SMOKE_PILOT, SMOKE_MOST) if options.smoke else (PILOT, MOST)
    how = {
        "n_jobs": 1 if options.smoke else -1,
        "path": options.output / "simulations" / "lasso_mcp_scad" / name_of(scenario),
        "on_change": "rerun",  # the record is of the present code alone
    }
    plan = Study(
        name=name_of(scenario),
        scenarios=[scenario],
        generate=generate,
        methods=METHODS,
        measures=MEASURES,
        replications=pilot,
        seed=SEED,
    )
    planned = plan.run(**how).replications_for("log_risk", PRECISION)
    replications = min(max(planned, pilot), most)
    results = replace(plan, replications=replications).run(**how)
    differences = [results.compare(name, REFERENCE) for name in METHODS if name != REFERENCE]
    return {
        "scenario": scenario,
        "seed": SEED,
        "replications": replications,
        "planned": planned,
        "failed": len(results.failures),
        "warned": int((results.frame["warning"] != "").sum()),
        "fit_seconds": round(float(results.frame["seconds"].sum()), 1),
        "methods": nested(results.summary()),
        "differences": nested(pd.concat(differences)),
    }


def nested(table: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """Return estimates and their standard errors by method and measure."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in table.itertuples():
        values = [_rounded(row.estimate), _rounded(row.mcse)]
        found.setdefault(row.method, {})[row.measure] = values
    return found


def _rounded(value: float) -> float:
    """Keep five figures: the Monte Carlo errors are larger than that."""
    return float(f"{value:.5g}")
