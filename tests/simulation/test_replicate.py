"""Replications: methods disturb nobody, random numbers come back, failures are rows."""

import inspect
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Lasso, LassoCV, LinearRegression, SGDRegressor
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

from sparsestat.datasets import make_sparse_regression
from sparsestat.simulation import _replicate, grid
from sparsestat.simulation import measures as m
from sparsestat.simulation._scenario import scenario_id
from tests.simulation.centres import (
    assert_same,
    average,
    counted,
    draw,
    loud,
    make_study,
    middle,
    stored_rows,
)

REGRESSION = {
    "scenarios": grid(n_samples=30, n_features=4, n_nonzero=2),
    "generate": make_sparse_regression,
    "measures": {"l2": m.l2_error},
    "replications": 3,
}


# --- Nobody is disturbed ---------------------------------------------------------------


def test_measures_that_work_in_place_disturb_no_other_method(tmp_path):
    def spoiler(fit, sample):
        sample.x[:] = 100.0
        return 0.0

    def spread(fit, sample):
        return float(np.max(sample.x) - fit)

    methods = {"mean": average, "median": middle, "first": lambda sample: float(sample.x[0])}
    honest = make_study(methods=methods, measures={"spread": spread})
    both = make_study(methods=methods, measures={"spread": spread, "spoiler": spoiler})
    expected = honest.run(path=tmp_path / "1").frame
    found = both.run(path=tmp_path / "2").frame
    assert_same(found.drop(columns="spoiler"), expected)
    assert found["spread"].max() < 50.0
    replica = both.replay({"size": 10, "centre": 0.0}, "mean", 0)
    assert replica.data.x.max() < 50.0


def test_methods_do_not_disturb_what_measures_see(tmp_path):
    def spoiler(sample):
        sample.x[:] = 100.0
        return 0.0

    study = make_study(
        methods={"spoiler": spoiler}, measures={"most": lambda fit, sample: sample.x.max()}
    )
    assert study.run(path=tmp_path).frame["most"].max() < 50.0
    replica = study.replay({"size": 10, "centre": 0.0}, "spoiler", 0)
    assert replica.record["most"] == replica.data.x.max() < 50.0


def test_generate_may_change_the_values_that_it_is_given(tmp_path):
    def greedy(options, random_state):
        size = options.pop("size")
        options["extra"] = [1]
        return draw(size, 0.0, random_state)

    def honest(options, random_state):
        return draw(options["size"], 0.0, random_state)

    scenarios = [{"options": {"size": 5}}, {"options": {"size": 6}}]
    study = make_study(scenarios=scenarios, generate=greedy)
    added, result = counted(study, tmp_path / "1")
    assert added == 2 * 3 * 12
    assert (result.frame["error"] == "").all()
    assert set(stored_rows(tmp_path / "1")["scenario"]) == set(map(scenario_id, scenarios))
    assert scenarios == [{"options": {"size": 5}}, {"options": {"size": 6}}]
    assert counted(study, tmp_path / "1")[0] == 0
    plain = make_study(scenarios=scenarios, generate=honest)
    assert_same(result.frame, plain.run(path=tmp_path / "2").frame)
    study.replay({"options": {"size": 5}}, "mean", 0)
    assert scenarios[0] == {"options": {"size": 5}}


# --- Random numbers --------------------------------------------------------------------


def throw(sample):
    return float(np.random.rand())  # noqa: NPY002


class OwnSplitter:
    """Splits as its private splitter does, which has no seed."""

    def split(self, X, y=None, groups=None):
        return KFold(3, shuffle=True).split(X)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 3


def global_state():
    kind, key, *rest = np.random.get_state()  # noqa: NPY002
    return kind, key.tolist(), rest


def test_global_random_numbers_are_reproducible_and_left_as_they_were(tmp_path):
    candidates = [SGDRegressor(max_iter=2, tol=None), SGDRegressor(max_iter=3, tol=None)]
    search = GridSearchCV(Pipeline([("model", Lasso())]), {"model": candidates}, cv=2)
    studies = [
        make_study(methods={"one": throw, "two": throw}),
        make_study(
            **{**REGRESSION, "measures": {"first": lambda fit, data: fit.predict(data.X)[0]}},
            methods={"own": LassoCV(alphas=5, cv=OwnSplitter()), "search": search},
        ),
    ]
    for k, study in enumerate(studies):
        np.random.seed(1)  # noqa: NPY002
        before = global_state()
        first = study.run(path=tmp_path / f"{k}a").frame
        assert global_state() == before
        np.random.seed(2)  # noqa: NPY002
        assert_same(study.run(path=tmp_path / f"{k}b").frame, first)
        assert (first["error"] == "").all()


def test_global_random_numbers_are_left_as_they_were_by_failures_and_replays(tmp_path):
    def broken(sample):
        throw(sample)
        raise ValueError

    study = make_study(methods={"throw": throw, "broken": broken})
    before = global_state()
    frame = study.run(path=tmp_path).frame
    fit = study.replay({"size": 20, "centre": 0.0}, "throw", 3).fit
    assert global_state() == before
    row = frame.query("size == 20 and centre == 0.0 and method == 'throw'").iloc[3]
    assert row["centre_estimate"] == fit


