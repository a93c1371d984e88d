"""Studies: same results however they are run, nothing lost, nothing mixed."""

import copy
import json
import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Lasso, LassoCV, LinearRegression, SGDRegressor
from sklearn.model_selection import KFold

from sparsestat import PenalizedRegressor
from sparsestat.datasets import make_sparse_regression
from sparsestat.simulation import (
    Estimand,
    Study,
    StudyChangedError,
    TooManyErrorsError,
    grid,
)
from sparsestat.simulation import measures as m
from tests.simulation.centres import (
    CENTRE,
    Sample,
    absolute_error,
    assert_same,
    average,
    counted,
    draw,
    fragile,
    loud,
    make_study,
    middle,
    noisy,
    stored_rows,
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return make_study().run(path=tmp_path_factory.mktemp("reference"))


# --- What is run -----------------------------------------------------------------------


def test_every_method_meets_the_same_data_once_a_replication(reference):
    frame = reference.frame
    assert list(frame.columns[:4]) == ["size", "centre", "method", "replication"]
    assert list(frame.columns[-3:]) == ["seconds", "warning", "error"]
    assert len(frame) == 4 * 3 * 12
    assert not frame.duplicated(["size", "centre", "method", "replication"]).any()
    keys = list(
        zip(frame["size"], frame["centre"], frame["method"], frame["replication"], strict=True)
    )
    order = [
        (n, c, k, r)
        for n in (10, 20)
        for c in (0.0, 3.0)
        for k in ("mean", "median", "noisy")
        for r in range(12)
    ]
    assert keys == order
    wide = frame.pivot(
        index=["size", "centre", "replication"], columns="method", values="centre_estimate"
    )
    noise = (wide["noisy"] - wide["mean"]).to_numpy()
    assert np.all(np.abs(noise) < 0.05)  # the same data
    assert len(set(noise)) == noise.size  # and random numbers of its own


def test_records_are_those_of_a_loop_by_hand(reference):
    study = make_study()
    row = reference.frame.query("size == 20 and centre == 3.0 and method == 'median'").iloc[7]
    again = study.replay({"size": 20, "centre": 3}, "median", 7)
    assert again.fit == row["centre_estimate"] == np.median(again.data.x)
    assert again.record["absolute"] == row["absolute"] == abs(again.fit - 3.0)
    assert again.record["centre_lower"] == row["centre_lower"]


def test_seconds_are_those_of_the_fit(tmp_path):
    import time

    def slow_draw(random_state):
        time.sleep(0.05)
        return Sample(np.zeros(2), 0.0)

    def slow(sample):
        time.sleep(0.1)
        return 0.0

    study = make_study(
        scenarios=[{}], generate=slow_draw, methods={"slow": slow}, replications=2
    )
    seconds = study.run(path=tmp_path).frame["seconds"]
    assert seconds.between(0.1, 0.149).all()


class Spoiler(BaseEstimator):
    """Overwrites the data that it is given."""

    def fit(self, X, y):
        X[:], y[:] = 0.0, 0.0
        self.coef_ = np.zeros(X.shape[1])
        return self


def test_methods_that_work_in_place_disturb_nobody(tmp_path):
    parts = {
        "scenarios": grid(n_samples=20, n_features=3, n_nonzero=3),
        "generate": make_sparse_regression,
        "measures": {"l2": m.l2_error, "prediction": m.prediction_error},
        "replications": 3,
    }
    honest = {"ols": LinearRegression()}
    alone = make_study(methods=honest, **parts).run(path=tmp_path / "1").frame
    both = make_study(methods={"spoiler": Spoiler(), **honest}, **parts).run(
        path=tmp_path / "2"
    )
    rows = both.frame.query("method == 'ols'").reset_index(drop=True)
    assert_same(rows, alone)
    assert both.frame.query("method == 'spoiler'")["prediction"].min() > 0.0


def test_estimators_are_cloned_and_seeded(tmp_path):
    models = {
        "seedless": SGDRegressor(max_iter=2, tol=None, random_state=None),
        "twin": SGDRegressor(max_iter=2, tol=None, random_state=None),
        "seeded": SGDRegressor(max_iter=2, tol=None, random_state=0),
        "splitter": LassoCV(alphas=5, cv=KFold(3, shuffle=True)),
    }
    study = make_study(
        scenarios=grid(n_samples=30, n_features=4, n_nonzero=2),
        generate=make_sparse_regression,
        methods=models,
        measures={"l2": m.l2_error},
        replications=3,
    )
    one, two = (study.run(path=tmp_path / str(k)).frame for k in range(2))
    assert_same(one, two)
    errors = one.pivot(index="replication", columns="method", values="l2")
    assert (errors["seedless"] != errors["twin"]).all()
    data, fit, _ = study.replay({}, "seeded", 1)
    by_hand = SGDRegressor(max_iter=2, tol=None, random_state=0).fit(data.X, data.y)
    np.testing.assert_array_equal(fit.coef_, by_hand.coef_)
    assert not any(hasattr(model, "coef_") for model in models.values())
    assert models["splitter"].cv.random_state is None


# --- How it is run ---------------------------------------------------------------------


def test_processes_change_nothing(reference, tmp_path):
    assert_same(make_study().run(n_jobs=2, path=tmp_path).frame, reference.frame)


def test_a_joblib_backend_changes_nothing(reference, tmp_path):
    with joblib.parallel_config(backend="threading", n_jobs=1):
        assert_same(make_study().run(path=tmp_path).frame, reference.frame)


@pytest.mark.parametrize(
    "changes",
    [
        {"replications": 20},
        {"scenarios": grid(size=[5, 10, 20], centre=[-1.0, 0.0, 3.0])},
        {"scenarios": grid(centre=[3.0, 0.0], size=[20, 10])},
        {"methods": {"extra": noisy, "noisy": noisy, "median": middle, "mean": average}},
        {
            "measures": {
                "more": m.quantile(absolute_error, 0.5),
                "absolute": absolute_error,
                **m.performance(CENTRE),
            }
        },
    ],
    ids=["replications", "scenarios", "order of fields", "methods", "measures"],
)
@pytest.mark.parametrize("stored", [True, False], ids=["grown", "from nothing"])
def test_what_is_added_leaves_old_rows_as_they_were(reference, tmp_path, changes, stored):
    if stored:
        make_study().run(path=tmp_path)
    study = make_study(**changes)
    frame = study.run(path=tmp_path, on_change="rerun").frame
    assert len(frame) == len(study.scenarios) * len(study.methods) * study.replications
    key = ["size", "centre", "method", "replication"]
    old = frame.merge(reference.frame[key], on=key)[list(reference.frame.columns)]
    old, expected = (f.sort_values(key, ignore_index=True) for f in (old, reference.frame))
    assert_same(old, expected)


def test_only_what_is_missing_is_run(reference, tmp_path):
    small = make_study(replications=4, methods={"mean": average})
    assert counted(small, tmp_path)[0] == 4 * 4
    assert counted(small, tmp_path)[0] == 0
    added, result = counted(make_study(), tmp_path)
    assert added == 4 * (3 * 12 - 4)
    assert_same(result.frame, reference.frame)
    assert counted(make_study(), tmp_path)[0] == 0


def test_a_smaller_study_is_a_part_of_the_larger_one(reference, tmp_path):
    make_study().run(path=tmp_path)
    added, result = counted(make_study(replications=5), tmp_path)
    assert added == 0
    expected = reference.frame.query("replication < 5").reset_index(drop=True)
    assert_same(result.frame, expected)


def test_results_are_kept_under_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_study(replications=1, name="my study-1.0").run()
    assert (tmp_path / "simulations" / "my study-1.0" / "manifest.json").is_file()


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    make_study(replications=1).run(path="~/here")
    assert (tmp_path / "here" / "manifest.json").is_file()
    assert len(make_study(replications=1).load("~/here").frame) == 12


def test_load_reads_without_running(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing was run"):
        make_study().load(tmp_path / "nowhere")
    run = make_study().run(path=tmp_path)
    assert_same(make_study().load(tmp_path).frame, run.frame)
    assert make_study(replications=30).load(tmp_path).summary()["n"].unique().tolist() == [12]


# --- When code changes -----------------------------------------------------------------


def other_mean(sample):
    return average(sample) + 1.0


def test_a_changed_method_is_refused_rerun_or_kept(reference, tmp_path):
    make_study().run(path=tmp_path)
    changed = make_study(methods={"mean": other_mean, "median": middle, "noisy": noisy})
    with pytest.raises(StudyChangedError, match=r"48 rows .* another version of method 'mean'"):
        changed.run(path=tmp_path)
    with pytest.raises(StudyChangedError, match="method 'mean'"):
        changed.load(tmp_path)
    added, kept = counted(changed, tmp_path, on_change="keep")
    assert added == 0
    assert_same(kept.frame, reference.frame)
    assert counted(changed, tmp_path)[0] == 0  # kept once is kept
    more = replace(changed, replications=13)
    assert counted(more, tmp_path)[0] == 4 * 3


def test_rerun_computes_anew_and_going_back_computes_nothing(reference, tmp_path):
    make_study().run(path=tmp_path)
    changed = make_study(methods={"mean": other_mean, "median": middle, "noisy": noisy})
    added, result = counted(changed, tmp_path, on_change="rerun")
    assert added == 4 * 12
    shift = result.frame["centre_estimate"] - reference.frame["centre_estimate"]
    np.testing.assert_allclose(shift, np.where(result.frame["method"] == "mean", 1.0, 0.0))
    assert counted(changed, tmp_path)[0] == 0
    added, back = counted(make_study(), tmp_path)
    assert added == 0
    assert_same(back.frame, reference.frame)


STRENGTH = {"left": 0}  # calls before the method gives up


def tiring(sample):
    STRENGTH["left"] -= 1
    if STRENGTH["left"] < 0:
        raise ArithmeticError("tired")
    return average(sample) + 1.0


def interrupted_rerun(path):
    """Run the study, and again with another method that gives up on the way."""
    make_study().run(path=path)
    changed = make_study(methods={"mean": tiring, "median": middle, "noisy": noisy})
    STRENGTH["left"] = 5
    with pytest.raises(TooManyErrorsError):
        replace(changed, max_errors=0).run(path=path, on_change="rerun")
    STRENGTH["left"] = 1000
    return changed


def test_an_interrupted_rerun_goes_on_without_being_asked_again(reference, tmp_path):
    changed = interrupted_rerun(tmp_path)
    before = len(stored_rows(tmp_path)) - len(reference.frame)
    assert 5 < before < 48
    added, result = counted(changed, tmp_path)
    assert added == 48 - before
    shift = result.frame["centre_estimate"] - reference.frame["centre_estimate"]
    shift = shift[(result.frame["method"] == "mean") & (result.frame["error"] == "")]
    assert len(shift) >= 48 - (before - 5)
    np.testing.assert_allclose(shift, 1.0)
    added, result = counted(changed, tmp_path, retry_failed=True)
    assert 0 < added <= before - 5
    assert (result.frame["error"] == "").all()


def test_an_interrupted_rerun_may_be_given_up(reference, tmp_path):
    changed = interrupted_rerun(tmp_path)
    added, result = counted(changed, tmp_path, on_change="keep")
    assert added == 0
    rows = result.frame[result.frame["method"] == "mean"].reset_index(drop=True)
    old = reference.frame[reference.frame["method"] == "mean"].reset_index(drop=True)
    shift = rows["centre_estimate"] - old["centre_estimate"]
    assert (shift == 0.0).sum() > 24
    assert (shift.round(9) == 1.0).sum() == 5
    assert counted(changed, tmp_path)[0] == 0


def shifted(by):
    return lambda sample: average(sample) + by


def of_version(k, **changes):
    """Return the study with the k-th version of its method."""
    scenarios = grid(size=10, centre=0.0)
    return make_study(methods={"mean": shifted(float(k))}, scenarios=scenarios, **changes)


def made_by(result):
    """Return the versions that have made the rows, by replication."""
    plain = of_version(0)
    data = [plain.replay({}, "mean", k).fit for k in range(len(result.frame))]
    return (result.frame["centre_estimate"] - data).round(9).tolist()


def test_a_decision_holds_for_the_version_it_was_made_for(tmp_path):
    of_version(1).run(path=tmp_path)
    of_version(2).run(path=tmp_path, on_change="keep")
    with pytest.raises(StudyChangedError, match="method 'mean'"):
        of_version(3).run(path=tmp_path)
    with pytest.raises(StudyChangedError, match="method 'mean'"):
        of_version(3).load(tmp_path)
    assert made_by(of_version(2).run(path=tmp_path)) == [1.0] * 12
    assert counted(of_version(1), tmp_path)[0] == 0


def test_rerun_takes_no_row_of_any_other_version(tmp_path):
    of_version(1, replications=2).run(path=tmp_path)
    kept = of_version(2, replications=4).run(path=tmp_path, on_change="keep")
    assert made_by(kept) == [1.0, 1.0, 2.0, 2.0]
    added, result = counted(of_version(3, replications=4), tmp_path, on_change="rerun")
    assert added == 4
    assert made_by(result) == [3.0] * 4
    # Code that is back finds its rows, and those that were kept for it
    for version, replications in ((1, 2), (2, 4), (3, 4)):
        study = of_version(version, replications=replications)
        added, result = counted(study, tmp_path, on_change="keep")
        assert added == 0
    assert made_by(of_version(3, replications=4).load(tmp_path)) == [3.0] * 4
    back = of_version(1, replications=2).load(tmp_path)
    assert made_by(back) == [1.0, 1.0]


def test_what_was_kept_may_be_run_again(tmp_path):
    of_version(1).run(path=tmp_path)
    added, kept = counted(of_version(2), tmp_path, on_change="keep")
    assert (added, made_by(kept)) == (0, [1.0] * 12)
    added, result = counted(of_version(2), tmp_path, on_change="rerun")
    assert (added, made_by(result)) == (12, [2.0] * 12)
    assert counted(of_version(2), tmp_path)[0] == 0
    added, back = counted(of_version(1), tmp_path)  # the oldest rows count at once
    assert (added, made_by(back)) == (0, [1.0] * 12)


def test_rerun_fills_what_keep_has_left_open(tmp_path):
    make_study().run(path=tmp_path)
    more = make_study(measures={"absolute": absolute_error, "squared": lambda fit, s: fit**2})
    assert more.run(path=tmp_path, on_change="keep").frame["squared"].isna().all()
    added, result = counted(more, tmp_path, on_change="rerun")
    assert added == len(result.frame) == 4 * 3 * 12
    assert result.frame["squared"].notna().all()
    assert counted(more, tmp_path)[0] == 0


def test_changed_data_and_measures_are_seen(tmp_path):
    make_study().run(path=tmp_path)

    def other_draw(size, centre, random_state):
        return Sample(centre + 2.0 * random_state.standard_normal(size), centre)

    with pytest.raises(StudyChangedError, match="another version of generate"):
        make_study(generate=other_draw).run(path=tmp_path)
    with pytest.raises(StudyChangedError, match="another version of measure 'absolute'"):
        make_study(measures={"absolute": lambda fit, sample: 0.0}).run(path=tmp_path)
    with pytest.raises(StudyChangedError, match="seed"):
        make_study(seed=6).run(path=tmp_path)
    with pytest.raises(
        StudyChangedError,
        match=r"made with another seed\. Use on_change='rerun' to run them again, or",
    ):
        make_study(seed=6).run(path=tmp_path, on_change="keep")
    assert counted(make_study(seed=6), tmp_path, on_change="rerun")[0] == 4 * 3 * 12


def test_a_new_measure_is_nan_in_rows_that_are_kept(tmp_path):
    make_study().run(path=tmp_path)
    measures = {"absolute": absolute_error, "squared": lambda fit, s: (fit - s.centre) ** 2}
    more = make_study(measures=measures, replications=14)
    with pytest.raises(StudyChangedError, match="made with no measure 'squared'"):
        more.run(path=tmp_path)
    frame = more.run(path=tmp_path, on_change="keep").frame
    assert frame["squared"].isna().tolist() == (frame["replication"] < 12).tolist()
    summary = more.load(tmp_path).summary()
    assert set(zip(summary["measure"], summary["n"], summary["n_failed"], strict=True)) == {
        ("absolute", 14, 0),
        ("squared", 2, 0),
    }


def test_measures_of_a_recorded_estimand_need_no_run(tmp_path):
    make_study(measures=m.performance(CENTRE)).run(path=tmp_path)
    measures = {"power": m.power(CENTRE), "gain": m.relative_precision(CENTRE, "mean")}
    added, result = counted(make_study(measures=measures), tmp_path)
    assert added == 0
    assert result.summary()["measure"].unique().tolist() == ["power", "gain"]


# --- When methods fail -----------------------------------------------------------------


def test_failures_are_rows(tmp_path):
    study = make_study(methods={"mean": average, "fragile": fragile}, replications=40)
    result = study.run(path=tmp_path)
    frame = result.frame
    failed = frame["error"] != ""
    assert 0 < failed.sum() < 80
    assert set(frame.loc[failed, "method"]) == {"fragile"}
    assert set(frame.loc[failed, "error"]) == {"ArithmeticError: the first is too large"}
    assert frame.loc[failed, ["absolute", "centre_estimate"]].isna().all(axis=None)
    assert frame.loc[~failed, ["absolute", "centre_estimate"]].notna().all(axis=None)
    counts = failed.groupby([frame["size"], frame["centre"], frame["method"]]).sum()
    summary = result.summary().query("measure == 'absolute'")
    assert len(summary) == 8
    for row in summary.itertuples():
        assert row.n_failed == counts[row.size, row.centre, row.method] == 40 - row.n
    assert "in fragile" in result.failures["traceback"].iloc[0]
    assert len(result.failures) == failed.sum()
    first = result.failures.iloc[0]
    with pytest.raises(ArithmeticError, match="too large"):
        study.replay(
            {"size": first["size"], "centre": first["centre"]}, "fragile", first["replication"]
        )


def test_failures_are_not_run_again_unless_asked(tmp_path):
    study = make_study(methods={"fragile": fragile})
    failed = len(study.run(path=tmp_path).failures)
    assert counted(study, tmp_path)[0] == 0
    added, result = counted(study, tmp_path, retry_failed=True)
    assert added == len(result.failures) == failed > 0
    assert not result.frame.duplicated(["size", "centre", "replication"]).any()


def test_what_cannot_work_is_raised_at_once_and_stores_nothing(tmp_path):
    def wrong_draw(size, random_state):
        return Sample(np.zeros(size), 0.0)

    with pytest.raises(TypeError, match="centre"):
        make_study(generate=wrong_draw).run(path=tmp_path)
    with pytest.raises(AttributeError, match="coef"):
        make_study(measures={"l2": m.l2_error}).run(path=tmp_path)
    with pytest.raises(TypeError, match="attributes X and y"):
        make_study(methods={"lasso": Lasso()}).run(path=tmp_path)
    assert len(stored_rows(tmp_path)) == 0


def test_failing_data_and_measures_are_rows_that_say_so(tmp_path):
    def sometimes(size, centre, random_state):
        sample = draw(size, centre, random_state)
        if sample.x[0] > centre + 1.0:
            raise ValueError("no data today")
        return sample

    def picky(fit, sample):
        if fit > sample.centre + 0.2:
            raise ValueError("too high")
        return fit

    study = make_study(generate=sometimes, measures={"picky": picky}, replications=30)
    errors = Counter(study.run(path=tmp_path).frame["error"])
    assert set(errors) == {
        "",
        "generate: ValueError: no data today",
        "ValueError: too high (in measure 'picky')",
    }
    assert errors["generate: ValueError: no data today"] % 3 == 0  # of all methods alike


def test_too_many_errors_stop_the_run_and_lose_nothing(tmp_path):
    study = make_study(methods={"fragile": fragile}, replications=60, max_errors=3)
    with pytest.raises(TooManyErrorsError, match=r"max_errors=3\. \d+ times: ArithmeticError"):
        study.run(path=tmp_path)
    stored = stored_rows(tmp_path)
    assert len(stored) > 0
    result = replace(study, max_errors=None).run(path=tmp_path)
    assert len(result.frame) == 4 * 60
    assert len(stored_rows(tmp_path)) == 4 * 60


def test_warnings_are_recorded_and_not_shown(tmp_path):
    frame = make_study(methods={"loud": loud, "mean": average}).run(path=tmp_path).frame
    told = frame.groupby("method")["warning"].unique()
    assert told["loud"].tolist() == ["RuntimeWarning: be careful"]
    assert told["mean"].tolist() == [""]


def test_interrupts_are_not_failures(tmp_path):
    def interrupted(sample):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_study(methods={"mean": average, "stop": interrupted}).run(path=tmp_path)
    assert make_study().run(path=tmp_path).summary()["n"].min() == 12  # the lock is free


# --- Estimates -------------------------------------------------------------------------


def test_the_summary_has_all_measures_in_order(reference):
    summary = reference.summary()
    assert list(summary.columns) == [
        *("size", "centre", "method", "measure", "estimate", "mcse", "n", "n_failed"),
    ]
    measures = list(make_study().measures)
    assert summary["measure"].tolist() == 12 * measures
    assert summary["method"].unique().tolist() == ["mean", "median", "noisy"]
    rows = reference.frame.query("size == 20 and centre == 0.0 and method == 'median'")
    found = summary.query("size == 20 and centre == 0.0 and method == 'median'")
    found = found.set_index("measure")
    assert found.loc["absolute", "estimate"] == pytest.approx(rows["absolute"].mean())
    assert found.loc["absolute", "mcse"] == pytest.approx(rows["absolute"].sem())
    covered = rows["centre_estimate"].abs() <= 1.959963984540054 * 0.2
    assert found.loc["centre_coverage", "estimate"] == pytest.approx(covered.mean())


def test_measures_are_chosen_by_name_in_any_order(reference):
    names = ["centre_bias", "absolute"]
    assert reference.summary(names)["measure"].unique().tolist() == names
    assert reference.compare("mean", "noisy", "absolute")["measure"].unique().tolist() == [
        "absolute"
    ]
    head = reference.to_markdown(names).partition("\n")[0]
    assert head.index("centre_bias") < head.index("absolute")
    assert "absolute" not in reference.to_latex("centre_bias")


def test_differences_are_paired(reference):
    compared = reference.compare("median", "mean")
    frame = reference.frame
    wide = frame.pivot(
        index=["size", "centre", "replication"], columns="method", values="absolute"
    )
    d = (wide["median"] - wide["mean"]).groupby(["size", "centre"])
    rows = compared.query("measure == 'absolute'")
    np.testing.assert_allclose(rows["estimate"], d.mean())
    np.testing.assert_allclose(rows["mcse"], d.std() / np.sqrt(12))
    assert set(compared["method"]) == {"median - mean"}
    itself = reference.compare("mean", "mean")
    assert (itself["estimate"] == 0).all()
    assert (itself["mcse"] == 0).all()
    with pytest.raises(ValueError, match="method must be one of"):
        reference.compare("mean", "mode")


def test_replications_are_planned_from_a_pilot(tmp_path):
    study = make_study(replications=1000)
    needed = study.replications_for("absolute", 0.01, pilot=20, path=tmp_path)
    pilot = make_study(replications=20).load(tmp_path)
    row = pilot.summary().query("measure == 'absolute'")["mcse"].max()
    assert needed == int(np.ceil(20 * (row / 0.01) ** 2))
    assert counted(make_study(replications=20), tmp_path)[0] == 0  # the pilot counts
    for wrong in ({"measure": "other"}, {"mcse": 0.0}, {"mcse": "small"}, {"pilot": 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            study.replications_for(
                **{"measure": "absolute", "mcse": 0.1, "path": tmp_path, **wrong}
            )


def test_a_proportion_of_one_in_the_pilot_still_needs_replications(tmp_path):
    study = make_study(measures={"hit": lambda fit, sample: True})
    p = 1 / 22
    expected = int(np.ceil(p * (1 - p) / 0.01**2))
    assert study.replications_for("hit", 0.01, pilot=20, path=tmp_path) == expected
    constant = make_study(measures={"hit": lambda fit, sample: 2.0}, name="constant")
    assert constant.replications_for("hit", 0.01, pilot=20, path=tmp_path / "2") == 1


def test_results_and_studies_can_be_pickled_and_copied(reference):
    again = pickle.loads(pickle.dumps(replace_measures(reference)))
    pd.testing.assert_frame_equal(again.frame, reference.frame)
    assert repr(copy.copy(reference)) == repr(reference)
    assert "144 fits" in repr(reference)
    assert "4 scenarios" in repr(make_study())


def replace_measures(result):
    """Leave out the measures that are made of lambdas, which no pickle takes."""
    return replace(result, measures={"absolute": result.measures["absolute"]})


def test_a_folder_without_rows_has_empty_results(tmp_path):
    for result in (
        make_study().load(tmp_path),
        make_study(measures={"a": absolute_error}).load(tmp_path),
    ):
        assert len(result.frame) == len(result.failures) == 0
        summary = result.summary()
        assert len(summary) == 4 * 3 * len(result.measures)
        assert summary[["estimate", "mcse"]].isna().all(axis=None)
        assert (summary[["n", "n_failed"]] == 0).all(axis=None)
        compared = result.compare("mean", "median")
        assert compared["estimate"].isna().all()
        assert (compared["n"] == 0).all()
        assert result.to_markdown().count("\n") >= 4
        assert result.to_latex()
    with pytest.raises(ValueError, match="nothing can be said"):
        result.replications_for("a", 0.1)
    gain = make_study(measures={"gain": m.relative_precision(CENTRE, "mean")})
    nothing = gain.load(tmp_path).compare("median", "mean")  # gains are differences already
    assert len(nothing) == 0
    assert list(nothing.columns) == list(compared.columns)


@pytest.mark.parametrize("name", ["rank", "units", "succeeded", "marks", "changed"])
def test_measures_may_be_called_what_columns_are_called_inside(tmp_path, name):
    study = make_study(measures={name: absolute_error}, replications=3)
    plain = make_study(measures={"absolute": absolute_error}, replications=3)
    expected = plain.run(path=tmp_path / "plain").frame["absolute"]
    assert (study.run(path=tmp_path / "named").frame[name] == expected).all()
    assert counted(study, tmp_path / "named")[0] == 0
    assert (study.load(tmp_path / "named").summary()["measure"] == name).all()


def test_integers_stay_integers_beside_none(tmp_path):
    scenarios = grid(k=[1, None, 3])
    study = make_study(
        scenarios=scenarios, generate=lambda k, random_state: draw(5, 0.0, random_state)
    )
    result = study.run(path=tmp_path)
    for frame in (result.frame, result.summary(), result.compare("mean", "noisy")):
        found = frame["k"].drop_duplicates().tolist()
        assert found == [1, None, 3]
        assert [type(value) for value in found] == [int, type(None), int]
    assert "1.0" not in result.to_markdown().replace("1.0 ", "")


# --- What is refused -------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [0, "2", 2.5])
def test_a_number_of_processes_that_is_none_is_refused_before_anything_is_run(tmp_path, n_jobs):
    called = []
    study = make_study(generate=lambda **scenario: called.append(scenario))
    with pytest.raises(ValueError, match="n_jobs must be"):
        study.run(n_jobs, path=tmp_path / "study")
    with pytest.raises(ValueError, match="n_jobs must be"):
        study.replications_for("absolute", 0.1, n_jobs=n_jobs, path=tmp_path / "study")
    assert not called
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("value", [float("inf"), 1e200])
def test_a_pilot_whose_errors_are_infinite_says_nothing(tmp_path, value):
    def huge(fit, sample):
        return value if fit > sample.centre else 0.0

    study = make_study(measures={"huge": huge, "absolute": absolute_error})
    with pytest.raises(ValueError, match="nothing can be said"):
        study.replications_for("huge", 0.1, pilot=12, path=tmp_path)
    assert study.replications_for("absolute", 0.1, pilot=12, path=tmp_path) > 1
    with pytest.raises(ValueError, match="mcse must be"):
        study.load(tmp_path).replications_for("absolute", float("inf"))
    with pytest.raises(ValueError, match="mcse must be"):
        study.replications_for("absolute", float("inf"), path=tmp_path / "other")
    assert not (tmp_path / "other").exists()  # refused before the pilot


def test_a_pilot_in_which_one_method_has_infinite_errors_says_nothing(tmp_path):
    study = make_study(
        methods={"mean": average, "lost": lambda sample: float("inf")},
        measures={"absolute": absolute_error},
    )
    with pytest.raises(ValueError, match="nothing can be said"):
        study.replications_for("absolute", 0.1, pilot=12, path=tmp_path)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"name": ""}, ValueError, "name must be"),
        ({"name": "../up"}, ValueError, "name must be"),
        ({"name": 3}, ValueError, "name must be"),
        ({"scenarios": []}, ValueError, "scenarios must not be empty"),
        ({"scenarios": {"n": 1}}, TypeError, "list of dictionaries"),
        ({"scenarios": [3]}, TypeError, "a scenario must be"),
        ({"scenarios": [{"n": 1}, {"m": 1}]}, ValueError, "same fields"),
        ({"scenarios": [{"n": 1}, {"n": 1.0}]}, ValueError, "twice"),
        ({"scenarios": [{"m": 1}, {"m": True}]}, ValueError, "twice"),
        ({"scenarios": [{"m": np.ones(2)}]}, TypeError, "values of a scenario"),
        ({"scenarios": [{"method": 1}]}, ValueError, "'method' cannot name"),
        ({"scenarios": [{"absolute": 1}]}, ValueError, "'absolute' cannot name"),
        ({"scenarios": [{"random_state": 1}]}, ValueError, "'random_state' cannot name"),
        ({"measures": {"error": absolute_error}}, ValueError, "'error' cannot name"),
        (
            {"measures": {"centre_se": absolute_error, "b": m.bias(CENTRE)}},
            ValueError,
            "centre_se",
        ),
        ({"measures": {}}, TypeError, "measures must be"),
        ({"measures": [absolute_error]}, TypeError, "measures must be"),
        ({"measures": {"l2": 3}}, TypeError, "measure 'l2' must be"),
        ({"measures": {"all": CENTRE}}, TypeError, "is an estimand"),
        ({"measures": {"gain": m.relative_precision(CENTRE, "mode")}}, ValueError, "'mode'"),
        (
            {"measures": {"a": m.bias(CENTRE), "b": m.bias(Estimand("centre", abs, 0.0))}},
            ValueError,
            "two different",
        ),
        ({"methods": {}}, TypeError, "methods must be"),
        ({"methods": {"": average}}, TypeError, "strings as names"),
        ({"methods": {1: average}}, TypeError, "strings as names"),
        ({"methods": {"lasso": Lasso}}, TypeError, "not a class"),
        ({"methods": {"lasso": "lasso"}}, TypeError, "must be an estimator"),
        ({"generate": None}, TypeError, "generate must be"),
        ({"replications": 0}, ValueError, "replications must be"),
        ({"replications": 2.5}, ValueError, "replications must be"),
        ({"replications": True}, ValueError, "replications must be"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"seed": None}, ValueError, "seed must be"),
        ({"max_errors": -1}, ValueError, "max_errors must be"),
    ],
)
def test_wrong_parts_are_refused_by_name(changes, kind, message):
    with pytest.raises(kind, match=message):
        make_study(**changes)


