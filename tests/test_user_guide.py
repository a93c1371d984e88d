"""The marked examples of the user guide: what they print, and that penalty and loss of one's
own solve the problems that the pages state."""

import pickle
import re
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sparsestat import L0, L1, MCP, PenalizedRegressor, PenalizedRegressorCV, penalized_path

GUIDE = Path(__file__).parents[1] / "docs" / "user_guide"
NUMBER = re.compile(r"-?\d+\.\d+")


def marked_block(name):
    """Return the code after a marker, and the output shown below it ("" if none is)."""
    pattern = rf"<!-- test: {name} -->\n```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?"
    pages = (page.read_text("utf-8") for page in sorted(GUIDE.glob("*.md")))
    matches = [re.search(pattern, text, re.MULTILINE | re.DOTALL) for text in pages]
    (match,) = filter(None, matches)
    return match[1], match[2] or ""


# --- Worked examples -------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["worked example"],
        ["survival example"],
        ["own loss", "own loss in use"],
        ["refit of noise", "refit example"],
        ["groups that matter", "curves", "shared features"],
        ["best subset", "local minima", "k-support path"],
        ["monotone doses", "total of one"],
        ["solver refuses", "operator example", "solvers agree"],
    ],
    ids=str,
)
def test_examples_print_what_the_page_shows(names, capsys):
    blocks = [marked_block(name) for name in names]
    code, shown = ("\n".join(parts) for parts in zip(*blocks, strict=True))
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