def test_global_random_numbers_differ_in_every_fit(tmp_path):
    frame = make_study(methods={"one": throw, "two": throw}).run(path=tmp_path).frame
    assert frame["centre_estimate"].nunique() == len(frame) == 4 * 2 * 12


# --- Failures --------------------------------------------------------------------------


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def leave(sample):
    sys.exit("enough")


def unspeakable(sample):
    raise UnspeakableError


def surrogate(sample):
    raise ValueError("name \udcff of a file")


def surrogate_warning(sample):
    warnings.warn("name \udcff of a file", UserWarning, stacklevel=2)
    return average(sample)


def warn_and_fail(sample):
    loud(sample)
    raise ArithmeticError("after the warning")


def test_whatever_goes_wrong_is_a_row(tmp_path):
    methods = {
        "mean": average,
        "leave": leave,
        "unspeakable": unspeakable,
        "surrogate": surrogate,
        "surrogate warning": surrogate_warning,
        "warn and fail": warn_and_fail,
    }
    result = make_study(methods=methods).run(path=tmp_path)
    assert (result.frame["method"].value_counts() == 4 * 12).all()
    texts = result.frame.groupby("method")[["error", "warning"]].agg(set)
    told = {name: (row["error"], row["warning"]) for name, row in texts.iterrows()}
    assert told == {
        "mean": ({""}, {""}),
        "leave": ({"SystemExit: enough"}, {""}),
        "unspeakable": ({"UnspeakableError: <no text: RuntimeError>"}, {""}),
        "surrogate": ({r"ValueError: name \udcff of a file"}, {""}),
        "surrogate warning": ({""}, {r"UserWarning: name \udcff of a file"}),
        "warn and fail": (
            {"ArithmeticError: after the warning"},
            {"RuntimeWarning: be careful"},
        ),
    }
    traces = result.failures.groupby("method")["traceback"].first()
    assert all(f"in {name.replace(' ', '_')}" in trace for name, trace in traces.items())


def test_leaving_while_data_are_drawn_or_measured_is_a_row(tmp_path):
    def moody(size, centre, random_state):
        sample = draw(size, centre, random_state)
        if sample.x[0] > centre + 1.0:
            sys.exit(3)
        return sample

    def picky(fit, sample):
        if fit > sample.centre + 0.2:
            sys.exit(4)
        return fit

    study = make_study(generate=moody, measures={"picky": picky}, replications=30)
    errors = set(study.run(path=tmp_path).frame["error"])
    assert {error.partition(" (")[0] for error in errors} == {
        "",
        "generate: SystemExit: 3",
        "SystemExit: 4",
    }


# --- What may be a method --------------------------------------------------------------


class Silent(BaseEstimator):
    """Its `fit` returns nothing, against the convention."""

    def fit(self, X, y):
        self.coef_ = LinearRegression(fit_intercept=False).fit(X, y).coef_


def test_an_estimator_whose_fit_returns_nothing_is_handed_to_measures(tmp_path):
    def model_type(fit, data):
        return type(fit) is Silent and fit.coef_.shape == (4,)

    study = make_study(
        **{**REGRESSION, "measures": {"silent": model_type, "l2": m.l2_error}},
        methods={"silent": Silent()},
    )
    frame = study.run(path=tmp_path).frame
    assert (frame["error"] == "").all()
    assert (frame["silent"] == 1.0).all()
    assert frame["l2"].notna().all()


def test_compiled_functions_without_a_signature_are_methods(tmp_path):
    def plain(random_state):
        return random_state.standard_normal(5).tolist()

    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(max)
    study = make_study(
        scenarios=[{}],
        generate=plain,
        methods={"most": max, "least": min},
        measures={"value": lambda fit, data: fit},
    )
    frame = study.run(path=tmp_path).frame
    assert (frame["error"] == "").all()
    found = frame.groupby("method")["value"].mean()
    assert found["most"] > found["least"]


# --- Versions --------------------------------------------------------------------------


def test_other_code_than_that_of_the_run_is_refused():
    experiment = make_study()._experiment
    versions = experiment.versions()
    scenario = make_study().scenarios[0]
    task = _replicate.Task(scenario_id(scenario), scenario, [0, 1], ["mean", "noisy"], 0)
    assert len(_replicate.run_task(experiment, versions, task).rows) == 4
    for unit in ("method 'median'", "generate", "measure 'absolute'", "estimand 'centre'"):
        assert unit in versions
        other = {**versions, unit: "0" * 16}
        for _ in range(2):  # refused once is not accepted later
            with pytest.raises(RuntimeError, match=f"another version of {unit} than"):
                _replicate.run_task(experiment, other, task)
            with pytest.raises(RuntimeError, match=f"another version of {unit} than"):
                _replicate._check_versions(experiment, other)
    both = {**versions, "generate": "1", "method 'mean'": "2"}
    with pytest.raises(RuntimeError, match="of generate, method 'mean' than"):
        _replicate._check_versions(experiment, both)
    _replicate._check_versions(experiment, versions)
