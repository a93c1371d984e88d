"""A small study that several tests run: estimates of a centre."""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from sparsestat.simulation import Estimand, Study, grid
from sparsestat.simulation import measures as m


class Sample(NamedTuple):
    x: np.ndarray
    centre: float


def draw(size, centre, random_state):
    return Sample(centre + random_state.standard_normal(size), centre)


def average(sample):
    return float(np.mean(sample.x))


def middle(sample):
    return float(np.median(sample.x))


def noisy(sample, random_state):
    return average(sample) + 0.01 * random_state.standard_normal()


def fragile(sample):
    if sample.x[0] > sample.centre + 1.0:
        raise ArithmeticError("the first is too large")
    return average(sample)


def loud(sample):
    warnings.warn("be careful", RuntimeWarning, stacklevel=2)
    return average(sample)


def absolute_error(fit, sample):
    return abs(fit - sample.centre)


CENTRE = Estimand(
    "centre", estimate=lambda fit: fit, truth=lambda sample: sample.centre, se=lambda fit: 0.2
)


def make_study(**changes):
    parts = {
        "name": "centres",
        "scenarios": grid(size=[10, 20], centre=[0.0, 3.0]),
        "generate": draw,
        "methods": {"mean": average, "median": middle, "noisy": noisy},
        "measures": {"absolute": absolute_error, **m.performance(CENTRE)},
        "replications": 12,
        "seed": 5,
    }
    return Study(**{**parts, **changes})


def content(frame):
    """Return what must not depend on how a study is run."""
    return frame.drop(columns="seconds")


def assert_same(one, other):
    pd.testing.assert_frame_equal(content(one), content(other), check_exact=True)


def counted(study, path, **options):
    """Run a study; return how many rows it has added to the folder."""
    before = len(stored_rows(path))
    result = study.run(path=path, **options)
    return len(stored_rows(path)) - before, result


def stored_rows(path):
    parts = sorted((path / "parts").glob("*.parquet"))
    return pd.concat([pd.read_parquet(p) for p in parts]) if parts else pd.DataFrame()
