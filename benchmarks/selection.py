"""Choosing the strength: information criteria and cross-validation on known truths.

Every scenario is replicated; in each replication all rules choose from the same paths on
the same data. The record holds means over replications with their Monte Carlo standard
errors, the standard deviation over the root of the number of replications.
"""

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from scipy.special import expit, log_expit

from benchmarks.measure import say
from benchmarks.record import Record, environment
from sparsestat import L1, MCP, PenalizedClassifierCV, PenalizedRegressorCV, metrics
from sparsestat.datasets import make_sparse_regression

__all__ = [
    "BEST_F1",
    "BEST_PREDICTION",
    "MEASURES",
    "PENALTIES",
    "RULES",
    "SCENARIOS",
    "Scenario",
    "replicate",
    "run",
]

SEED = 2026
REPLICATIONS, SMOKE_REPLICATIONS = 60, 2
N_FRESH = 1000  # rows to predict, so many that their choice adds little to the errors
N_NONZERO = 6
N_ALPHAS = 50
TOL = 1e-4

CRITERIA = {"AIC": "aic", "BIC": "bic", "EBIC": "ebic"}
MINIMUM, ONE_SE = "CV, min", "CV, one_se"
# What nobody can do who does not know the truth: bounds for every rule on these paths
BEST_F1, BEST_PREDICTION = "best F1", "best prediction"
RULES = (*CRITERIA, MINIMUM, ONE_SE, BEST_F1, BEST_PREDICTION)
MEASURES = ("f1", "fdp", "recall", "selected", "error")

PENALTIES: dict[str, Callable[[str], Any]] = {
    "lasso": lambda response: L1(),
    # As the estimators take it by default
    "MCP": lambda response: MCP(gamma=3.0, adaptive=response == "logistic"),
}


@dataclass(frozen=True)
class Scenario:
    """How data are drawn.

    Parameters
    ----------
    response : {"gaussian", "logistic"}
    n_samples, n_features : int
    rho : float
        Correlation of neighbouring features.
    snr : float
        Variance of the signal over that of the noise.
    strong : bool
        Whether this is the stronger of the two signals.
    """

    response: str
    n_samples: int
    n_features: int
    rho: float
    snr: float
    strong: bool

    @property
    def name(self) -> str:
        """What tells it from the others."""
        shape = "wide" if self.n_samples < self.n_features else "tall"
        signal = "strong" if self.strong else "weak"
        return f"{self.response}-{shape}-{self.rho:g}-{signal}"

    @property
    def eps(self) -> float:
        """The last strength over the first, as the documentation recommends."""
        return 0.05 if self.n_samples < self.n_features else 1e-3

    def smoke(self) -> "Scenario":
        """Return the same with little data."""
        if self.n_samples < self.n_features:
            return replace(self, n_samples=40, n_features=60)
        return replace(self, n_samples=60, n_features=12)

    def generator(self, replication: int) -> np.random.Generator:
        """Return the random numbers of a replication.

        They depend on the scenario and the number of the replication alone, not on what
        else is run or in which order.
        """
        identity = json.dumps(asdict(self), sort_keys=True).encode()
        words = np.frombuffer(hashlib.sha256(identity).digest()[:16], dtype="<u4")
        key = (*map(int, words), replication)
        return np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=key))

    def draw(self, replication: int) -> "Sample":
        """Draw the data of a replication, and fresh rows."""
        n = self.n_samples
        data = make_sparse_regression(
            n + N_FRESH,
            self.n_features,
            N_NONZERO,
            rho=self.rho,
            snr=self.snr,
            response=self.response,
            random_state=self.generator(replication),
        )
        X, fresh = np.asfortranarray(data.X[:n]), data.X[n:]
        return Sample(X, data.y[:n], data.coef, fresh, fresh @ data.coef, data.noise_variance)


@dataclass(frozen=True)
class Sample:
    """Data to fit, the true coefficients, and fresh rows with their true predictors."""

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray
    fresh: np.ndarray
    predictor: np.ndarray
    noise_variance: float


SCENARIOS = tuple(
    Scenario(response, n_samples, n_features, rho, snr, strong)
    for (response, shapes, snrs), rho in product(
        (
            ("gaussian", ((100, 300), (200, 40)), (4.0, 0.5)),
            ("logistic", ((200, 400), (400, 40)), (2.0, 0.5)),
        ),
        (0.0, 0.7),
    )
    for (n_samples, n_features), (snr, strong) in product(
        shapes, zip(snrs, (True, False), strict=True)
    )
)


def run(options: Any) -> None:
    """Replicate the scenarios asked for; record each once it is done."""
    names = [scenario.name for scenario in SCENARIOS]
    unknown = sorted(set(options.only) - set(names))
    if unknown:
        raise SystemExit(f"unknown scenarios {unknown}; there are {names}")
    record = Record(options.output / "selection.json")
    for scenario in SCENARIOS:
        if options.only and scenario.name not in options.only:
            continue
        if options.resume and scenario.name in record.entries:
            say(f"{scenario.name}: recorded already")
            continue
        start = time.process_time()
        if options.smoke:
            entry = study(scenario.smoke(), SMOKE_REPLICATIONS)
        else:
            entry = study(scenario, REPLICATIONS)
        seconds = time.process_time() - start
        say(f"{scenario.name}: {entry['replications']} replications, {seconds:.0f} s")
        entry["environment"] = environment(options.command, [])
        record.add(scenario.name, entry)
    say(f"written: {record.path}")


