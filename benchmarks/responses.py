"""Responses drawn from a sparse linear signal, one function for a loss."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator
from scipy import sparse

from benchmarks.loss import GAMMA, HUBER, LOGISTIC, MEDIAN, POISSON, SQUARED, UPPER_QUANTILE
from benchmarks.survival import BRESLOW, EFRON

__all__ = ["RESPONSES", "SNR", "classes", "labels", "respond", "signal"]

SNR = 3.0


def respond(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Draw a response from a few columns, of mean zero and variance one."""
    effect = signal(X, n_nonzero, rng)
    y = effect + rng.standard_normal(X.shape[0]) * effect.std() / np.sqrt(SNR)
    return (y - y.mean()) / y.std()


def labels(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Draw labels by a logistic model with a few columns and two classes of like size."""
    effect = signal(X, n_nonzero, rng)
    # The label says whether signal and logistic noise, of variance pi^2 / 3, are positive.
    effect *= np.sqrt(SNR) * np.pi / np.sqrt(3) / effect.std()
    return (effect - effect.mean() + rng.logistic(size=effect.size) > 0).astype(float)


def counts(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Draw counts whose means have logarithms of mean zero and variance one."""
    return rng.poisson(np.exp(standard_signal(X, n_nonzero, rng))).astype(float)


def amounts(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Draw from gamma distributions of shape 2, the means as those of `counts`."""
    return np.exp(standard_signal(X, n_nonzero, rng)) * rng.gamma(2.0, 0.5, X.shape[0])


def with_outliers(X, n_nonzero: int, rng: Generator, quantile: float = 0.5) -> np.ndarray:
    """Draw with noise of Student's t, 2 degrees of freedom: its variance is infinite.

    It has quantile zero.
    """
    noise = rng.standard_t(2, X.shape[0])
    noise -= np.quantile(noise, quantile)
    return np.sqrt(SNR) * standard_signal(X, n_nonzero, rng) + noise


def lifetimes(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Draw exponential times of proportional hazards, about a third of them censored."""
    time = rng.exponential(np.exp(-standard_signal(X, n_nonzero, rng)))
    censored = rng.exponential(2.0, X.shape[0])
    y = np.empty(X.shape[0], dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = time <= censored, np.minimum(time, censored)
    return y


def tied_lifetimes(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Round such times up, so that about five are alike."""
    y = lifetimes(X, n_nonzero, rng)
    marks = np.sort(y["time"])[4::5]
    marks[-1] = y["time"].max()
    y["time"] = marks[np.searchsorted(marks, y["time"])]
    return y


def classes(X, n_nonzero: int, n_classes: int, rng: Generator) -> np.ndarray:
    """Draw classes, each with a few columns of its own: 1 for the class of a row, else 0."""
    signals = [standard_signal(X, n_nonzero, rng) for _ in range(n_classes)]
    # The class is that of the largest sum of signal and Gumbel noise, of variance pi^2 / 6.
    scores = np.sqrt(SNR) * np.pi / np.sqrt(6) * np.column_stack(signals)
    winners = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    return np.eye(n_classes)[winners]


def standard_signal(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    effect = signal(X, n_nonzero, rng)
    return (effect - effect.mean()) / effect.std()


def signal(X, n_nonzero: int, rng: Generator) -> np.ndarray:
    """Add up a few columns with random coefficients."""
    occupied = np.diff(X.indptr) > 0 if sparse.issparse(X) else np.ones(X.shape[1], bool)
    coef = np.zeros(X.shape[1])
    support = rng.choice(np.flatnonzero(occupied), n_nonzero, replace=False)
    coef[support] = rng.choice([-1.0, 1.0], n_nonzero) * rng.uniform(0.5, 1.5, n_nonzero)
    return X @ coef


# By the name of the loss
RESPONSES: dict[str, Callable] = {
    SQUARED.name: respond,
    LOGISTIC.name: labels,
    POISSON.name: counts,
    GAMMA.name: amounts,
    HUBER.name: with_outliers,
    MEDIAN.name: with_outliers,
    UPPER_QUANTILE.name: partial(with_outliers, quantile=UPPER_QUANTILE.level),
    BRESLOW.name: lifetimes,
    EFRON.name: tied_lifetimes,
}
