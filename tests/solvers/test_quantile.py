"""Quantile regression: the optimum is exact, whatever the data; the certificate says so."""

import math
from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np
import pytest
from definitions import violation_of_quantiles
from oracles import penalty_sum
from scipy import sparse, stats
from scipy.optimize import linprog
from sklearn.linear_model import QuantileRegressor
from statsmodels.regression.quantile_regression import QuantReg

from sparsestat import CEL0, L0, L1, MCP, SCAD, CappedL1, ElasticNet, LogSum, Lq, SquaredLoss
from sparsestat.linalg import CentredSparseDesign, DenseDesign
from sparsestat.losses.quantile import QuantileLoss
from sparsestat.penalties import Penalty, ScalarFunctions
from sparsestat.solvers import (
    GLMProblem,
    Status,
    alpha_max,
    choose_solver,
    degrees_of_freedom,
    solve_path,
)
from sparsestat.solvers.quantile import QuantileProblem

TOL = 1e-9
LASSO = L1()
SHARES = np.array([0.5, 0.1, 0.01])  # of alpha_max
CONCAVE = [MCP(3.0), MCP(1.5), SCAD(3.7), SCAD(2.2), LogSum(1.0), LogSum(0.1), CappedL1(0.3)]


@dataclass(frozen=True)
class Setting:
    """A problem in plain arrays, for the oracles as for the solver."""

    X: np.ndarray
    y: np.ndarray
    quantile: float = 0.5
    penalty: Penalty = LASSO
    l2: float = 0.0
    sample_weight: np.ndarray | None = None
    offset: np.ndarray | float = 0.0
    fit_intercept: bool = True
    weights: np.ndarray | None = None
    lower: float = -math.inf
    upper: float = math.inf
    compressed: bool = False

    @property
    def shares(self):
        weight = np.ones(len(self.y)) if self.sample_weight is None else self.sample_weight
        return weight / weight.sum()

    @property
    def factors(self):
        return np.ones(self.X.shape[1]) if self.weights is None else self.weights

    @property
    def columns(self):
        """X as the solver has it: sparse columns are centred if there is an intercept."""
        centred = self.compressed and self.fit_intercept
        return self.X - self.shares @ self.X if centred else self.X

    def problem(self):
        if self.compressed:
            means = (self.shares @ self.X) * self.fit_intercept
            ones = np.ones(len(self.y))
            design = CentredSparseDesign(sparse.csc_array(self.X), ones, means)
        else:
            design = DenseDesign(np.asfortranarray(self.X))
        weight = None if self.sample_weight is None else self.shares * len(self.y)
        return QuantileProblem(
            design,
            self.y,
            self.penalty,
            self.factors,
            lower=self.lower,
            upper=self.upper,
            l2=self.l2,
            loss=QuantileLoss(self.quantile),
            sample_weight=weight,
            offset=self.offset,
            fit_intercept=self.fit_intercept,
        )

    def residual(self, b, b0):
        return self.y - self.offset - self.columns @ b - b0

    def objective(self, b, b0, alpha):
        r = self.residual(b, b0)
        loss = self.shares @ np.maximum(self.quantile * r, (self.quantile - 1.0) * r)
        return loss + penalty_sum(b, self.penalty, alpha, self.weights, self.l2)

    def program(self, alpha):
        """Solve the lasso by a linear program; return its value, coefficients, intercept."""
        n, p = self.X.shape
        kept, t = np.isfinite(self.factors), self.quantile
        slope = alpha * np.where(kept, self.factors, 0.0)
        cost = [slope, slope, [0.0], self.shares * t, self.shares * (1 - t)]
        constant = np.full((n, 1), float(self.fit_intercept))
        A = np.hstack([self.columns, -self.columns, constant, np.eye(n), -np.eye(n)])
        bounds = [(0, self.upper if k else 0) for k in kept]
        bounds += [(0, -self.lower if k else 0) for k in kept]
        bounds += [(None, None)] + [(0, None)] * (2 * n)
        options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
        fit = linprog(
            np.concatenate(cost),
            A_eq=A,
            b_eq=self.y - self.offset,
            bounds=bounds,
            options=options,
        )
        return fit.fun, fit.x[:p] - fit.x[p : 2 * p], fit.x[2 * p]

    def cone_program(self, alpha, ratio=1.0, ridge=0.0, more=None, tol=1e-11):
        """Return the least value with a lasso, ridge and more, by an interior point method."""
        kept = np.isfinite(self.factors)
        slope = alpha * np.where(kept, self.factors, 0.0)
        b, b0 = cp.Variable(self.X.shape[1]), cp.Variable()
        r = self.y - self.offset - self.columns @ b - (b0 if self.fit_intercept else 0.0)
        loss = self.shares @ cp.maximum(self.quantile * r, (self.quantile - 1.0) * r)
        lasso = cp.sum(cp.multiply(ratio * slope, cp.abs(b)))
        ridge = cp.sum(cp.multiply(ridge * slope + self.l2, cp.square(b))) / 2
        constraints = [b[~kept] == 0] if not kept.all() else []
        for sign, bound in ((1, self.upper), (-1, -self.lower)):
            if np.isfinite(bound):
                constraints.append(sign * b <= bound)
        extra = more(b, slope) if more else 0.0
        problem = cp.Problem(cp.Minimize(loss + lasso + ridge + extra), constraints)
        problem.solve(solver="CLARABEL", tol_gap_abs=tol, tol_gap_rel=tol, tol_feas=tol)
        return problem.value

    def stationarity(self, b, b0, alpha):
        """Return the least violation that any slopes of the losses leave."""
        kept = np.isfinite(self.factors)
        return violation_of_quantiles(
            self.residual(b, b0),
            1e-9 * np.abs(self.y).max(),
            self.quantile,
            self.shares,
            self.columns,
            b,
            self.penalty.derivative(b, alpha * np.where(kept, self.factors, 0.0)),
            np.where(kept, self.lower, 0.0),
            np.where(kept, self.upper, 0.0),
            self.l2,
            self.fit_intercept,
        )