def test_wrong_requests_are_refused_by_name(reference, tmp_path):
    study = make_study()
    with pytest.raises(ValueError, match="on_change must be"):
        study.run(path=tmp_path, on_change="ignore")
    with pytest.raises(ValueError, match="method must be one of"):
        study.replay({"size": 10, "centre": 0.0}, "mode", 0)
    with pytest.raises(ValueError, match="no fields"):
        study.replay({"p": 10}, "mean", 0)
    with pytest.raises(TypeError, match="scenario must be a dictionary"):
        study.replay(reference.frame.iloc[0], "mean", 0)
    with pytest.raises(ValueError, match="describes 2"):
        study.replay({"size": 10}, "mean", 0)
    with pytest.raises(ValueError, match="describes 0"):
        study.replay({"size": 11}, "mean", 0)
    with pytest.raises(ValueError, match="replication must be"):
        study.replay({"size": 10, "centre": 0.0}, "mean", -1)
    for draw_measure in (
        reference.plot_lollipop,
        reference.plot_nested_loop,
        reference.plot_zip,
    ):
        with pytest.raises(ValueError, match="measure must be one of"):
            draw_measure("other")
    with pytest.raises(ValueError, match="estimand with intervals"):
        reference.plot_zip("absolute", {"size": 10, "centre": 0.0})
    with pytest.raises(ValueError, match="measure must be one of"):
        reference.to_markdown(["other"])
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(monkeypatch, tmp_path):
    from sparsestat.simulation import _checks

    monkeypatch.setattr(_checks, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"need pyarrow.*pip install pyarrow tqdm"):
        make_study().run(path=tmp_path)