def study(scenario: Scenario, replications: int) -> dict[str, Any]:
    """Return means and their Monte Carlo standard errors by penalty, rule and measure."""
    results, n_warned = [], 0
    for replication in range(replications):
        values, warned = replicate(scenario, replication)
        results.append(values)
        n_warned += warned
    means = np.mean(results, axis=0)  # (penalty, rule, measure)
    errors = np.std(results, axis=0, ddof=1) / math.sqrt(replications)
    summary = {
        penalty: {
            rule: {
                measure: [_rounded(means[i, j, k]), _rounded(errors[i, j, k])]
                for k, measure in enumerate(MEASURES)
            }
            for j, rule in enumerate(RULES)
        }
        for i, penalty in enumerate(PENALTIES)
    }
    return {
        "scenario": {**asdict(scenario), "n_nonzero": N_NONZERO, "eps": scenario.eps},
        "seed": SEED,
        "replications": replications,
        "replications_with_warnings": n_warned,
        "penalties": summary,
    }


def replicate(scenario: Scenario, replication: int) -> tuple[np.ndarray, bool]:
    """Return the measures, (penalties, rules, measures), and whether a fit warned."""
    sample = scenario.draw(replication)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = [
            compare(scenario, sample, make(scenario.response)) for make in PENALTIES.values()
        ]
    return np.array(values), bool(caught)


def compare(scenario: Scenario, sample: Sample, penalty: Any) -> np.ndarray:
    """Return the measures of what every rule chooses, (rules, measures)."""
    estimator = (
        PenalizedClassifierCV if scenario.response == "logistic" else PenalizedRegressorCV
    )
    settings = {"alphas": N_ALPHAS, "eps": scenario.eps, "penalty": penalty, "tol": TOL}
    chosen = {}
    for rule, criterion in CRITERIA.items():
        model = estimator(criterion=criterion, **settings).fit(sample.X, sample.y)
        chosen[rule] = position(model)
    model = estimator(criterion="cv", **settings).fit(sample.X, sample.y)
    chosen[MINIMUM], chosen[ONE_SE] = position(model), one_standard_error(model)
    # All of them have chosen from this path.
    path = measures(scenario, sample, model.path_)
    finite = model.path_.finite
    f1, error = path[:, MEASURES.index("f1")], path[:, MEASURES.index("error")]
    chosen[BEST_F1] = int(np.argmax(np.where(finite, f1, -np.inf)))
    chosen[BEST_PREDICTION] = int(np.argmin(np.where(finite, error, np.inf)))
    return path[[chosen[rule] for rule in RULES]]


def position(model: Any) -> int:
    """Return where on the path the chosen strength is."""
    return int(np.flatnonzero(model.alphas_ == model.alpha_)[0])


def one_standard_error(model: Any) -> int:
    """Return where ``selection="one_se"`` would have stopped: its folds are the same."""
    scores = model.cv_results_
    best = position(model)
    enough = scores["mean_test_score"][best] - scores["standard_error"][best]
    good = (scores["mean_test_score"] >= enough) & model.path_.finite
    return int(np.flatnonzero(good)[0])


def measures(scenario: Scenario, sample: Sample, path: Any) -> np.ndarray:
    """Return the measures at every strength, (strengths, measures)."""
    predictors = path.predict(sample.fresh)
    if scenario.response == "logistic":
        errors = excess_log_loss(sample.predictor, predictors)
    else:
        squares = (predictors - sample.predictor[:, None]) ** 2
        errors = squares.mean(axis=0) / sample.noise_variance
    coefs = path.coefs.toarray().T
    return np.array(
        [
            [
                metrics.support_f1(sample.coef, coef),
                metrics.false_discovery_proportion(sample.coef, coef),
                metrics.support_recall(sample.coef, coef),
                np.count_nonzero(coef),
                error,
            ]
            for coef, error in zip(coefs, errors, strict=True)
        ]
    )


def excess_log_loss(truth: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    """Return the expected log-loss of predictors, (rows, strengths), over that of the truth.

    The labels of the fresh rows are averaged out: this is the mean Kullback-Leibler
    divergence, which is never negative and varies less than losses at labels drawn.
    """
    chance, truth = expit(truth)[:, None], truth[:, None]
    gained = chance * (log_expit(truth) - log_expit(predictors))
    gained += (1.0 - chance) * (log_expit(-truth) - log_expit(-predictors))
    return gained.mean(axis=0)


def _rounded(value: float) -> float:
    """Keep five figures: the Monte Carlo errors are larger than that."""
    return float(f"{value:.5g}")