def solve(setting, alphas, tol=TOL, max_iter=20_000, start=None):
    path = solve_path(setting.problem(), alphas, tol=tol, max_iter=max_iter, start=start)
    return list(path)


def largest(setting):
    return alpha_max(setting.problem(), tol=TOL, max_iter=20_000)


def unit(setting):
    """The size that errors of the objective are measured by."""
    return setting.objective(np.zeros(setting.X.shape[1]), np.median(setting.y), 0.0)


def make(n, p, seed=0, errors=None):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1))
    coef = np.where(np.arange(p) < 5, 1.0 - 0.5 * np.arange(p), 0.0)
    y = X @ coef + 1.0 + (rng.standard_t(3, n) if errors is None else errors)
    return X, y


# Numbers of samples of which no quantile below is a whole number: solutions are unique.
TALL, WIDE = make(79, 12), make(31, 60)


def mixed(p):
    weights = np.linspace(0.5, 2.0, p)
    weights[1::7], weights[2::7] = 0.0, np.inf
    return weights


def options_for(n, p):
    rng = np.random.default_rng(3)
    return {
        "plain": {},
        "no intercept": {"fit_intercept": False},
        "weights": {"sample_weight": rng.uniform(0.2, 3.0, n)},
        "offset": {"offset": rng.standard_normal(n)},
        "positive": {"lower": 0.0},
        "box": {"lower": -0.1, "upper": 0.2},
        "penalty weights": {"weights": mixed(p)},
        "all": {
            "sample_weight": rng.uniform(0.2, 3.0, n),
            "offset": rng.standard_normal(n),
            "weights": mixed(p),
            "lower": -0.2,
            "upper": 0.5,
        },
    }


NAMES = list(options_for(9, 9))


def setting_for(data, name, **more):
    X, y = {"tall": TALL, "wide": WIDE}[data]
    more = {**options_for(*X.shape)[name], **more}
    if more.get("compressed"):
        X = np.where(np.abs(X) < 0.8, 0.0, X)
    return Setting(X, y, **more)


