"""The study of lasso, MCP and SCAD: data, measures, planning, record and tables."""

import json
import math
from itertools import product

import numpy as np
import pytest

from benchmarks import lasso_mcp_scad, lasso_mcp_scad_table, table
from benchmarks.__main__ import DOCUMENT, RESULTS, Options
from benchmarks.lasso_mcp_scad import (
    MEASURES,
    METHODS,
    REFERENCE,
    SCENARIOS,
    SMOKE_SCENARIOS,
    generate,
    log_risk,
    name_of,
    nested,
    relative_risk,
)
from benchmarks.record import Record
from sparsestat.simulation import Study

RECORDED = Record(RESULTS / "lasso_mcp_scad.json").entries
OTHERS = [name for name in METHODS if name != REFERENCE]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Options of a run on little data, its record and its folder."""
    folder = tmp_path_factory.mktemp("study")
    options = Options(output=folder, smoke=True, resume=True)
    lasso_mcp_scad.run(options)
    return options, json.loads((folder / "lasso_mcp_scad.json").read_text())


# --- Data and measures -----------------------------------------------------------------


def test_scenarios_are_all_combinations():
    settings = {(s["n_samples"], s["rho"], s["snr"]) for s in SCENARIOS}
    assert settings == set(product((60, 120, 240), (0.0, 0.5, 0.9), (0.5, 2.0, 8.0)))
    assert len({name_of(s) for s in SCENARIOS}) == len(SCENARIOS) == 27


def test_risk_is_the_error_in_new_rows_over_the_variance_of_the_signal(rng):
    data = generate(30, 12, 3, rho=0.6, snr=2.0, random_state=rng)

    class Fit:
        coef_ = rng.normal(size=12)

    walk = rng.normal(size=(200_000, 12))
    for j in range(1, 12):
        walk[:, j] = 0.6 * walk[:, j - 1] + 0.8 * walk[:, j]
    missed, signal = walk @ (Fit.coef_ - data.coef), walk @ data.coef
    expected = np.var(missed) / np.var(signal)
    assert relative_risk(Fit, data) == pytest.approx(expected, rel=0.02)
    assert log_risk(Fit, data) == pytest.approx(math.log(relative_risk(Fit, data)))
    Fit.coef_ = np.zeros(12)
    assert relative_risk(Fit, data) == pytest.approx(1.0)
    Fit.coef_ = data.coef
    assert relative_risk(Fit, data) == 0.0


# --- Running and recording -------------------------------------------------------------


def test_record_is_what_the_study_estimates(smoke):
    options, entries = smoke
    assert list(entries) == [name_of(s) for s in SMOKE_SCENARIOS]
    scenario = SMOKE_SCENARIOS[1]
    entry = entries[name_of(scenario)]
    assert entry["scenario"] == scenario
    pilot, most = lasso_mcp_scad.SMOKE_PILOT, lasso_mcp_scad.SMOKE_MOST
    assert entry["replications"] == min(max(entry["planned"], pilot), most)
    assert entry["failed"] == 0

    study = Study(
        name="again",
        scenarios=[scenario],
        generate=generate,
        methods=METHODS,
        measures=MEASURES,
        replications=entry["replications"],
        seed=entry["seed"],
    )
    folder = options.output / "simulations" / "lasso_mcp_scad" / name_of(scenario)
    results = study.load(folder)  # of this code: it would refuse otherwise
    assert nested(results.summary()) == entry["methods"]
    for name in OTHERS:
        pair = f"{name} - {REFERENCE}"
        assert nested(results.compare(name, REFERENCE))[pair] == entry["differences"][pair]


def test_differences_are_those_of_the_estimates(smoke):
    for entry in smoke[1].values():
        for name, measure in product(OTHERS, MEASURES):
            difference, _ = entry["differences"][f"{name} - {REFERENCE}"][measure]
            own, reference = (entry["methods"][m][measure][0] for m in (name, REFERENCE))
            assert difference == pytest.approx(own - reference, rel=1e-3, abs=1e-3)


def test_run_resumes(smoke, monkeypatch, capsys):
    options, entries = smoke
    monkeypatch.setattr(lasso_mcp_scad, "study", None)
    lasso_mcp_scad.run(options)
    assert capsys.readouterr().out.count("recorded already") == len(entries)


def test_unknown_scenario_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="n60-rho0-snr0"):
        lasso_mcp_scad.run(Options(output=tmp_path, only=("nothing",)))


# --- Tables ----------------------------------------------------------------------------


def test_tables_of_a_record(smoke):
    entries = smoke[1]
    header, body = lasso_mcp_scad_table.ratios(entries)
    assert len(body) == len(entries)
    assert {len(row) for row in body} == {len(header)}
    header, body = lasso_mcp_scad_table.estimates(entries)
    assert len(body) == len(entries) * len(METHODS)
    assert {len(row) for row in body} == {len(header)}


@pytest.mark.parametrize(
    ("estimate", "error", "shown"),
    [
        (0.0071234, 0.00026, "0.00712 (0.00026)"),
        (23.51, 1.93, "23.5 (1.9)"),
        (123.4, 19.3, "123 (19)"),
        (1.0, 0.0, "1.00 (0.00)"),
    ],
)
def test_cells_have_two_digits_of_the_error(estimate, error, shown):
    assert lasso_mcp_scad_table._cell(estimate, error) == shown


@pytest.mark.parametrize(
    ("difference", "error", "shown"),
    [
        (math.log(0.5), 0.1, "**0.50** (0.05)"),
        (math.log(2.0), 0.4, "2.00 (0.80)"),
        (0.0, 0.0, "1.00 (0.00)"),
    ],
)
def test_ratio_is_bold_where_it_is_clear(difference, error, shown):
    assert lasso_mcp_scad_table._ratio(difference, error) == shown


@pytest.mark.skipif(not RECORDED, reason="no results are recorded yet")
def test_recorded_results_are_those_of_the_scenarios():
    assert list(RECORDED) == [name_of(scenario) for scenario in SCENARIOS]
    for scenario in SCENARIOS:
        entry = RECORDED[name_of(scenario)]
        assert entry["scenario"] == scenario
        assert entry["seed"] == lasso_mcp_scad.SEED
        assert entry["failed"] == 0
        assert list(entry["methods"]) == list(METHODS)
        assert entry["replications"] >= lasso_mcp_scad.PILOT


@pytest.mark.skipif(not RECORDED, reason="no results are recorded yet")
def test_document_shows_the_recorded_results():
    text = DOCUMENT.read_text("utf-8")
    for make, left in (
        (lasso_mcp_scad_table.ratios, 3),
        (lasso_mcp_scad_table.estimates, 4),
    ):
        assert table.rows(*make(RECORDED), left=left) in text, "run: python -m benchmarks table"
