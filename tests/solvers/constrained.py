"""Problems with constraints for tests, and their KKT conditions written out."""

import numpy as np
from scipy.optimize import linprog

from sparsestat import L1, GammaLoss, HuberLoss, LogisticLoss, PoissonLoss, SquaredLoss
from sparsestat.linalg import DenseDesign
from sparsestat.solvers import GLMProblem, LeastSquaresProblem, solve_path
from sparsestat.solvers.constraints import LinearConstraints

TOL = 1e-9
N, P = 60, 20
SOLVERS = ["multipliers", "convex"]
LOSSES = [SquaredLoss(), HuberLoss(0.7), LogisticLoss(), PoissonLoss(), GammaLoss()]


def rows(A, lower, upper):
    """Return constraints with rows of norm 1."""
    A = np.atleast_2d(np.asarray(A, dtype=float))
    norms = np.sqrt((A**2).sum(axis=1))
    sides = [np.broadcast_to(b, norms.shape) / norms for b in (lower, upper)]
    return LinearConstraints(A / norms[:, None], *sides)


def join(*parts):
    pairs = zip(*((part.A, part.lower, part.upper) for part in parts), strict=True)
    return LinearConstraints(*(np.concatenate(pair) for pair in pairs))


def constraints(name, p=P):
    """Return the constraints that tests are about."""
    ones, steps = np.ones((1, p)), np.diff(np.eye(p), axis=0)
    random = np.random.default_rng(3).standard_normal((5, p))
    return {
        "sum to zero": rows(ones, 0.0, 0.0),
        "sum to one": rows(ones, 1.0, 1.0),
        "redundant": rows(np.vstack([ones, 2.0 * ones, ones]), 0.0, [0.0, 0.0, 1.0]),
        "monotone": rows(steps[:7], 0.0, np.inf),
        "concave": rows(np.diff(steps[:8], axis=0), -np.inf, 0.0),
        "one side": rows(random, -np.inf, -0.05),
        "two sides": rows(random, -0.1, 0.02),
        "sums of groups": rows(np.repeat(np.eye(2), p // 2, axis=1), 0.0, 0.0),
    }[name]


CONSTRAINTS = [
    "sum to zero",
    "sum to one",
    "redundant",
    "monotone",
    "concave",
    "one side",
    "two sides",
    "sums of groups",
]
OPTIONS = {
    "plain": {},
    "ridge, box": {"l2": 0.05, "lower": -0.4, "upper": 0.5},
    "nonnegative": {"lower": 0.0},
    "penalty weights": {
        "weights": np.r_[0.0, 0.0, np.inf, np.inf, np.linspace(0.5, 2.0, P - 4)]
    },
}


def sample(loss, seed=0, n=N, p=P):
    """Draw centred columns and responses."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    X -= X.mean(axis=0)
    eta = X[:, ::4] @ np.array([0.8, -0.6, 0.5, -0.7, 0.4])[: X[:, ::4].shape[1]]
    y = {
        SquaredLoss: lambda: eta + rng.standard_normal(n),
        HuberLoss: lambda: eta + rng.standard_t(2.0, n),
        LogisticLoss: lambda: (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float),
        PoissonLoss: lambda: rng.poisson(np.exp(eta)).astype(float),
        GammaLoss: lambda: rng.gamma(2.0, np.exp(eta) / 2.0),
    }[type(loss)]()
    weight = rng.uniform(0.2, 1.8, n)
    return X, y, weight / weight.mean(), 0.3 * rng.standard_normal(n)


def pose(loss, penalty=None, held=None, **options):
    """Return a problem; least squares has neither intercept nor weights."""
    X, y, weight, offset = sample(loss)
    design = DenseDesign(np.asfortranarray(X))
    terms = {"penalty": penalty or L1(), "weights": np.ones(P), **options, "constraints": held}
    if isinstance(loss, SquaredLoss):
        return LeastSquaresProblem(design, y - y.mean(), **terms)
    glm = {"loss": loss, "sample_weight": weight, "offset": offset, "fit_intercept": True}
    return GLMProblem(design, y, **terms, **glm)


def solve(problem, alphas, solver="auto", tol=TOL, max_iter=10_000, start=None):
    options = {"solver": solver, "tol": tol, "max_iter": max_iter, "start": start}
    return list(solve_path(problem, np.atleast_1d(alphas), **options))


def size(problem):
    return np.abs(problem.gradient_at_zero[np.isfinite(problem.weights)]).max()


def gradient(problem, solution):
    """Return minus the gradient of loss and l2 term, written out."""
    X, y = problem.design.columns.T, problem.y
    if isinstance(problem, LeastSquaresProblem):
        return X.T @ (y - X @ solution.coef) / len(y) - problem.l2 * solution.coef
    eta = X @ solution.coef + solution.intercept + problem.offset
    r = -problem.sample_weight * problem.loss.gradient(y, eta)
    assert abs(r.mean()) <= 1e-8  # the intercept is the best one
    return X.T @ r / len(y) - problem.l2 * solution.coef


def violation(problem, alpha, solution):
    """Return the least distance to stationarity over all multipliers, by a linear program."""
    b, q, held = solution.coef, gradient(problem, solution), problem.constraints
    kept = np.isfinite(problem.weights)
    slope = problem.penalty.derivative(b[kept], alpha * problem.weights[kept])
    low = np.where(b[kept] > 0.0, slope, -slope)  # the subdifferential, and what bounds add
    high = np.where(b[kept] < 0.0, -slope, slope)
    low = np.where(b[kept] <= problem.lower[kept], -np.inf, low)
    high = np.where(b[kept] >= problem.upper[kept], np.inf, high)
    values = held.A @ b
    at_lower, at_upper = (np.abs(values - s) <= 1e-9 for s in (held.lower, held.upper))
    above, below = np.isfinite(high), np.isfinite(low)
    A, ones = held.A[:, kept].T, np.ones((kept.sum(), 1))
    fit = linprog(
        np.append(np.zeros(len(values)), 1.0),
        A_ub=np.concatenate([np.hstack([-A, -ones])[above], np.hstack([A, -ones])[below]]),
        b_ub=np.concatenate([(high - q[kept])[above], (q[kept] - low)[below]]),
        bounds=[
            *zip(
                np.where(at_lower, -np.inf, 0.0), np.where(at_upper, np.inf, 0.0), strict=True
            ),
            (0.0, None),
        ],
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return fit.fun


def assert_met(problem, b):
    """Constraints and bounds hold to 1e-12, and exactly where coefficients are fixed."""
    held = problem.constraints
    values, slack = held.A @ b, 1e-12 * max(np.abs(b).max(), 1e-3)
    assert (values >= held.lower - slack).all()
    assert (values <= held.upper + slack).all()
    assert ((problem.lower <= b) & (b <= problem.upper)).all()
    assert not b[np.isinf(problem.weights)].any()
