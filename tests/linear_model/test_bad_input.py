"""Bad input is refused with a message that names it, and leaves no trace.

One table for all three entries: what is wrong, and what the message has to name.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sparsestat import (
    L1,
    MCP,
    SCAD,
    ElasticNet,
    PenalizedRegressor,
    PenalizedRegressorCV,
    penalized_path,
)

N, P = 20, 4
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, P))
Y = X[:, 0] + RNG.standard_normal(N)
for array in (X, Y):
    array.flags.writeable = False

REFUSED = (TypeError, ValueError)
FIT_ARGUMENTS = ("X", "y", "sample_weight", "offset")


def spoilt(array, value):
    """Return a copy with one entry replaced."""
    array = array.astype(np.result_type(array, type(value)))
    array.flat[-1] = value
    return array


ENTRIES = [PenalizedRegressor, PenalizedRegressorCV, penalized_path]


@pytest.fixture(params=ENTRIES, ids=lambda entry: entry.__name__)
def entry(request):
    return request.param


def check_refused(entry, names, arguments):
    """Check that the call is refused by name and that an estimator stays unfitted."""
    given = {"X": X, "y": Y}
    given |= {name: arguments[name] for name in FIT_ARGUMENTS if name in arguments}
    parameters = {name: arguments[name] for name in arguments if name not in FIT_ARGUMENTS}
    if entry is penalized_path:
        with pytest.raises(REFUSED, match=names):
            entry(**given, **parameters)
        return
    estimator = entry(**parameters)
    before = set(vars(estimator))
    with pytest.raises(REFUSED, match=names):
        estimator.fit(**given)
    assert set(vars(estimator)) == before
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


# --- arrays -------------------------------------------------------------------

BAD_VALUES = {
    "NaN": lambda array: spoilt(array, np.nan),
    "inf": lambda array: spoilt(array, np.inf),
    "-inf": lambda array: spoilt(array, -np.inf),
    "complex": lambda array: array + 1j,
    "words": lambda array: np.full(array.shape, "word"),
    "objects": lambda array: np.full(array.shape, {}, dtype=object),
    "missing": lambda array: np.full(array.shape, None),
    "empty": lambda array: array[:0],
}


@pytest.mark.parametrize("bad", BAD_VALUES)
@pytest.mark.parametrize("name", ["X", "y", "sample_weight", "offset"])
def test_an_array_with_bad_values_is_named(entry, name, bad):
    good = {"X": X, "y": Y, "sample_weight": np.ones(N), "offset": np.zeros(N)}[name]
    check_refused(entry, rf"\b{name}\b", {name: BAD_VALUES[bad](good)})


@pytest.mark.parametrize("bad", ["NaN", "inf"])
@pytest.mark.parametrize("to_sparse", [sparse.csr_array, sparse.csc_array, sparse.coo_array])
def test_bad_values_in_sparse_input_are_named(entry, bad, to_sparse):
    check_refused(entry, r"\bX\b", {"X": to_sparse(BAD_VALUES[bad](X))})


WRONG_SHAPES = {
    "X of one dimension": (r"\bX\b", {"X": X[:, 0]}),
    "X of three dimensions": (r"\bX\b", {"X": X[:, :, None]}),
    "X a number": (r"\bX\b", {"X": 1.0}),
    "X missing": (r"\bX\b", {"X": None}),
    "X without features": (r"\bX\b", {"X": X[:, :0]}),
    "y short": (r"\by\b", {"y": Y[1:]}),
    "y long": (r"\by\b", {"y": np.append(Y, 0.0)}),
    "y of three axes": (r"\by\b", {"y": np.ones((N, 2, 2))}),
    "y missing": (r"\by\b", {"y": None}),
    "y a number": (r"\by\b", {"y": 1.0}),
    "sample_weight short": ("sample_weight", {"sample_weight": np.ones(N - 1)}),
    "sample_weight a column": (r"[Ss]ample.weight", {"sample_weight": np.ones((N, 1))}),
    "offset short": ("offset", {"offset": np.zeros(N - 1)}),
    "offset a column": ("offset", {"offset": np.zeros((N, 1))}),
    "offset a number": ("offset", {"offset": 1.0}),
    "offset sparse": ("offset", {"offset": sparse.csr_array(np.zeros((N, 1)))}),
}


@pytest.mark.parametrize(("names", "arguments"), WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_an_array_of_the_wrong_shape_is_named(entry, names, arguments):
    check_refused(entry, names, arguments)


@pytest.mark.parametrize("weight", [-1.0, 0.0])
@pytest.mark.parametrize("single", [True, False])
def test_weights_must_be_nonnegative_and_not_all_zero(entry, weight, single):
    weight = weight if single else np.full(N, weight)
    check_refused(entry, r"[Ss]ample.weight", {"sample_weight": weight})


def test_one_negative_weight_is_too_many(entry):
    check_refused(entry, "sample_weight", {"sample_weight": spoilt(np.ones(N), -1e-300)})


# --- parameters ---------------------------------------------------------------

BAD_PARAMETERS = {
    "loss": ["absolute", None, 1],
    "penalty": ["l1", MCP, 3.0],
    "l2": [-1e-9, np.nan, np.inf, "1", None],
    "fit_intercept": ["yes", None, 2],
    "standardize": ["yes", None, 2],
    "positive": ["yes", None, 2],
    "solver": ["newton", None, "WORKING_SET"],
    "tol": [0.0, -1e-3, np.nan, np.inf, "1"],
    "max_iter": [0, -1, 1.5, "10", None],
    "penalty_weights": [
        1.0,
        "ones",
        [],
        [1.0],
        np.ones((P, 1)),
        np.ones(P + 1),
        [-1.0] * P,
        [np.nan, 1.0, 1.0, 1.0],
        [-np.inf, 1.0, 1.0, 1.0],
        ["a"] * P,
        [None] * P,
        [1j] * P,
        np.full(P, 1j),
        {"a": 1.0},
    ],
}
BAD_STRENGTH = {"alpha": [-1e-9, np.nan, np.inf, "1", None, [0.1], 1j], "warm_start": [2, "no"]}
BAD_PATH = {
    "alphas": [
        0,
        -5,
        2.5,
        "ten",
        None,
        np.nan,
        [],
        [-0.1],
        [0.1, np.nan],
        [np.inf],
        [[0.1, 0.2]],
        ["a"],
        [1j],
        [None],
        np.array(3.0),
    ],
    "eps": [0.0, 1.0, -0.1, 2.0, np.nan, "1", None],
}
BAD_CV = {
    "cv": [
        0,
        1,
        -3,
        2.5,
        "five",
        np.nan,
        N + 1,
        [],
        [1, 2],
        [([0, 1], [])],
        [([], [0, 1])],
        [([0, 1], [N])],
        [("a", "b")],
        [([0.5], [1.5])],
    ],
    "scoring": ["best", 3, ["r2"]],
    "selection": ["max", None, 1],
    "n_jobs": [0, 1.5, "two"],
}


def cases(*tables):
    return [
        pytest.param(name, value, id=f"{name}={value!r}"[:40].replace("\n", ""))
        for table in tables
        for name, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), cases(BAD_PARAMETERS))
def test_a_bad_parameter_of_the_model_is_named(entry, name, value):
    check_refused(entry, name, {name: value})


@pytest.mark.parametrize(("name", "value"), cases(BAD_STRENGTH))
def test_a_bad_strength_or_start_is_named(name, value):
    check_refused(PenalizedRegressor, name, {name: value})


@pytest.mark.parametrize(("name", "value"), cases(BAD_PATH))
@pytest.mark.parametrize("entry", [PenalizedRegressorCV, penalized_path])
def test_a_bad_parameter_of_the_path_is_named(entry, name, value):
    check_refused(entry, name, {name: value})


@pytest.mark.parametrize(("name", "value"), cases(BAD_CV))
def test_a_bad_parameter_of_cross_validation_is_named(name, value):
    check_refused(PenalizedRegressorCV, rf"\b{name}\b", {"alphas": 3, name: value})


@pytest.mark.parametrize("penalty", [MCP, SCAD, ElasticNet])
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "2", None, True, 1j, [3.0]], ids=str)
def test_a_bad_shape_is_named_when_the_penalty_is_made_or_changed(penalty, value):
    name = "l1_ratio" if penalty is ElasticNet else "gamma"
    with pytest.raises(REFUSED, match=f"'{name}' parameter of {penalty.__name__}"):
        penalty(value)
    estimator = PenalizedRegressor(penalty=penalty())
    with pytest.raises(REFUSED, match=f"'{name}' parameter of {penalty.__name__}"):
        estimator.set_params(**{f"penalty__{name}": value})
    assert estimator.penalty == penalty()


@pytest.mark.parametrize(("penalty", "edge"), [(MCP, 1.0), (SCAD, 2.0)])
def test_the_edge_of_the_range_of_gamma_is_outside(penalty, edge):
    with pytest.raises(ValueError, match=rf"gamma.* > {edge:g}"):
        penalty(edge)
    assert penalty(np.nextafter(edge, 3.0)).gamma > edge


def test_numbers_of_other_types_are_numbers():
    options = {"l2": np.float32(0.5), "max_iter": np.int64(50), "tol": np.float64(1e-6)}
    model = PenalizedRegressor(np.int32(1), penalty=MCP(np.float32(3)), **options).fit(X, Y)
    expected = PenalizedRegressor(1.0, penalty=MCP(3.0), l2=0.5, tol=1e-6).fit(X, Y)
    assert_array_equal(model.coef_, expected.coef_)


# --- after the fit ------------------------------------------------------------


@pytest.fixture
def fitted():
    return PenalizedRegressor(0.1, penalty=L1(), warm_start=True).fit(X, Y)


@pytest.mark.parametrize(
    "bad", [np.zeros(N - 1), np.zeros((N, 1)), 1.0, spoilt(np.zeros(N), np.nan), ["a"] * N]
)
def test_a_bad_offset_is_named_by_predict(fitted, bad):
    with pytest.raises(REFUSED, match="offset"):
        fitted.predict(X, offset=bad)


def test_predict_wants_the_features_of_the_fit(fitted):
    with pytest.raises(ValueError, match=r"X has 3 features.* expecting 4 features"):
        fitted.predict(X[:, :3])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        PenalizedRegressor().predict(X)


def test_a_warm_start_of_another_width_is_refused_and_keeps_the_old_fit(fitted):
    coef = fitted.coef_
    with pytest.raises(
        ValueError, match=r"warm_start=True needs as many features.*\(4,\).*Got 3"
    ):
        fitted.fit(X[:, :3], Y)
    assert fitted.coef_ is coef
    assert fitted.n_features_in_ == 4
    fitted.set_params(warm_start=False).fit(X[:, :3], Y)
    assert fitted.coef_.shape == (3,)


@pytest.mark.parametrize("argument", ["X", "y", "sample_weight", "offset"])
def test_a_failed_refit_keeps_the_old_fit(fitted, argument):
    before = dict(vars(fitted))
    arguments = {"X": X, "y": Y, argument: np.full_like(X if argument == "X" else Y, np.nan)}
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(**arguments)
    assert vars(fitted) == before
