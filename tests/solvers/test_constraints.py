"""Linear constraints as users give them: checked, scaled, and refused if they cannot be met."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import LinearConstraint

from sparsestat.solvers.constraints import (
    LinearConstraints,
    feasible_point,
    linear_constraints,
)


def framed(constraints, scales, weights=None, lower=-np.inf, upper=np.inf):
    p = len(scales)
    return linear_constraints(
        constraints,
        np.asarray(scales, dtype=float),
        weights=np.ones(p) if weights is None else np.asarray(weights, dtype=float),
        lower=np.full(p, lower),
        upper=np.full(p, upper),
    )


def test_the_users_coefficients_meet_the_constraints_when_the_scaled_ones_do(rng):
    A, scales = rng.standard_normal((3, 5)), np.array([0.1, 2.0, 30.0, 1.0, np.inf])
    coef = np.append(rng.standard_normal(4), 0.0)
    rows = framed(LinearConstraint(A, A @ coef, A @ coef + 1.0), scales)
    scaled = np.where(np.isfinite(scales), coef * np.where(np.isfinite(scales), scales, 0), 0)
    np.testing.assert_allclose((rows.A**2).sum(axis=1), 1.0)
    np.testing.assert_allclose(rows.A @ scaled, rows.lower, atol=1e-14)
    assert not rows.A[:, 4].any()  # a constant column's coefficient is zero anyway
    assert rows.infeasibility(scaled, np.zeros(3)) == 0.0
    assert rows.infeasibility(scaled, -np.ones(3)) == 0.0
    assert rows.infeasibility(scaled, np.ones(3)) > 0.01


def test_lists_are_stacked_and_rows_that_say_nothing_dropped():
    first = LinearConstraint(sparse.csr_array(np.eye(3)), -1.0, 1.0)
    second = LinearConstraint([1.0, 1.0, 1.0], 0.0, 0.0)
    idle = LinearConstraint([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], -1.0, [1.0, np.inf])
    rows = framed([first, second, idle], np.ones(3))
    assert rows.A.shape == (5, 3)
    assert rows.equal.tolist() == [False, False, False, True, False]
    assert framed(None, np.ones(3)) is None
    assert framed([], np.ones(3)) is None
    assert framed(LinearConstraint(np.ones((1, 3)), -np.inf, np.inf), np.ones(3)) is None


@pytest.mark.parametrize("bad", ["sum to zero", 3.0, [np.ones(3)], {"A": 1}], ids=str)
def test_other_things_are_no_constraints(bad):
    with pytest.raises(TypeError, match=r"constraints must be a scipy.optimize.LinearConstr"):
        framed(bad, np.ones(3))


@pytest.mark.parametrize(
    ("A", "lb", "ub", "message"),
    [
        (np.ones((1, 2)), 0.0, 0.0, "one column for each of 3 features. Got shape"),
        ([[1.0, np.nan, 0.0]], 0.0, 0.0, "finite numbers"),
        ([[1.0, np.inf, 0.0]], 0.0, 0.0, "finite numbers"),
        (np.eye(3), [0.0, 2.0, 0.0], 1.0, "lb <= ub"),
        (np.eye(3), np.nan, 1.0, "lb <= ub"),
        (np.eye(3), np.inf, np.inf, "lb <= ub"),
        (np.eye(3), -np.inf, -np.inf, "lb <= ub"),
    ],
)
def test_bad_matrices_and_bounds_are_refused(A, lb, ub, message):
    with pytest.raises(ValueError, match=f"constraints must have.*{message}"):
        framed(LinearConstraint(A, lb, ub), np.ones(3))


@pytest.mark.parametrize(
    "impossible",
    [
        {"constraints": LinearConstraint([[1, 1, 1], [1, 1, 1]], [0, 1], [0, 2])},
        {"constraints": LinearConstraint([[1, 1, 1], [-1, -1, -1]], [1, 1], np.inf)},
        {"constraints": LinearConstraint([1, 1, 1], 1, 1), "upper": 0.3},
        {"constraints": LinearConstraint([1, 1, 1], -2, -1), "lower": 0.0},
        {"constraints": LinearConstraint([1, 1, 0], 1, 1), "weights": [np.inf, np.inf, 1]},
        {"constraints": LinearConstraint([1, 1, 0], 1, 1), "scales": [np.inf, np.inf, 1]},
        {"constraints": LinearConstraint([0, 0, 0], 1, 1)},
        {"constraints": LinearConstraint([1, 1, 1], 1e-9, 1e-9), "lower": -1.0, "upper": 0.0},
    ],
    ids=[
        "two sums",
        "above and below",
        "low upper bounds",
        "positive",
        "excluded",
        "constant columns",
        "zero row",
        "tiny sum of negatives",
    ],
)
def test_what_cannot_be_met_is_refused(impossible):
    with pytest.raises(ValueError, match="constraints cannot be met"):
        framed(**{"scales": np.ones(3), **impossible})


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_feasible_points_are_sparse_and_meet_constraints_of_any_size(size, rng):
    A = rng.standard_normal((4, 20))
    target = size * (A @ rng.uniform(0.0, 1.0, 20))
    rows = LinearConstraints(A, target, target)
    kept = np.arange(20) > 2
    b = feasible_point(rows, kept, np.zeros(20), np.full(20, np.inf))
    np.testing.assert_allclose(A @ b, target, rtol=1e-7, atol=1e-8 * size)
    assert (b >= 0.0).all()
    assert not b[:3].any()
    assert np.count_nonzero(b) <= 4


def test_zero_is_the_feasible_point_where_it_is_one():
    rows = LinearConstraints(np.ones((1, 3)), np.zeros(1), np.ones(1))
    assert not feasible_point(rows, np.ones(3, bool), np.full(3, -1.0), np.ones(3)).any()


def test_support_is_the_largest_product_over_the_bounds():
    rows = LinearConstraints(
        np.eye(3), np.array([-1.0, -np.inf, 2.0]), np.array([3.0, 1.0, 5.0])
    )
    assert rows.support(np.array([-2.0, 0.5, 0.0])) == 2.5
    assert rows.support(np.array([0.0, -1.0, 0.0])) == np.inf


def test_directions_are_those_that_rows_at_their_bounds_allow():
    rows = LinearConstraints(
        np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]) / np.array([[np.sqrt(3)], [1.0]]),
        np.array([0.0, -1.0]),
        np.array([0.0, 0.5]),
    )
    everything = np.arange(3)
    assert rows.directions(np.array([0.2, -0.2, 0.0]), everything).shape == (3, 2)
    at_bound = rows.directions(np.array([0.5, -0.5, 0.0]), everything)
    wanted = [0.0, np.sqrt(0.5), np.sqrt(0.5)]
    np.testing.assert_allclose(np.abs(at_bound[:, 0]), wanted, atol=1e-15)
    assert rows.directions(np.array([0.2, -0.2, 0.0]), np.array([0, 1])).shape == (2, 1)
