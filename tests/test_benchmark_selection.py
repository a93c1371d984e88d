"""The benchmark of choosing the strength: seeds, choices, measures, record and tables."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from benchmarks import selection, selection_table
from benchmarks.__main__ import RESULTS, Options
from benchmarks.record import Record
from benchmarks.selection import (
    BEST_F1,
    BEST_PREDICTION,
    MEASURES,
    ONE_SE,
    PENALTIES,
    RULES,
    SCENARIOS,
    excess_log_loss,
    one_standard_error,
    position,
    replicate,
)
from sparsestat import PenalizedClassifierCV, PenalizedRegressorCV

SMALL = {
    response: next(s.smoke() for s in SCENARIOS if s.response == response)
    for response in ("gaussian", "logistic")
}
RECORDED = Record(RESULTS / "selection.json").entries


@pytest.fixture(params=SMALL)
def scenario(request):
    return SMALL[request.param]


def test_scenarios_differ_in_all_that_they_vary():
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS) == 16
    settings = {(s.response, s.n_samples < s.n_features, s.rho, s.strong) for s in SCENARIOS}
    truth = (True, False)
    assert settings == set(product(SMALL, truth, (0.0, 0.7), truth))


def test_draws_depend_on_scenario_and_replication_alone(scenario):
    first, again = scenario.draw(3), replace(scenario).draw(3)
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    others = [scenario.draw(4), replace(scenario, snr=scenario.snr + 1).draw(3)]
    for other in others:
        assert not np.isin(first.X, other.X).any()
    # Were they to change with the code, records of two versions would not compare.
    drawn = scenario.generator(0).integers(1 << 30)
    assert drawn == {"gaussian": 242004990, "logistic": 208034324}[scenario.response]


def test_fresh_rows_are_not_those_of_the_fit(scenario):
    sample = scenario.draw(0)
    assert sample.X.shape == (scenario.n_samples, scenario.n_features)
    assert sample.fresh.shape == (selection.N_FRESH, scenario.n_features)
    assert not np.isin(sample.X, sample.fresh).any()
    np.testing.assert_allclose(sample.predictor, sample.fresh @ sample.coef)
    assert np.count_nonzero(sample.coef) == selection.N_NONZERO


@pytest.mark.parametrize("penalty", PENALTIES)
def test_one_fit_serves_both_selections_of_cross_validation(scenario, penalty):
    logistic = scenario.response == "logistic"
    estimator = PenalizedClassifierCV if logistic else PenalizedRegressorCV
    model = estimator(20, eps=0.05, penalty=PENALTIES[penalty](scenario.response), tol=1e-4)
    for replication in range(5):
        sample = scenario.draw(replication)
        chosen = one_standard_error(model.fit(sample.X, sample.y))
        assert chosen <= position(model)
        model.set_params(selection="one_se").fit(sample.X, sample.y)
        assert chosen == position(model)
        model.set_params(selection="min")


def test_excess_log_loss_is_the_expectation_over_labels():
    truth, predictors = np.array([-1.0, 0.5, 3.0]), np.array([[0.0], [2.0], [-40.0]])

    def loss(y, eta):
        return np.logaddexp(0.0, eta) - y * eta

    chance = expit(truth)
    expected = [
        p * (loss(1, b) - loss(1, a)) + (1 - p) * (loss(0, b) - loss(0, a))
        for p, a, b in zip(chance, truth, predictors[:, 0], strict=True)
    ]
    np.testing.assert_allclose(excess_log_loss(truth, predictors), [np.mean(expected)])
    np.testing.assert_allclose(excess_log_loss(truth, truth[:, None]), [0.0], atol=1e-15)


def test_measures_of_a_replication(scenario):
    values, _ = replicate(scenario, 0)
    assert values.shape == (len(PENALTIES), len(RULES), len(MEASURES))
    np.testing.assert_array_equal(values, replicate(scenario, 0)[0])
    at = {name: values[..., k] for k, name in enumerate(MEASURES)}
    for share in ("f1", "fdp", "recall"):
        assert ((at[share] >= 0.0) & (at[share] <= 1.0)).all()
    hits = at["recall"] * selection.N_NONZERO
    np.testing.assert_allclose(hits, at["selected"] * (1 - at["fdp"]), atol=1e-9)
    np.testing.assert_allclose(
        at["f1"], 2 * hits / (selection.N_NONZERO + at["selected"]), atol=1e-9
    )
    best = RULES.index(BEST_F1), RULES.index(BEST_PREDICTION)
    assert (at["f1"] <= at["f1"][:, [best[0]]]).all()
    assert (at["error"] >= at["error"][:, [best[1]]]).all()
    assert (at["error"] > 0.0).all()


def test_choices_are_those_of_the_estimator(scenario):
    """The rules share one path: what a criterion chooses on its own is a point of it."""
    sample = scenario.draw(0)
    logistic = scenario.response == "logistic"
    estimator = PenalizedClassifierCV if logistic else PenalizedRegressorCV
    values, _ = replicate(scenario, 0)
    for i, penalty in enumerate(PENALTIES.values()):
        settings = {"penalty": penalty(scenario.response), "alphas": selection.N_ALPHAS}
        for rule, how in {
            "EBIC": {"criterion": "ebic"},
            ONE_SE: {"selection": "one_se"},
        }.items():
            model = estimator(eps=scenario.eps, tol=selection.TOL, **settings, **how)
            model.fit(sample.X, sample.y)
            chosen = values[i, RULES.index(rule)]
            assert chosen[MEASURES.index("selected")] == model.support_.size
            fitted = model.intercept_ + sample.fresh @ model.coef_
            if logistic:
                error = excess_log_loss(sample.predictor, fitted[:, None])[0]
            else:
                error = np.mean((fitted - sample.predictor) ** 2) / sample.noise_variance
            assert chosen[MEASURES.index("error")] == pytest.approx(error)


def test_run_resumes_and_its_record_makes_tables(tmp_path, monkeypatch, capsys):
    names = tuple(s.name for s in SCENARIOS if s.rho == 0.0 and s.response == "gaussian")
    options = Options(output=tmp_path, smoke=True, resume=True, only=names)
    selection.run(options)
    entries = json.loads((tmp_path / "selection.json").read_text())
    assert list(entries) == list(names)
    monkeypatch.setattr(selection, "study", None)
    selection.run(options)
    assert capsys.readouterr().out.count("recorded already") == len(names)

    header, body = selection_table.overview(entries)
    assert len(body) == 2 * len(PENALTIES) * len(RULES)
    assert {len(row) for row in body} == {len(header)}
    for measure in selection_table.BEST:
        header, body = selection_table.by_scenario(entries, measure)
        assert len(body) == len(names) * len(PENALTIES)
        for row in body:
            assert len(row) == len(header)
            assert any(cell.startswith("**") for cell in row[2:-1])
            assert not row[-1].startswith("**")


def test_averages_combine_standard_errors():
    mean, error = selection_table._average([[1.0, 0.3], [2.0, 0.4]])
    assert (mean, error) == pytest.approx((1.5, 0.25))


def test_unknown_scenario_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="gaussian-wide-0-strong"):
        selection.run(Options(output=tmp_path, only=("nothing",)))


@pytest.mark.skipif(not RECORDED, reason="no results are recorded yet")
def test_recorded_results_are_those_of_the_scenarios():
    assert list(RECORDED) == [scenario.name for scenario in SCENARIOS]
    for scenario in SCENARIOS:
        entry = RECORDED[scenario.name]
        assert entry["replications"] == selection.REPLICATIONS
        assert entry["scenario"]["n_samples"] == scenario.n_samples
        assert entry["scenario"]["snr"] == scenario.snr
        assert list(entry["penalties"]) == list(PENALTIES)