# --- the optimum --------------------------------------------------------------------


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("compressed", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", ["tall", "wide"])
def test_the_lasso_is_the_vertex_of_a_linear_program(data, name, compressed, quantile):
    setting = setting_for(data, name, quantile=quantile, compressed=compressed)
    for alpha, s in zip(
        alphas := SHARES * largest(setting), solve(setting, alphas), strict=True
    ):
        value, b, b0 = setting.program(alpha)
        assert s.status is Status.CONVERGED
        assert abs(s.objective - value) <= 1e-10
        np.testing.assert_allclose(
            s.objective, setting.objective(s.coef, s.intercept, alpha), atol=1e-13
        )
        np.testing.assert_allclose(s.coef, b, atol=1e-7)
        if setting.fit_intercept:
            np.testing.assert_allclose(s.intercept, b0, atol=1e-7)
        if setting.factors.all():
            assert 0.0 <= s.dual_gap <= 1e-12
        else:
            assert np.isnan(s.dual_gap)


@pytest.mark.parametrize("quantile", [0.3, 0.5])
@pytest.mark.parametrize("data", ["tall", "wide"])
def test_so_many_samples_are_fitted_exactly_as_there_are_coefficients(data, quantile):
    setting = setting_for(data, "plain", quantile=quantile)
    alphas = largest(setting) * np.geomspace(0.9, 1e-3, 12)
    for s in solve(setting, alphas):
        size = np.abs(setting.residual(s.coef, s.intercept))
        fitted = np.count_nonzero(size <= 1e-13 * np.abs(setting.y).max())
        assert fitted == 1 + np.count_nonzero(s.coef)
        assert np.sort(size)[fitted] > 1e-6 if fitted < size.size else True


@pytest.mark.parametrize(
    ("penalty", "l2"), [(L1(), 0.05), (ElasticNet(0.4), 0.0), (ElasticNet(0.0), 0.0)], ids=str
)
@pytest.mark.parametrize("name", ["plain", "no intercept", "box", "all"])
@pytest.mark.parametrize("data", ["tall", "wide"])
def test_quadratic_terms_are_minimised_exactly(data, name, penalty, l2):
    setting = setting_for(data, name, quantile=0.3, penalty=penalty, l2=l2)
    ratio = getattr(penalty, "l1_ratio", 1.0)
    alphas = SHARES[1:] * (largest(setting) if ratio else 1.0)
    for alpha, s in zip(alphas, solve(setting, alphas), strict=True):
        assert s.status is Status.CONVERGED
        assert abs(s.objective - setting.cone_program(alpha, ratio, 1.0 - ratio)) <= 1e-8
        assert setting.stationarity(s.coef, s.intercept, alpha) <= 1e-9
        assert np.isnan(s.dual_gap) or s.dual_gap <= 1e-12
        if np.isinf(setting.upper) and setting.weights is None:
            size = np.abs(setting.residual(s.coef, s.intercept))
            fitted = np.count_nonzero(size <= 1e-12 * np.abs(setting.y).max())
            assert setting.fit_intercept <= fitted <= np.count_nonzero(s.coef) + 1


@pytest.mark.parametrize("quantile", [0.2, 0.5])
def test_scikit_learn_solves_the_same_problem(quantile):
    setting = setting_for("tall", "plain", quantile=quantile)
    for share in (0.3, 0.03):
        alpha = share * largest(setting)
        (s,) = solve(setting, [alpha])
        theirs = QuantileRegressor(quantile=quantile, alpha=alpha).fit(setting.X, setting.y)
        np.testing.assert_allclose(s.coef, theirs.coef_, atol=1e-8)
        np.testing.assert_allclose(s.intercept, theirs.intercept_, atol=1e-8)


@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.9])
def test_without_penalty_it_is_the_quantile_regression_of_statsmodels(quantile):
    setting = setting_for("tall", "plain", quantile=quantile)
    (s,) = solve(setting, [0.0])
    Z = np.column_stack([np.ones(len(setting.y)), setting.X])
    theirs = QuantReg(setting.y, Z).fit(q=quantile, max_iter=5000, p_tol=1e-10).params
    value = setting.objective(theirs[1:], theirs[0], 0.0)
    assert s.objective <= value + 1e-12  # they stop a little above the minimum
    np.testing.assert_allclose(s.objective, value, rtol=1e-5)
    np.testing.assert_allclose(np.append(s.intercept, s.coef), theirs, atol=0.02)


