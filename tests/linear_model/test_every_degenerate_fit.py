"""Degenerate data with every loss: fits end, with finite numbers and an honest word."""

import warnings

import numpy as np
import pytest
from scipy.optimize import LinearConstraint
from sklearn.exceptions import ConvergenceWarning

from sparsestat import (
    L1,
    MCP,
    ElasticNet,
    GroupLasso,
    GroupMCP,
    PenalizedClassifier,
    PenalizedCox,
    PenalizedRegressor,
    SparseGroupLasso,
)
from sparsestat.penalties import GroupTopK, KSupport, TopK

N, P = 30, 6


def times(event, time):
    y = np.empty(len(time), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    return y


def draw(loss, n=N, p=P, seed=0):
    """Return columns and responses that depend on the first of them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X[:, 0] + 0.5 * rng.standard_normal(n)
    return X, {
        "squared_error": lambda: eta,
        "several": lambda: np.column_stack([eta, X[:, -1]]),
        "huber": lambda: eta + rng.standard_t(2.0, n),
        "quantile": lambda: eta,
        "poisson": lambda: rng.poisson(np.exp(0.5 * eta)).astype(float),
        "gamma": lambda: rng.gamma(2.0, np.exp(0.5 * eta)),
        "log_loss": lambda: np.where(
            np.arange(n) < 2, np.arange(n), eta + rng.logistic(size=n) > 0.0
        ).astype(int),
        "multinomial": lambda: np.where(
            np.arange(n) < 3, np.arange(n), np.digitize(eta + rng.logistic(size=n), [-0.5, 0.5])
        ),
        "cox": lambda: times(rng.random(n) < 0.7, np.round(rng.exponential(np.exp(-eta)), 1)),
    }[loss]()


LOSSES = [
    "squared_error",
    "several",
    "huber",
    "quantile",
    "poisson",
    "gamma",
    "log_loss",
    "multinomial",
    "cox",
]
CLASSES = ("log_loss", "multinomial")
# Where even a penalty that holds coefficients back may leave too much to do.
MAY_MISS = {"huge responses", "no counts", "counts without weight"}
REAL = ("squared_error", "several", "huber", "quantile")


def change(X, columns, values):
    X = X.copy()
    X[:, columns] = values
    return X


def situations(loss):
    """Yield names, X, y and other arguments of ``fit`` or of the estimator."""
    X, y = draw(loss)
    yield "plain", X, y, {}
    yield "no penalty", X, y, {"alpha": 0.0}
    yield "no penalty, more features than samples", *draw(loss, 8, 20), {"alpha": 0.0}
    yield "more features than samples", *draw(loss, 8, 20), {}
    yield "a strength beyond the largest", X, y, {"alpha": 1e6}
    yield "duplicated columns", np.hstack([X[:, :3], X[:, :3]]), y, {}
    yield "duplicated columns, no penalty", np.hstack([X[:, :3], X[:, :3]]), y, {"alpha": 0.0}
    yield "duplicated groups", change(X, [2, 3], X[:, [0, 1]]), y, {}
    yield "collinear columns", change(X, [2, 5], X[:, [0]] - X[:, [1]]), y, {}
    yield "constant columns in groups", change(X, [1, 2], 3.0), y, {}
    yield "constant columns", np.ones((N, P)), y, {}
    yield "constant columns, no intercept", np.ones((N, P)), y, {"fit_intercept": False}
    yield "columns of zeros", np.zeros((N, P)), y, {}
    yield "one column", X[:, :1], y, {}
    yield "huge columns", 1e8 * X, y, {}
    yield "tiny columns", 1e-8 * X, y, {}
    yield "huge columns as they are", 1e8 * X, y, {"standardize": False}
    yield "tiny columns as they are", 1e-8 * X, y, {"standardize": False}
    yield "columns of all sizes", X * np.geomspace(1e-8, 1e8, P), y, {}
    yield "weights of zero", X, y, {"sample_weight": (np.arange(N) % 3 > 0).astype(float)}
    yield "huge weights", X, y, {"sample_weight": np.where(np.arange(N) % 2, 1e8, 1.0)}
    yield "excluded features", X, y, {"penalty_weights": np.full(P, np.inf)}
    yield "free features", X, y, {"penalty_weights": np.zeros(P)}
    if loss != "several":
        yield "no room", X, y, {"bounds": (0.0, 0.0)}
    if loss in REAL:
        yield "huge responses", X, 1e8 * y, {}
        yield "tiny responses", X, 1e-8 * y, {}
    if loss in (*REAL, "poisson", "gamma"):
        yield "constant response", X, np.ones_like(y), {}
        yield "one sample", X[:1], y[:1], {}
        yield "one sample with weight", X, y, {"sample_weight": np.eye(N)[0]}
        yield (
            "exact fit",
            X,
            {
                "poisson": np.round(np.exp(2 * X[:, 0])),
                "gamma": np.exp(X[:, 0]),
                "several": X[:, :2],
            }.get(loss, X[:, 0]),
            {},
        )
    if loss == "several":
        yield "the same response twice", X, y[:, [0, 0]], {}
    if loss in REAL:
        yield "zero response", X, np.zeros_like(y), {}
    if loss == "poisson":
        yield "no counts", X, np.zeros_like(y), {}
        yield "one count", X, np.eye(N)[0], {}
        yield (
            "counts without weight",
            X,
            np.where(np.arange(N) < 5, y + 1, 0.0),
            {"sample_weight": (np.arange(N) >= 5).astype(float)},
        )
        yield "huge counts", X, 1e8 * y, {}
        yield "zeros marked by a feature", change(X, 0, (y == 0).astype(float)), y, {}
    if loss == "gamma":
        yield "huge responses", X, 1e8 * y, {}
        yield "tiny responses", X, 1e-8 * y, {}
    if loss in ("log_loss", "multinomial"):
        k = len(np.unique(y))
        yield "separated", change(X, 0, y), y, {}
        yield "separated, no penalty", change(X, 0, y), y, {"alpha": 0.0}
        yield (
            "separated but for ties",
            change(X, 0, np.maximum(y, 1)),
            np.maximum(y, 1) * (np.arange(N) % 2),
            {"alpha": 0.0},
        )
        yield "one sample a class", X[:k], np.arange(k), {}
        yield (
            "one rare class",
            X,
            np.where(
                np.arange(N) < k,
                np.arange(k).repeat(N)[::N][np.minimum(np.arange(N), k - 1)],
                0,
            ),
            {},
        )
        yield (
            "a class almost without weight",
            X,
            y,
            {"sample_weight": np.where(y == 0, 1e-12, 1.0)},
        )
        yield "all samples alike", np.ones((N, 1)) * X[:1], y, {}
    if loss == "cox":
        yield "all censored", X, times(np.zeros(N, bool), y["time"]), {}
        yield "one event", X, times(np.arange(N) == 3, y["time"]), {}
        yield (
            "the first event only",
            X,
            times(np.arange(N) == y["time"].argmin(), y["time"]),
            {},
        )
        yield "the last event only", X, times(np.arange(N) == y["time"].argmax(), y["time"]), {}
        yield "no ties", X, times(y["event"], np.arange(1.0, N + 1)), {}
        yield "all tied", X, times(np.ones(N, bool), np.ones(N)), {}
        yield "events in order of a feature", X, times(np.ones(N, bool), -X[:, 0] + 10), {}
        yield (
            "events in order of a feature, no penalty",
            X,
            times(np.ones(N, bool), -X[:, 0] + 10),
            {"alpha": 0.0},
        )
        yield "huge times", X, times(y["event"], 1e8 * y["time"]), {}
        yield "events without weight", X, y, {"sample_weight": np.where(y["event"], 0.0, 1.0)}
        yield "one sample", X[:1], y[:1], {}


def penalties_for(loss, p):
    """Return the penalties that a loss goes with, one group of all features among them."""
    pairs = np.arange(p) // 2
    if loss == "quantile":
        return [L1(), ElasticNet(0.5), MCP(3.0, adaptive=True)]
    joined = [L1(), GroupLasso(np.zeros(p, int)), GroupMCP(pairs, adaptive=True)]
    if loss == "several":
        return joined
    if loss == "multinomial":
        return [*joined[:2], TopK(2)]
    more = [SparseGroupLasso(pairs), TopK(2), GroupTopK(pairs, 1), KSupport(2)]
    return [*joined, MCP(3.0, adaptive=True), *more]


def estimator(loss, penalty, alpha=0.05, **options):
    if loss == "cox":
        options.pop("fit_intercept", None)
        return PenalizedCox(alpha, penalty=penalty, **options)
    options["loss"] = "squared_error" if loss == "several" else loss
    kind = PenalizedClassifier if loss in CLASSES else PenalizedRegressor
    return kind(alpha, penalty=penalty, **options)


def check_fit(model, X, y, weight):
    """Fit; return whether that went without a warning of no convergence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, sample_weight=weight)
    kinds = [record.category for record in caught]
    assert all(kind in (ConvergenceWarning, UserWarning) for kind in kinds), caught[0].message
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    assert np.isfinite(model.objective_)
    assert model.converged_ != (ConvergenceWarning in kinds)
    return model.converged_