# --- Degenerate and legal --------------------------------------------------------------


def test_one_replication_of_one_method_without_fields(tmp_path):
    def constant(random_state) -> Any:
        return Sample(np.zeros(3), 0.0)

    study = make_study(
        scenarios=[{}], generate=constant, methods={"mean": average}, replications=1
    )
    result = study.run(path=tmp_path)
    summary = result.summary()
    assert list(summary.columns) == ["method", "measure", "estimate", "mcse", "n", "n_failed"]
    assert summary["mcse"].isna().all()
    assert result.to_markdown().count("\n") >= 2


def test_scenarios_may_hold_any_json(tmp_path):
    def any_draw(shape, options, flag, none, random_state):
        assert isinstance(shape, tuple)
        assert options == {"a": [1, 2]}
        return draw(shape[0], 0.0, random_state)

    scenarios = grid(shape=[(5, 1), (6, 1)], options={"a": [1, 2]}, flag=True, none=None)
    result = make_study(scenarios=scenarios, generate=any_draw).run(path=tmp_path)
    assert result.frame["shape"].unique().tolist() == [(5, 1), (6, 1)]
    assert (result.summary()["n"] == 12).all()


def test_the_manifest_tells_what_was_run(tmp_path):
    make_study().run(path=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert manifest["name"] == "centres"
    assert {"size": 10, "centre": 3.0} in manifest["scenarios"].values()
    (run,) = manifest["runs"]
    assert run["packages"]["numpy"] == np.__version__
    assert run["threads"] == 1
    assert run["finished"] >= run["started"]


def test_other_versions_of_packages_are_told(tmp_path):
    make_study().run(path=tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["runs"][-1]["packages"]["numpy"] = "1.0"
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.warns(UserWarning, match=rf"numpy 1\.0 -> {np.__version__}"):
        make_study(replications=13).run(path=tmp_path)


def test_penalised_models_and_make_sparse_regression_fit_as_they_are(tmp_path):
    study = Study(
        name="models",
        scenarios=grid(n_samples=40, n_features=60, n_nonzero=2, snr=[1.0, 20.0]),
        generate=make_sparse_regression,
        methods={"mcp": PenalizedRegressor(0.3), "lasso": Lasso(0.3)},
        measures={
            "l2": m.l2_error,
            "fdp": m.false_discovery_proportion,
            "all": m.exact_support,
        },
        replications=4,
        seed=0,
    )
    result = study.run(path=tmp_path)
    assert (result.frame["error"] == "").all()
    data = study.replay({"snr": 20.0}, "mcp", 2).data
    by_hand = PenalizedRegressor(0.3).fit(data.X, data.y)
    row = result.frame.query("snr == 20.0 and method == 'mcp' and replication == 2")
    assert row["l2"].item() == np.linalg.norm(by_hand.coef_ - data.coef)