@contextmanager
def module_of(block, name, folder):
    """Save a marked block as a module, and import it."""
    (folder / f"{name}.py").write_text(marked_block(block)[0], "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield import_module(name)
        del sys.modules[name]


@pytest.fixture(scope="module")
def log_sum(tmp_path_factory):
    """The penalty of the page on penalties, imported from a module of its own."""
    with module_of("own penalty", "log_sum", tmp_path_factory.mktemp("own")) as module:
        yield module.LogSum


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


# --- A loss of one's own ---------------------------------------------------------------


@pytest.fixture(scope="module")
def negative_binomial(tmp_path_factory):
    """The loss of the page on losses, imported from a module of its own."""
    folder = tmp_path_factory.mktemp("own")
    with module_of("own loss", "negative_binomial", folder) as module:
        yield module.NegativeBinomialLoss


@pytest.fixture(scope="module")
def counts():
    """Columns, and counts that vary more than their means."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 15))
    mean = np.exp(0.5 + 0.6 * X[:, 0] - 0.5 * X[:, 3])
    return X, rng.poisson(mean * rng.gamma(2.0, 0.5, 200)).astype(float)


def test_own_loss_is_minus_the_log_likelihood(negative_binomial):
    loss, eta = negative_binomial(0.7), np.linspace(-4.0, 4.0, 33)
    mean, y = np.exp(eta), 3.0
    expected = -stats.nbinom.logpmf(y, 1 / 0.7, 1 / (1 + 0.7 * mean))
    difference = loss.value(y, eta) - expected
    np.testing.assert_allclose(difference, difference[0], rtol=1e-12)
    h = 1e-5
    slope = (loss.value(y, eta + h) - loss.value(y, eta - h)) / (2 * h)
    bend = (loss.gradient(y, eta + h) - loss.gradient(y, eta - h)) / (2 * h)
    np.testing.assert_allclose(loss.gradient(y, eta), slope, atol=1e-9)
    np.testing.assert_allclose(loss.curvature(y, eta), bend, atol=1e-9)
    np.testing.assert_allclose(loss.inverse_link(eta), mean)


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("penalty", [L1(), MCP(3.0, adaptive=True)], ids=str)
def test_own_loss_has_a_path_of_stationary_points(
    negative_binomial, counts, rng, penalty, to_input
):
    X, y = counts
    loss, weight, offset = negative_binomial(0.5), rng.uniform(0.5, 2.0, 200), 0.3 * X[:, 5]
    path = penalized_path(
        to_input(X),
        y,
        loss=loss,
        penalty=penalty,
        alphas=6,
        eps=0.05,
        sample_weight=weight,
        offset=offset,
        standardize=False,
        tol=1e-10,
    )
    assert path.converged.all()
    assert path.n_nonzeros[0] == 0 < path.n_nonzeros[-1]
    assert (path.dual_gaps < 1e-8).all() or penalty != L1()
    for alpha, eta, b in zip(
        path.alphas, path.predict(X).T + offset, path.coefs.toarray().T, strict=True
    ):
        residual = -loss.gradient(y, eta) * weight / weight.sum()
        assert abs(residual.sum()) < 1e-12
        q = X.T @ residual
        assert (np.abs(q[b == 0.0]) <= alpha + 1e-9).all()
        if penalty == L1():
            np.testing.assert_allclose(q[b != 0.0], alpha * np.sign(b[b != 0.0]), atol=1e-9)


def test_own_loss_has_a_gap_that_bounds_the_distance(negative_binomial, counts):
    X, y = counts
    options = {"loss": negative_binomial(0.5), "penalty": L1()}
    best = PenalizedRegressor(0.05, tol=1e-12, **options).fit(X, y).objective_
    gaps = []
    for tol in (0.3, 0.1, 1e-2):  # the wide tolerances end early
        model = PenalizedRegressor(0.05, tol=tol, **options).fit(X, y)
        assert -1e-12 <= model.objective_ - best <= model.dual_gap_ + 1e-12
        gaps.append(model.dual_gap_)
    assert max(gaps) > 1e-5


def test_own_loss_without_a_penalty_is_the_model_of_statsmodels(negative_binomial, counts):
    X, y = counts
    model = PenalizedRegressor(0.0, loss=negative_binomial(0.5), penalty=L1(), tol=1e-10)
    model.fit(X, y)
    family = sm.families.NegativeBinomial(alpha=0.5)
    fit = sm.GLM(y, sm.add_constant(X), family).fit(tol=1e-13, maxiter=200)
    np.testing.assert_allclose(np.r_[model.intercept_, model.coef_], fit.params, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), fit.fittedvalues, rtol=1e-5)


def test_own_loss_is_cross_validated(negative_binomial, counts):
    X, y = counts
    loss, folds = negative_binomial(0.5), KFold(3)
    model = PenalizedRegressorCV(5, loss=loss, penalty=L1(), eps=0.1, cv=folds).fit(X, y)
    (train, test), *_ = folds.split(X)
    path = penalized_path(X[train], y[train], loss=loss, penalty=L1(), alphas=model.alphas_)
    expected = -loss.value(y[test, None], path.predict(X[test])).mean(axis=0)
    np.testing.assert_allclose(model.cv_results_["test_scores"][0], expected, rtol=1e-6)
    assert 0.0 < model.score(X, y) < 1.0


def test_own_loss_is_a_parameter_like_others(negative_binomial, counts):
    X, y = counts
    model = clone(PenalizedRegressor(0.05, loss=negative_binomial(2.0)))
    assert model.loss == negative_binomial(2.0)
    assert repr(model.loss) == "NegativeBinomialLoss(dispersion=2.0)"
    assert pickle.loads(pickle.dumps(model.fit(X, y))).predict(X).tolist() == (
        model.predict(X).tolist()
    )
    grid = {"loss__dispersion": [0.2, 5.0]}
    search = GridSearchCV(model, grid, cv=2, scoring="neg_mean_poisson_deviance").fit(X, y)
    assert search.best_estimator_.loss.dispersion == search.best_params_["loss__dispersion"]
    with pytest.raises(ValueError, match=r"curvature of the loss, and that of Negative.* no"):
        model.set_params(penalty=L0()).fit(X, y)
    with pytest.raises(ValueError, match="refit has no model of statsmodels for NegativeBin"):
        clone(model).set_params(penalty=L1()).fit(X, y).refit(X, y)