# --- degenerate data ------------------------------------------------------------------


def degenerate():
    rng = np.random.default_rng(5)
    X, y = make(36, 10, seed=5)
    signs = np.sign(X)
    copies = np.vstack([X[:12]] * 3)
    return {
        "integers": (np.round(X), np.round(y)),
        "signs": (signs, np.sign(y)),
        "binary response": (X, (y > 1.0).astype(float)),
        "count response": (signs, rng.poisson(1.0, 36).astype(float)),
        "duplicated rows": (copies, np.tile(y[:12], 3)),
        "duplicated rows, other responses": (copies, y),
        "duplicated columns": (np.hstack([X, X, -X[:, :4]]), y),
        "collinear columns": (np.hstack([X, X @ rng.standard_normal((10, 5))]), y),
        "exact fit": (X, X[:, 0] - 2.0 * X[:, 1]),
        "exact fit, wide": (make(12, 40)[0], np.round(make(12, 40)[1])),
        "constant response": (X, np.full(36, 2.0)),
        "zero response": (X, np.zeros(36)),
        "zero and constant columns": (np.hstack([X, np.zeros((36, 1)), np.ones((36, 1))]), y),
        "one sample": (X[:1], y[:1]),
        "two samples": (X[:2], y[:2]),
        "one feature": (X[:, :1], y),
        "outlier": (X, np.where(np.arange(36) == 3, 1e9, y)),
    }


DEGENERATE = list(degenerate())


@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "none"])
@pytest.mark.parametrize("quantile", [0.25, 0.5])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_problems_end_exactly(name, quantile, fit_intercept):
    setting = Setting(*degenerate()[name], quantile, fit_intercept=fit_intercept)
    alphas = np.append(SHARES, 1e-4) * (largest(setting) or 1.0)
    for alpha, s in zip(alphas, solve(setting, alphas), strict=True):
        assert s.status is Status.CONVERGED
        assert abs(s.objective - setting.program(alpha)[0]) <= 1e-10 * (1.0 + unit(setting))
        assert s.dual_gap <= 1e-11 * (1.0 + unit(setting))


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("penalty", [ElasticNet(0.5), *CONCAVE], ids=str)
@pytest.mark.parametrize("name", DEGENERATE[:8])
def test_degenerate_problems_end_with_other_penalties(name, penalty, l2):
    setting = Setting(*degenerate()[name], 0.5, penalty, l2)
    alphas = SHARES * largest(setting)
    for alpha, s in zip(alphas, solve(setting, alphas), strict=True):
        assert s.status is Status.CONVERGED
        assert setting.stationarity(s.coef, s.intercept, alpha) <= 1e-8 * alphas[0]


