"""The marked examples of the user guide: what they print, and that the penalty of one's own
solves the problem that the page states."""

import re
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from sparsestat import PenalizedRegressor

GUIDE = Path(__file__).parents[1] / "docs" / "user_guide"
NUMBER = re.compile(r"-?\d+\.\d+")


def marked_block(name):
    """Return the code after a marker, and the output shown below it ("" if none is)."""
    pattern = rf"<!-- test: {name} -->\n```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?"
    pages = (page.read_text("utf-8") for page in sorted(GUIDE.glob("*.md")))
    matches = [re.search(pattern, text, re.MULTILINE | re.DOTALL) for text in pages]
    (match,) = filter(None, matches)
    return match[1], match[2] or ""


# --- Worked example --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["worked example", "survival example"])
def test_worked_example_prints_what_the_page_shows(name, capsys):
    code, shown = marked_block(name)
    exec(compile(code, str(GUIDE), "exec"), {"__name__": "worked_example"})
    printed = capsys.readouterr().out
    # The words exactly, the numbers up to the last digit shown.
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", shown).split()
    np.testing.assert_allclose(
        [float(number) for number in NUMBER.findall(printed)],
        [float(number) for number in NUMBER.findall(shown)],
        rtol=2e-3,
        atol=0.011,
    )


def test_simulation_example_prints_what_the_page_shows(capsys):
    code, shown = marked_block("simulation example")
    exec(compile(code, str(GUIDE), "exec"), {"__name__": "simulation_example"})
    assert capsys.readouterr().out.split() == shown.split()


# --- A penalty of one's own ------------------------------------------------------------


@pytest.fixture(scope="module")
def log_sum(tmp_path_factory):
    """The penalty of the page on penalties, imported from a module of its own."""
    folder = tmp_path_factory.mktemp("own_penalty")
    (folder / "log_sum.py").write_text(marked_block("own penalty")[0], "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield import_module("log_sum").LogSum
        del sys.modules["log_sum"]


@pytest.mark.parametrize("step", [0.01, 0.3, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("eps", [0.05, 1.0, 3.0])
def test_own_prox_is_a_global_minimiser(log_sum, eps, step):
    penalty, alpha = log_sum(eps), 0.7
    z = np.linspace(-12.0, 12.0, 241)
    grid = np.linspace(-13.0, 13.0, 20_001)

    def objective(x, z):
        return 0.5 * (x - z) ** 2 + step * alpha * np.log1p(np.abs(x) / eps)

    prox = penalty.prox(z, step, alpha)
    best = np.array([objective(grid, value).min() for value in z])
    assert (objective(prox, z) <= best + 1e-12).all()
    np.testing.assert_array_equal(prox, -penalty.prox(-z, step, alpha))


def test_own_derivatives_are_those_of_the_value(log_sum):
    penalty, t, h = log_sum(0.4), np.linspace(0.1, 5.0, 50), 1e-6
    for function, derivative in [
        (penalty.value, penalty.derivative),
        (penalty.derivative, penalty.curvature),
    ]:
        difference = (function(t + h, 0.7) - function(t - h, 0.7)) / (2 * h)
        np.testing.assert_allclose(derivative(t, 0.7), difference, rtol=1e-6)


@pytest.mark.parametrize("solver", ["working_set", "gram"])
def test_own_penalty_solves_the_problem_of_the_page(log_sum, wide, rng, solver):
    """Objective and stationarity, written out from the page's formulas."""
    X, y, eps, alpha, l2 = wide.X, wide.y, 0.5, 0.2, 0.01
    n, p = X.shape
    weights, offset = rng.uniform(0.5, 2.0, n), rng.normal(size=n)
    v = np.ones(p)
    v[:3] = 0.0, np.inf, 0.5
    model = PenalizedRegressor(
        alpha, penalty=log_sum(eps), l2=l2, penalty_weights=v, solver=solver, tol=1e-9
    )
    model.fit(X, y, sample_weight=weights, offset=offset)
    assert model.converged_
    assert 3 < model.support_.size < n

    share = weights / weights.sum()
    means = share @ X
    scales = np.sqrt(share @ (X - means) ** 2)
    theta = scales * model.coef_
    residual = y - offset - model.intercept_ - X @ model.coef_
    # An excluded feature does not count, at whatever strength.
    strength = alpha * np.where(np.isinf(v), 1.0, v)
    penalty = strength * np.log1p(np.abs(theta) / eps)
    objective = 0.5 * share @ residual**2 + penalty.sum() + 0.5 * l2 * theta @ theta
    np.testing.assert_allclose(model.objective_, objective, rtol=1e-12)

    assert abs(share @ residual) < 1e-12  # the intercept is optimal
    q = ((X - means) / scales).T @ (share * residual) - l2 * theta
    slope = strength / (eps + np.abs(theta))
    nonzero = theta != 0.0
    np.testing.assert_allclose(q[nonzero], np.sign(theta[nonzero]) * slope[nonzero], atol=1e-8)
    assert theta[1] == 0.0
    zero = ~nonzero & np.isfinite(v)
    assert (np.abs(q[zero]) <= slope[zero] + 1e-8).all()


def test_own_penalty_is_a_parameter_like_others(log_sum):
    model = clone(PenalizedRegressor(penalty=log_sum(2.0)))
    assert model.penalty == log_sum(2.0)
    assert model.set_params(penalty__eps=3.0).penalty == log_sum(3.0)
    assert repr(log_sum(2.0)) == "LogSum(eps=2.0)"
    with pytest.raises(ValueError, match="eps must be > 0"):
        log_sum(0.0)