@pytest.mark.parametrize("loss", LOSSES)
def test_fits_end_with_finite_numbers_and_say_whether_they_converged(loss):
    held = {"L1", "GroupLasso", "SparseGroupLasso", "KSupport"}
    for name, X, y, options in situations(loss):
        weight, extreme = options.pop("sample_weight", None), name in MAY_MISS
        for penalty in penalties_for(loss, X.shape[1]):
            model = estimator(loss, penalty, max_iter=2000, **options)
            converged = check_fit(model, X, y, weight)
            if type(penalty).__name__ in held and options.get("alpha") != 0.0 and not extreme:
                assert converged, (name, penalty)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "several"])
@pytest.mark.parametrize("solver", ["accelerated", "convex"])
def test_solvers_by_name_end_too(loss, solver):
    if (loss, solver) == ("quantile", "accelerated"):
        pytest.skip("a loss with a kink")
    for name, X, y, options in situations(loss):
        weight = options.pop("sample_weight", None)
        model = estimator(loss, L1(), solver=solver, max_iter=300, **options)
        check_fit(model, X, y, weight)
        if "constant columns" in name or "zeros" in name:
            assert model.converged_


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "several"])
def test_constraints_without_a_common_point_are_refused(loss):
    X, y = draw(loss)
    ones = np.ones((1, P))
    apart = [LinearConstraint(ones, 1.0, 2.0), LinearConstraint(ones, -2.0, -1.0)]
    beyond = LinearConstraint(ones, 7.0, np.inf)
    for options in ({"constraints": apart}, {"constraints": beyond, "bounds": (-1.0, 1.0)}):
        with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
            estimator(loss, L1(), standardize=False, **options).fit(X, y)


def test_gradients_of_rounding_are_nothing_to_explain():
    """Classes in balance have no gradient along ones, but for rounding."""
    y = np.arange(30) % 2
    for penalty in (TopK(2), KSupport(2), L1()):
        model = PenalizedClassifier(0.0, penalty=penalty, fit_intercept=False)
        model.set_params(alpha=0.05).fit(np.ones((30, 6)), y)
        assert model.converged_
        assert model.n_iter_ <= 10