def test_random_small_problems_of_few_values_end_exactly():
    """Where most steps have no length: many more ties than coordinates."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, p = rng.integers(2, 40), rng.integers(1, 30)
        X, y = rng.integers(-1, 2, (n, p)).astype(float), rng.integers(0, 3, n).astype(float)
        setting = Setting(X, y, rng.choice([0.25, 0.5, 2 / 3]))
        alphas = np.append(SHARES, 1e-3) * (largest(setting) or 1.0)
        for alpha, s in zip(alphas, solve(setting, alphas), strict=True):
            assert s.status is Status.CONVERGED
            assert abs(s.objective - setting.program(alpha)[0]) <= 1e-12


@pytest.mark.parametrize("size", [1e-150, 1e-6, 1e6, 1e150])
def test_scales_of_columns_and_response_do_not_matter(size):
    X, y = TALL
    scales = np.geomspace(1e-5, 1e5, X.shape[1])
    plain, scaled = Setting(X, y), Setting(X / scales, size * y, weights=1.0 / scales)
    alpha = 0.05 * largest(plain)
    (one,), (other,) = solve(plain, [alpha]), solve(scaled, [alpha])
    assert other.status is Status.CONVERGED
    np.testing.assert_allclose(other.coef, size * one.coef * scales, rtol=1e-8)
    np.testing.assert_allclose(other.objective, size * one.objective, rtol=1e-12)


# --- penalties that are not linear ------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("penalty", CONCAVE, ids=str)
@pytest.mark.parametrize("name", ["plain", "all"])
@pytest.mark.parametrize("data", ["tall", "wide"])
def test_concave_penalties_end_at_stationary_points(data, name, penalty, l2):
    setting = setting_for(data, name, quantile=0.4, penalty=penalty, l2=l2)
    alphas = SHARES * largest(setting)
    scale = largest(replace(setting, penalty=L1()))
    for alpha, s in zip(alphas, solve(setting, alphas, tol=1e-8), strict=True):
        assert s.status is Status.CONVERGED
        assert setting.stationarity(s.coef, s.intercept, alpha) <= 1.1e-8 * scale
        assert np.isnan(s.dual_gap)
        if l2 == 0.0:  # a concave objective between kinks has its minima at vertices
            size = np.abs(setting.residual(s.coef, s.intercept))
            bound = (s.coef == setting.lower) | (s.coef == setting.upper)
            free = np.count_nonzero((s.coef != 0.0) & ~bound)
            assert np.count_nonzero(size <= 1e-12 * np.abs(setting.y).max()) == 1 + free


@pytest.mark.parametrize("penalty", CONCAVE, ids=str)
def test_nothing_near_a_stationary_point_is_better(penalty, rng):
    setting = setting_for("wide", "plain", quantile=0.4, penalty=penalty)
    alpha, p = 0.2 * largest(setting), setting.X.shape[1]
    (s,) = solve(setting, [alpha])
    for _ in range(200):
        b = s.coef + 1e-6 * rng.standard_normal(p) * (rng.random(p) < 0.2)
        b0 = s.intercept + 1e-6 * rng.standard_normal()
        assert setting.objective(b, b0, alpha) >= s.objective - 1e-14


def quartic_value(penalty, t, strength):
    return strength * (t + penalty.c * t**4 / 4.0)


def quartic_derivative(penalty, t, strength):
    return strength * (1.0 + penalty.c * t**3)


def quartic_curvature(penalty, t, strength):
    return 3.0 * strength * penalty.c * t**2


def bounded_value(penalty, t, strength):
    return strength * (penalty.c * t + math.sqrt(1.0 + t * t) - 1.0)


def bounded_derivative(penalty, t, strength):
    return strength * (penalty.c + t / math.sqrt(1.0 + t * t))


def bounded_curvature(penalty, t, strength):
    return strength * (1.0 + t * t) ** -1.5


def no_prox(penalty, z, step, strength):
    return z  # the search does without


@dataclass(frozen=True, repr=False)
class Quartic(Penalty):
    """Convex, steeper and steeper."""

    c: float = 1.0
    functions = ScalarFunctions(quartic_value, no_prox, quartic_derivative, quartic_curvature)
    convex = True

    ratio = 1.0

    def extra(self, b, slope):
        return cp.sum(cp.multiply(slope * self.c / 4.0, cp.power(b, 4)))


@dataclass(frozen=True, repr=False)
class Bounded(Penalty):
    """Convex, ever flatter: its tangents lie below it."""

    c: float = 1.0
    functions = ScalarFunctions(bounded_value, no_prox, bounded_derivative, bounded_curvature)
    convex = True

    @property
    def ratio(self):
        return self.c

    def extra(self, b, slope):
        sizes = cp.norm(cp.vstack([np.ones(b.size), b]), axis=0)
        return slope @ (sizes - 1.0)


@pytest.mark.parametrize("penalty", [Quartic(1.0), Quartic(50.0), Bounded(1.0), Bounded(0.1)])
@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_convex_penalties_of_your_own_reach_the_optimum(penalty, l2):
    setting = setting_for("tall", "plain", penalty=penalty, l2=l2)
    scale = largest(replace(setting, penalty=L1()))
    for alpha in (0.3 * scale, 0.05 * scale):
        (s,) = solve(setting, [alpha])
        assert s.status is Status.CONVERGED
        value = setting.cone_program(alpha, penalty.ratio, 0.0, penalty.extra, tol=1e-9)
        assert abs(s.objective - value) <= 1e-7
        assert setting.stationarity(s.coef, s.intercept, alpha) <= 2.0 * TOL * scale


@pytest.mark.parametrize("jumping", [L0(), CEL0(), Lq(0.5)], ids=str)
def test_penalties_that_jump_are_refused_by_a_sentence(jumping):
    problem = setting_for("tall", "plain", penalty=jumping).problem()
    with pytest.raises(ValueError, match=r"curvature of the loss.*MCP, SCAD, LogSum"):
        choose_solver(problem, "quantile")
    other = GLMProblem(
        problem.design, problem.y, L1(), np.ones(problem.n_features), loss=SquaredLoss()
    )
    with pytest.raises(ValueError, match="quantile loss only"):
        choose_solver(other, "quantile")
    assert choose_solver(setting_for("tall", "plain").problem()) == "quantile"


# --- paths ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", ["tall", "wide"])
def test_alpha_max_is_where_the_first_coefficient_enters(data, name):
    setting = setting_for(data, name, quantile=0.3)
    most = largest(setting)
    above, below = solve(setting, [most * (1 + 1e-6), most * 0.99])
    free = setting.factors == 0.0
    assert not above.coef[~free].any()
    assert below.coef[~free].any()
    if data == "tall" and np.isinf(setting.upper) and np.isinf(setting.lower):
        assert above.coef[free].all()


@pytest.mark.parametrize("name", ["integers", "signs", "duplicated rows", "zero response"])
def test_zero_is_optimal_at_alpha_max_also_where_samples_tie(name):
    setting = Setting(*degenerate()[name], 0.25)
    most = largest(setting)
    (s,) = solve(setting, [most or 1.0])
    assert not s.coef.any()
    assert s.dual_gap <= 1e-14
    u = setting.problem().null.residual / len(setting.y)
    assert abs(u.sum()) <= 1e-15
    assert (u >= (0.25 - 1.0) / len(u) - 1e-16).all()
    assert (u <= 0.25 / len(u) + 1e-16).all()


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=str)
@pytest.mark.parametrize("data", ["tall", "wide"])
def test_paths_are_continuous_and_do_not_depend_on_where_they_come_from(data, penalty):
    setting = setting_for(data, "weights", quantile=0.6, penalty=penalty)
    alphas = largest(setting) * np.geomspace(0.95, 0.005, 15)
    down = solve(setting, alphas)
    up = solve(setting, alphas[::-1])[::-1]
    for alpha, one, other in zip(alphas, down, up, strict=True):
        (alone,) = solve(setting, [alpha])
        np.testing.assert_allclose(other.coef, one.coef, atol=1e-9)
        np.testing.assert_allclose(alone.coef, one.coef, atol=1e-9)
        (near,) = solve(setting, [alpha * (1 + 1e-9)])
        assert abs(near.objective - one.objective) <= 1e-8
    values = np.array([s.objective for s in down])
    assert (np.diff(values) < 0.0).all()  # and concave in alpha
    slopes = np.diff(values) / np.diff(alphas)
    assert (np.diff(slopes) >= -1e-12).all()


def test_a_start_changes_the_work_not_the_solution():
    setting = setting_for("wide", "plain", quantile=0.4)
    alpha, p = 0.05 * largest(setting), setting.X.shape[1]
    (cold,) = solve(setting, [alpha])
    (warm,) = solve(setting, [alpha], start=cold.coef)
    (near,) = solve(setting, [alpha], start=1.01 * cold.coef)
    (astray,) = solve(setting, [alpha], start=np.ones(p))
    assert warm.n_iter == 0 < cold.n_iter
    for s in (warm, near, astray):
        np.testing.assert_allclose(s.coef, cold.coef, atol=1e-10)
        assert abs(s.objective - cold.objective) <= 1e-13


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_too_few_iterations_are_owned_up_to(l2):
    setting = setting_for("wide", "plain", quantile=0.4, l2=l2)
    alpha = 0.02 * largest(setting)
    (best,) = solve(setting, [alpha])
    gaps = []
    for max_iter in (1, 2, 5, 10, 20):
        (s,) = solve(setting, [alpha], max_iter=max_iter)
        assert s.status is Status.MAX_ITER
        assert s.kkt_violation > TOL
        assert s.objective - best.objective <= s.dual_gap + 1e-12
        gaps.append(s.objective - best.objective)
    assert gaps[0] > 1e-3
    assert gaps == sorted(gaps, reverse=True)


def test_an_intercept_that_is_not_settled_is_a_violation():
    """A start with one feature, unpenalised: nothing but the intercept can be wrong."""
    setting = Setting(*degenerate()["signs"], 0.25, weights=np.r_[0.0, np.full(9, np.inf)])
    for s in solve(setting, [1.0]):
        assert s.status is Status.CONVERGED
        assert abs(s.objective - setting.program(0.0)[0]) <= 1e-12


def test_working_sets_lose_and_gain_features():
    """Long paths up and down, more features than a set holds at once."""
    X, y = make(60, 400, seed=2)
    setting = Setting(X, y, 0.5)
    alphas = largest(setting) * np.geomspace(1.0, 0.02, 8)
    for alpha, s in zip(alphas, (down := solve(setting, alphas)), strict=True):
        assert s.status is Status.CONVERGED
        assert s.dual_gap <= 1e-13
        assert setting.stationarity(s.coef, s.intercept, alpha) <= 1e-10
    order = [7, 0, 5, 1, 6]
    for k, s in zip(order, solve(setting, alphas[order]), strict=True):
        np.testing.assert_allclose(s.coef, down[k].coef, atol=1e-9)


# --- data -----------------------------------------------------------------------------


def test_weights_are_repetitions():
    X, y = TALL
    counts = np.random.default_rng(0).integers(1, 4, len(y))
    weighted = Setting(X, y, 0.3, sample_weight=counts.astype(float))
    repeated = Setting(np.repeat(X, counts, axis=0), np.repeat(y, counts), 0.3)
    np.testing.assert_allclose(largest(weighted), largest(repeated), rtol=1e-12)
    alphas = SHARES * largest(weighted)
    pairs = zip(solve(weighted, alphas), solve(repeated, alphas), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(other.objective, one.objective, rtol=1e-12)
        np.testing.assert_allclose(other.coef, one.coef, atol=1e-10)


def test_float32_columns_are_solved_in_double_precision():
    X, y = WIDE[0].astype(np.float32), WIDE[1]
    single, double = Setting(X, y), Setting(X.astype(float), y)
    alphas = SHARES * largest(double)
    for one, other in zip(solve(single, alphas), solve(double, alphas), strict=True):
        np.testing.assert_allclose(one.coef, other.coef, atol=1e-9)


def test_the_curvature_at_the_null_model_is_the_density_at_the_quantile():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(4000)
    X = rng.standard_normal((4000, 2))
    for quantile in (0.1, 0.5, 0.8):
        density = stats.norm.pdf(stats.norm.ppf(quantile))
        got = Setting(X, y, quantile).problem().null_curvature
        np.testing.assert_allclose(got, density, rtol=0.1)
        scaled = Setting(X, 100.0 * y, quantile).problem().null_curvature
        np.testing.assert_allclose(scaled, got / 100.0, rtol=1e-10)
    assert np.isfinite(Setting(X, np.ones(4000)).problem().null_curvature)


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_degrees_of_freedom_are_the_samples_that_are_fitted_but_one(l2):
    setting = setting_for("tall", "plain", quantile=0.4, l2=l2)
    alpha = 0.1 * largest(setting)
    (s,) = solve(setting, [alpha])
    size = np.abs(setting.residual(s.coef, s.intercept))
    fitted = np.count_nonzero(size <= 1e-12 * np.abs(setting.y).max())
    assert fitted > 2
    got = degrees_of_freedom(setting.problem(), alpha, s)
    np.testing.assert_allclose(got, fitted - 1, rtol=1e-6)
