"""What every linear estimator promises beyond scikit-learn's checks.

A new estimator joins by one line in CASES.
"""

import pickle
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from sparsestat import (
    CEL0,
    L1,
    MCP,
    SCAD,
    ElasticNet,
    GroupLasso,
    LogSum,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedCox,
    PenalizedCoxCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
)
from sparsestat.penalties import GroupEnvelope, KSupport, TopK


class Case(NamedTuple):
    """An estimator, and which of the promises can hold for it.

    Parameters
    ----------
    estimator : estimator
        Has ``coef_`` and ``intercept_``.
    labels : tuple
        For a classifier the labels of its classes, sorted.
    censored : bool
        Whether the response is of events and times.
    positive : bool
        Whether the response has to be positive.
    strength : str or None
        The parameter that goes with the units of the response; None if it is found from
        the data.
    by_rows : bool
        Whether the fit depends on which rows stand where, as cross-validation does.
    column_units : bool
        Whether the units of the columns matter.
    response_units : bool
        Whether the units of the response matter beyond `strength`.
    by_columns : bool
        Whether the fit depends on which columns stand where, as groups are given.
    counts : bool
        Whether the sum of the weights matters, as the number of samples of a criterion.
    """

    estimator: BaseEstimator
    labels: tuple = ()
    censored: bool = False
    positive: bool = False
    strength: str | None = "alpha"
    by_rows: bool = False
    column_units: bool = False
    response_units: bool = False
    by_columns: bool = False
    counts: bool = False

    @property
    def has_gamma(self) -> bool:
        """Whether the default penalty is MCP: not where the loss has no curvature."""
        return getattr(self.estimator, "loss", None) != "quantile"

    @property
    def has_offset(self) -> bool:
        """Whether ``fit`` takes an offset: not for more than one linear predictor."""
        return len(self.labels) <= 2


PAIRS = [0, 0, 1, 1, 2, 2, 3, 3]  # of the features

CASES = [
    Case(PenalizedRegressor(0.1, penalty=L1())),
    Case(PenalizedRegressor(0.1, penalty=ElasticNet(0.5)), response_units=True),
    Case(PenalizedRegressor(0.1, penalty=MCP(3.0), solver="working_set")),
    Case(PenalizedRegressor(0.1, penalty=SCAD(3.7))),
    Case(PenalizedRegressor(0.1, penalty=LogSum(1.0)), response_units=True),
    Case(PenalizedRegressor(0.02, penalty=CEL0()), response_units=True),
    Case(PenalizedRegressor(0.1, standardize=False, fit_intercept=False), column_units=True),
    Case(PenalizedRegressorCV(5, cv=3), strength=None, by_rows=True),
    Case(
        PenalizedRegressorCV(5, penalty=L1(), cv=3, standardize=False, fit_intercept=False),
        strength=None,
        by_rows=True,
        column_units=True,
    ),
    Case(PenalizedRegressorCV(5, criterion="bic"), strength=None, counts=True),
    Case(PenalizedRegressor(0.1, loss="huber", tol=1e-10), response_units=True),
    Case(PenalizedRegressor(0.05, loss="quantile", l2=0.01, tol=1e-10), response_units=True),
    Case(PenalizedRegressor(0.1, loss="poisson", penalty=L1(), tol=1e-10), positive=True),
    Case(
        PenalizedRegressor(0.1, loss="poisson", standardize=False, fit_intercept=False),
        positive=True,
        column_units=True,
    ),
    Case(
        PenalizedRegressor(0.05, loss="gamma", penalty=SCAD(adaptive=True), tol=1e-10),
        positive=True,
    ),
    Case(
        PenalizedRegressorCV(5, loss="huber", penalty=L1(), cv=3, tol=1e-10),
        strength=None,
        by_rows=True,
        response_units=True,
    ),
    Case(
        PenalizedRegressorCV(5, loss="gamma", penalty=L1(), criterion="bic", tol=1e-10),
        positive=True,
        strength=None,
        counts=True,
    ),
    Case(PenalizedRegressor(penalty=TopK(2))),
    Case(PenalizedRegressor(0.1, penalty=KSupport(3), tol=1e-10), response_units=True),
    Case(PenalizedRegressor(0.1, penalty=GroupLasso(PAIRS), tol=1e-10), by_columns=True),
    Case(
        PenalizedRegressor(0.1, penalty=GroupEnvelope(PAIRS, 2.0), tol=1e-10),
        response_units=True,
        by_columns=True,
    ),
    Case(
        PenalizedRegressor(0.1, loss="huber", penalty=L1(), bounds=(-0.2, 0.5), tol=1e-10),
        column_units=True,
        response_units=True,
    ),
    Case(PenalizedRegressor(0.1, penalty=L1(), solver="accelerated", tol=1e-10)),
    Case(
        PenalizedRegressorCV(5, penalty=GroupLasso(PAIRS), cv=3, tol=1e-10),
        strength=None,
        by_rows=True,
        by_columns=True,
    ),
    Case(PenalizedClassifier(0.1, penalty=L1()), labels=("no", "yes")),
    Case(
        PenalizedClassifier(0.05, penalty=GroupLasso(PAIRS), loss="multinomial", l2=0.02),
        labels=("high", "low", "middle"),
        by_columns=True,
    ),
    Case(PenalizedClassifier(penalty=TopK(2), l2=0.01, tol=1e-10), labels=(0, 1)),
    Case(PenalizedCox(0.05, penalty=KSupport(3), tol=1e-10), censored=True),
    Case(PenalizedClassifier(0.12), labels=(-1, 1)),
    Case(
        PenalizedClassifier(
            0.1, penalty=SCAD(adaptive=True), l2=0.01, class_weight="balanced", tol=1e-10
        ),
        labels=(False, True),
    ),
    Case(
        PenalizedClassifier(0.1, penalty=L1(), standardize=False, fit_intercept=False),
        labels=(0, 1),
        column_units=True,
    ),
    Case(
        PenalizedClassifier(0.05, penalty=L1(), l2=0.01, tol=1e-10),
        labels=("high", "low", "middle"),
    ),
    Case(
        PenalizedClassifierCV(5, eps=0.3, cv=3),
        labels=("no", "yes"),
        strength=None,
        by_rows=True,
    ),
    Case(
        PenalizedClassifierCV(5, eps=0.3, penalty=L1(), cv=3, tol=1e-10),
        labels=(1, 2, 5),
        strength=None,
        by_rows=True,
    ),
    Case(
        PenalizedClassifierCV(
            5, eps=0.05, penalty=L1(), criterion="aic", class_weight="balanced"
        ),
        labels=(0, 1),
        strength=None,
        counts=True,
    ),
    Case(PenalizedCox(0.1, penalty=L1()), censored=True),
    Case(PenalizedCox(0.1, ties="efron", tol=1e-10), censored=True),
    Case(
        PenalizedCox(0.1, penalty=L1(), standardize=False, tol=1e-10),
        censored=True,
        column_units=True,
    ),
    Case(PenalizedCoxCV(5, eps=0.3, cv=3), censored=True, strength=None, by_rows=True),
    Case(
        PenalizedCoxCV(5, eps=0.1, penalty=L1(), criterion="bic"),
        censored=True,
        strength=None,
        counts=True,
    ),
]

N, P = 60, 8
EVENTS_AND_TIMES = [("event", bool), ("time", float)]


@pytest.fixture(params=CASES, ids=lambda case: str(case.estimator))
def case(request):
    return request.param


def only(holds: Callable[[Case], bool]):
    """Run a test for the cases in which a promise holds."""
    cases = [case for case in CASES if holds(case)]
    return pytest.mark.parametrize("case", cases, ids=lambda case: str(case.estimator))


@pytest.fixture
def estimator(case):
    return clone(case.estimator)


@pytest.fixture(scope="module", name="X")
def design():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((N, P)) @ (np.eye(P) + 0.2)
    X = X * np.geomspace(0.5, 2.0, P) + np.linspace(-1.0, 2.0, P)
    X[rng.random((N, P)) < 0.2] = 0.0
    X.flags.writeable = False
    return X


def respond(X, case):
    """Return numbers that depend on X, or labels by which of equal parts they are in.

    Or positive numbers, or events and times, some of them tied.
    """
    labels = case.labels
    rng = np.random.default_rng(2)
    y = 1.0 + X @ [2.0, 0.0, -1.0, 0.0, 0.0, 0.5, 0.0, 0.0] + rng.standard_normal(N)
    if labels:
        y += 3.0 * rng.standard_normal(N)  # so that few features do not tell them apart
        parts = np.quantile(y, np.arange(1, len(labels)) / len(labels))
        y = np.array(labels)[np.digitize(y, parts)]
    if case.positive:
        y = np.exp(0.3 * y)
    if case.censored:
        times, y = np.round(np.exp(0.2 * y), 1), np.empty(N, dtype=EVENTS_AND_TIMES)
        y["event"], y["time"] = rng.random(N) < 0.7, times
    y.flags.writeable = False
    return y


@pytest.fixture
def y(X, case):
    return respond(X, case)


@pytest.fixture(scope="module")
def weight():
    weight = np.random.default_rng(3).uniform(0.2, 2.0, N)
    weight.flags.writeable = False
    return weight


@pytest.fixture
def extras(case, weight):
    """What ``fit`` takes beside X and y."""
    offset = {"offset": 0.5 * weight} if case.has_offset else {}
    return {"sample_weight": weight, **offset}


def linear_predictor(estimator, X):
    return (estimator.decision_function if is_classifier(estimator) else estimator.predict)(X)


def assert_same_model(actual, expected, rtol=0.0, atol=0.0, coef=None, intercept=None):
    """Compare fitted estimators; `coef` and `intercept` map the expected values."""
    expected_coef = expected.coef_ if coef is None else coef(expected.coef_)
    expected_intercept = expected.intercept_ if intercept is None else intercept(expected)
    assert_allclose(actual.coef_, expected_coef, rtol=rtol, atol=atol)
    assert_allclose(actual.intercept_, expected_intercept, rtol=rtol, atol=atol)


def attributes(estimator):
    """Return what an estimator holds, in a form that can be compared."""
    return pickle.dumps(sorted(vars(estimator).items(), key=lambda item: item[0]))


# --- data frames --------------------------------------------------------------

NAMES = [f"x{j}" for j in range(P)]
FRAMES = {
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
}


@pytest.fixture(params=FRAMES)
def to_frame(request):
    return FRAMES[request.param]


def test_column_names_are_kept_and_values_read_as_from_an_array(estimator, X, y, to_frame):
    frame = to_frame(X)
    plain = clone(estimator).fit(X, y)
    estimator.fit(frame, y)
    assert estimator.feature_names_in_.tolist() == NAMES
    assert not hasattr(plain, "feature_names_in_")
    assert_same_model(estimator, plain)
    assert_allclose(linear_predictor(estimator, frame), linear_predictor(plain, X), atol=1e-12)


@pytest.mark.parametrize("columns", [NAMES[::-1], NAMES[:-1], [*NAMES[:-1], "other"]], ids=str)
def test_other_columns_are_refused(estimator, X, y, to_frame, columns):
    frame = to_frame(X)
    estimator.fit(frame, y)
    if "other" in columns:
        renamed = dict(zip(NAMES, columns, strict=True))
        frame = (
            frame.rename(columns=renamed)
            if isinstance(frame, pd.DataFrame)
            else frame.rename(renamed)
        )
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(frame[columns])


def test_an_array_after_a_data_frame_warns(estimator, X, y, to_frame):
    estimator.fit(to_frame(X), y)
    with pytest.warns(UserWarning, match="feature names"):
        estimator.predict(X)


def test_series_serve_as_response_weights_and_offset(case, estimator, X, y, extras):
    expected = clone(estimator).fit(X, y, **extras)
    kinds = {"sample_weight": pd.Series, "offset": pl.Series}
    series = {name: kinds[name](values) for name, values in extras.items()}
    response = pd.DataFrame(y) if case.censored else pd.Series(y)
    assert_same_model(estimator.fit(X, response, **series), expected)


# --- sparse input and dtypes --------------------------------------------------


def with_wide_indices(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def with_duplicates(X):
    """Return a csc_array that stores every entry as the sum of two, rows out of order."""
    halves = sparse.csc_array(X)
    rows = np.concatenate(
        [
            np.concatenate([part, part])[::-1]
            for part in np.split(halves.indices, halves.indptr[1:-1])
        ]
    )
    data = np.concatenate(
        [
            np.concatenate([0.25 * part, 0.75 * part])[::-1]
            for part in np.split(halves.data, halves.indptr[1:-1])
        ]
    )
    return sparse.csc_array((data, rows, 2 * halves.indptr), shape=X.shape)


def with_stored_zeros(X):
    full = sparse.csc_array(np.ones_like(X))
    full.data[:] = X.ravel(order="F")
    return full


SPARSE = [
    sparse.csr_matrix,
    sparse.csc_matrix,
    sparse.csr_array,
    sparse.csc_array,
    sparse.coo_array,
    with_wide_indices,
    with_duplicates,
    with_stored_zeros,
]


@pytest.mark.parametrize("to_sparse", SPARSE, ids=lambda function: function.__name__)
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_input_gives_the_model_of_dense_input(
    estimator, X, y, weight, to_sparse, weighted
):
    weights = {"sample_weight": weight} if weighted else {}
    dense = clone(estimator).fit(X, y, **weights)
    estimator.fit(to_sparse(X), y, **weights)
    assert_same_model(estimator, dense, atol=1e-8)
    assert_allclose(
        linear_predictor(estimator, to_sparse(X)), linear_predictor(dense, X), atol=1e-8
    )


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_single_precision_stays_single_and_close(case, estimator, X, y, to_input):
    double = clone(estimator).fit(to_input(X), y)
    estimator.set_params(tol=None)
    narrow = y if case.labels or case.censored else y.astype(np.float32)
    estimator.fit(to_input(X.astype(np.float32)), narrow)
    assert double.coef_.dtype == np.float64
    assert estimator.coef_.dtype == np.float32
    assert linear_predictor(estimator, to_input(X.astype(np.float32))).dtype == np.float32
    assert_same_model(estimator, double, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool, np.float16, ">f8"])
def test_other_numbers_are_read_as_doubles(estimator, X, y, dtype):
    whole = (X > 0.5).astype(dtype)
    expected = clone(estimator).fit(whole.astype(np.float64), y)
    assert_same_model(estimator.fit(whole, y), expected)
    assert estimator.coef_.dtype == np.float64


def test_nested_lists_are_read_as_arrays(case, estimator, X, y):
    expected = clone(estimator).fit(X, y)
    response = y if case.censored else y.tolist()  # lists of pairs have no fields
    assert_same_model(estimator.fit(X.tolist(), response), expected)


# --- weights ------------------------------------------------------------------


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("unit", [np.ones(N), np.ones(N, dtype=int), 1.0], ids=str)
def test_unit_weights_change_no_bit(estimator, X, y, to_input, unit):
    plain = clone(estimator).fit(to_input(X), y)
    assert_same_model(estimator.fit(to_input(X), y, sample_weight=unit), plain)


@only(lambda case: not case.counts)
@pytest.mark.parametrize("factor", [3.0, 1e-9, 1e200])
def test_only_the_ratios_of_weights_matter(case, X, y, weight, factor):
    plain = clone(case.estimator).fit(X, y, sample_weight=weight)
    scaled = clone(case.estimator).fit(X, y, sample_weight=factor * weight)
    assert_same_model(scaled, plain, atol=1e-9)


# Where rows make folds, the folds have to go with the copies: see the tests of those.
# To Efron copies are tied events, not the same as weights.
@only(lambda case: not case.by_rows and getattr(case.estimator, "ties", None) != "efron")
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def test_a_whole_weight_equals_so_many_copies_of_the_row(case, X, y, to_input):
    counts = np.random.default_rng(4).integers(0, 4, N)
    weighted = clone(case.estimator).fit(to_input(X), y, sample_weight=counts)
    repeated = clone(case.estimator)
    repeated.fit(to_input(np.repeat(X, counts, axis=0)), np.repeat(y, counts))
    assert_same_model(weighted, repeated, atol=1e-7)


# --- equivariances ------------------------------------------------------------


@only(lambda case: not case.by_rows)
def test_the_order_of_samples_does_not_matter(case, X, y, weight):
    order = np.random.default_rng(5).permutation(N)
    plain = clone(case.estimator).fit(X, y, sample_weight=weight)
    moved = clone(case.estimator).fit(X[order], y[order], sample_weight=weight[order])
    assert_same_model(moved, plain, atol=1e-9)


@only(lambda case: not case.by_columns)
def test_coefficients_move_with_their_features(case, estimator, X, y):
    order = np.random.default_rng(6).permutation(P)
    plain = clone(estimator).fit(X, y)
    assert_same_model(
        estimator.fit(X[:, order], y), plain, atol=1e-9, coef=lambda coef: coef[..., order]
    )


@only(lambda case: not (case.labels or case.censored or case.positive or case.response_units))
@pytest.mark.parametrize("factor", [-3.0, 1e-6, 1e6])
def test_the_model_scales_with_the_response(case, X, y, factor):
    plain, scaled = clone(case.estimator), clone(case.estimator)
    if case.strength is not None:
        strength = plain.get_params()[case.strength]
        scaled.set_params(**{case.strength: abs(factor) * strength})
    plain.fit(X, y)
    scaled.fit(X, factor * y)
    assert_allclose(scaled.coef_ / factor, plain.coef_, atol=1e-9)
    assert_allclose(scaled.intercept_ / factor, plain.intercept_, atol=1e-9)


@only(lambda case: case.labels)
def test_only_the_order_of_labels_matters(case, X, y):
    plain = clone(case.estimator).fit(X, y)
    places = np.searchsorted(case.labels, y)
    renamed = clone(case.estimator).fit(X, np.array(["d", "g", "k"])[places])
    assert_same_model(renamed, plain)
    turned = clone(case.estimator).fit(X, np.array([9.0, 7.0, 4.0])[places])
    turn = (lambda coef: -coef) if len(case.labels) == 2 else (lambda coef: coef[::-1])
    assert_same_model(
        turned, plain, atol=1e-8, coef=turn, intercept=lambda model: turn(model.intercept_)
    )


@only(lambda case: not case.column_units)
@pytest.mark.parametrize("to_input", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def test_standardised_columns_have_no_units(case, X, y, weight, to_input):
    units = np.geomspace(1e-3, 1e4, P) * np.where(np.arange(P) % 2, 1.0, -1.0)
    plain = clone(case.estimator).fit(to_input(X), y, sample_weight=weight)
    rescaled = clone(case.estimator).fit(to_input(X * units), y, sample_weight=weight)
    assert_same_model(rescaled, plain, rtol=1e-8, atol=1e-12, coef=lambda coef: coef / units)


@only(lambda case: case.estimator.fit_intercept)
def test_an_intercept_takes_up_every_shift(case, X, y, weight):
    shift, rise = np.linspace(-5.0, 3.0, P), 0.0 if case.labels or case.positive else 7.0
    plain = clone(case.estimator).fit(X, y, sample_weight=weight)
    assert_same_model(
        clone(case.estimator).fit(X + shift, y + rise if rise else y, sample_weight=weight),
        plain,
        atol=1e-9,
        intercept=lambda model: model.intercept_ + rise - model.coef_ @ shift,
    )


@only(lambda case: case.estimator.fit_intercept and case.has_offset)
def test_an_intercept_makes_up_for_a_constant_offset(case, X, y):
    plain = clone(case.estimator).fit(X, y)
    assert_same_model(
        clone(case.estimator).fit(X, y, offset=np.full(N, 3.0)),
        plain,
        atol=1e-9,
        intercept=lambda model: model.intercept_ - 3.0,
    )


# --- copies -------------------------------------------------------------------


def test_a_clone_is_unfitted_and_fits_the_same(estimator, X, y):
    estimator.fit(X, y)
    copied = clone(estimator)
    assert copied.get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(copied)
    assert_same_model(copied.fit(X, y), estimator)


def test_pickles_are_small_and_come_back_whole(estimator, X, y):
    estimator.fit(X, y)
    pickled = pickle.dumps(estimator)
    assert len(pickled) < 5_000
    assert_array_equal(pickle.loads(pickled).predict(X), estimator.predict(X))


def test_refitting_forgets_the_last_fit(case, estimator, X, y):
    part = X[:20] if case.by_columns else X[:20, :5]
    fresh = clone(estimator).fit(part, y[:20])
    estimator.fit(pd.DataFrame(X, columns=NAMES), y).fit(part, y[:20])
    assert attributes(estimator) == attributes(fresh)


# --- memory -------------------------------------------------------------------

LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "csc": sparse.csc_array,
    "csr": sparse.csr_array,
    "duplicates": with_duplicates,
}


def contents(array):
    if sparse.issparse(array):
        return [array.data.copy(), array.indices.copy(), array.indptr.copy()]
    return [array.copy()]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_input_is_never_changed(estimator, X, y, extras, layout, weighted):
    arguments = {name: values.copy() for name, values in extras.items()}
    if not weighted:
        del arguments["sample_weight"]
    arrays = [LAYOUTS[layout](X), y.copy(), *arguments.values()]
    before = [contents(array) for array in arrays]
    estimator.set_params(penalty_weights=np.ones(P))
    estimator.fit(arrays[0], arrays[1], **arguments).predict(arrays[0])
    for array, old in zip(arrays, before, strict=True):
        for now, then in zip(contents(array), old, strict=True):
            assert_array_equal(now, then)
    assert_array_equal(estimator.penalty_weights, np.ones(P))


@pytest.mark.parametrize("layout", ["C", "F", "strided", "reversed"])
def test_memory_layout_does_not_matter(estimator, X, y, layout):
    plain = clone(estimator).fit(X, y)
    assert_same_model(estimator.fit(LAYOUTS[layout](X), y), plain, atol=1e-12)


@pytest.mark.parametrize("layout", ["C", "F", "csc", "csr"])
def test_memory_mapped_input_is_read(estimator, X, y, weight, layout, tmp_path):
    plain = clone(estimator).fit(X, y, sample_weight=weight)
    joblib.dump((LAYOUTS[layout](X), y, weight), tmp_path / "data")
    X_map, y_map, weight_map = joblib.load(tmp_path / "data", mmap_mode="r")
    estimator.fit(X_map, y_map, sample_weight=weight_map)
    assert_same_model(estimator, plain, atol=1e-9)
    assert_allclose(linear_predictor(estimator, X_map), linear_predictor(plain, X), atol=1e-9)


def test_worker_processes_read_memory_mapped_input(X):
    tasks = [(clone(case.estimator), respond(X, case)) for case in CASES]
    parallel = joblib.Parallel(n_jobs=2, max_nbytes=1)
    fitted = parallel(joblib.delayed(estimator.fit)(X, y) for estimator, y in tasks)
    for (estimator, y), result in zip(tasks, fitted, strict=True):
        assert_same_model(result, estimator.fit(X, y), atol=1e-9)


# --- parameters ---------------------------------------------------------------


def test_shape_parameters_of_the_penalty_are_nested_parameters(estimator):
    penalty = estimator.penalty
    names = {} if penalty is None else penalty.get_params()
    nested = {name for name in estimator.get_params() if name.startswith("penalty__")}
    assert nested == {f"penalty__{name}" for name in names}


@only(lambda case: case.has_gamma)
def test_a_shape_parameter_can_be_set_where_the_default_penalty_is_meant(case, estimator):
    adaptive = not (is_regressor(estimator) and estimator.loss == "squared_error")
    estimator.set_params(penalty=None).set_params(penalty__gamma=5.0)
    assert estimator.penalty == MCP(5.0, adaptive)
    estimator.set_params(penalty=SCAD(), penalty__gamma=4.0)
    assert estimator.penalty == SCAD(4.0)
    estimator.set_params(penalty__gamma=6.0, penalty=None)
    assert estimator.penalty == MCP(6.0, adaptive)


def test_a_shared_penalty_is_changed_for_one_owner_only(estimator):
    shared = MCP(3.0)
    estimator.set_params(penalty=shared)
    other = clone(estimator).set_params(penalty=shared)
    estimator.set_params(penalty__gamma=9.0)
    assert estimator.penalty == MCP(9.0)
    assert other.penalty is shared
    assert shared == MCP(3.0)


@pytest.mark.parametrize("change", [{"penalty__gamma": 0.5}, {"penalty__delta": 2.0}], ids=str)
@pytest.mark.parametrize("penalty", [None, MCP(3.0)], ids=str)
def test_a_change_of_the_penalty_that_is_refused_changes_nothing(estimator, penalty, change):
    estimator.set_params(penalty=penalty)
    before = estimator.get_params()
    with pytest.raises(ValueError, match=r"gamma|delta"):
        estimator.set_params(**change)
    assert estimator.get_params() == before


def test_a_failed_fit_leaves_no_trace(case, estimator, X, y):
    bad = X.copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="X contains NaN"):
        estimator.fit(bad, y)
    assert attributes(estimator) == attributes(clone(estimator))
    estimator.fit(X, y)
    before = attributes(estimator)
    part = X if case.by_columns else X[:, :5]
    with pytest.raises(ValueError, match="penalty_weights"):
        estimator.set_params(penalty_weights=np.ones(P + 1)).fit(part, y)
    estimator.set_params(penalty_weights=None)
    assert attributes(estimator) == before


def test_the_html_view_links_to_the_documentation(estimator):
    name = type(estimator).__name__
    module = type(estimator).__module__.rsplit("._", 1)[0]
    assert f"/api/generated/{module}.{name}.html" in estimator_html_repr(estimator)


# --- in the company of scikit-learn -------------------------------------------


@only(lambda case: case.has_gamma)
def test_a_grid_search_tunes_strength_and_shape(case, X, y):
    grid = {"penalty": [None, MCP(3.0, adaptive=True)], "penalty__gamma": [1.5, 10.0]}
    if case.strength is not None:
        strength = case.estimator.get_params()[case.strength]
        grid[case.strength] = [strength, 3.0 * strength]
    search = GridSearchCV(clone(case.estimator), grid, cv=2).fit(X, y)
    chosen = clone(case.estimator).set_params(**search.best_params_).fit(X, y)
    assert search.best_estimator_.penalty.gamma == search.best_params_["penalty__gamma"]
    assert_same_model(search.best_estimator_, chosen)
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@only(lambda case: not case.column_units)
def test_a_pipeline_standardises_as_the_estimator_does(case, X, y):
    pipeline = make_pipeline(StandardScaler(), clone(case.estimator))
    plain = clone(case.estimator)
    ours, theirs = (linear_predictor(model.fit(X, y), X) for model in (plain, pipeline))
    if case.censored:  # there is no intercept to make up for means taken off
        ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    assert_allclose(theirs, ours, atol=1e-9)
    assert_allclose(
        cross_val_score(pipeline, X, y, cv=3),
        cross_val_score(plain, X, y, cv=3),
        atol=1e-9,
    )


def test_metadata_routing_brings_weights_and_offset_to_fit(case, estimator, X, y, extras):
    expected = make_pipeline(StandardScaler(), clone(estimator))
    step = expected.steps[-1][0]
    expected.fit(X, y, **{f"{step}__{name}": values for name, values in extras.items()})
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(**dict.fromkeys(extras, True))
        estimator.set_score_request(sample_weight=True)
        if case.censored:
            estimator.set_score_request(offset=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        grid = {f"{step}__tol": [estimator.tol]}
        search = GridSearchCV(make_pipeline(scaler, estimator), grid, cv=2)
        search.fit(X, y, **extras)
    assert_same_model(search.best_estimator_[-1], expected[-1])


def test_metadata_that_nobody_asked_for_is_refused(estimator, X, y, weight):
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(estimator, {"tol": [1e-9]}, cv=2)
        with pytest.raises(ValueError, match="sample_weight"):
            search.fit(X, y, sample_weight=weight)


# --- callbacks ----------------------------------------------------------------

has_callbacks = pytest.mark.skipif(
    find_spec("sklearn.callback") is None, reason="callbacks came with scikit-learn 1.9"
)


class Recorder:
    """A callback that counts, and may ask to stop."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.calls = []
        self.subtasks = 0
        self.announced = None

    def setup(self, estimator, context):
        self.announced = context.max_subtasks
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        assert X is not None
        assert y is not None
        self.calls.append("begin")

    def on_fit_task_end(self, estimator, context):
        self.calls.append("end")
        self.subtasks += context.parent is not None
        return self.subtasks == self.stop_after


@has_callbacks
def test_callbacks_hear_of_every_point_of_the_path(estimator, X, y):
    plain = clone(estimator).fit(X, y)
    recorder = Recorder()
    estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.subtasks == recorder.announced >= 1
    assert recorder.calls[:2] == ["setup", "begin"]
    assert recorder.calls[-2:] == ["end", "teardown"]
    assert recorder.calls.count("begin") == recorder.calls.count("end")
    if hasattr(estimator, "alphas_"):
        assert recorder.subtasks == estimator.alphas_.size
    assert_same_model(estimator, plain)


@has_callbacks
@only(lambda case: hasattr(case.estimator, "alphas"))
def test_a_callback_can_stop_a_path(case, X, y):
    estimator = clone(case.estimator).set_callbacks(Recorder(stop_after=2)).fit(X, y)
    assert estimator.alphas_.size == 2
    assert estimator.alpha_ in estimator.alphas_


@has_callbacks
def test_callbacks_are_released_when_a_fit_fails(estimator, X, y):
    recorder = Recorder()
    recorder.on_fit_task_begin = lambda estimator, context: 1 / 0
    estimator.set_callbacks(recorder)
    before = set(vars(estimator))
    with pytest.raises(ZeroDivisionError):
        estimator.fit(X, y)
    assert recorder.calls == ["setup", "teardown"]
    assert set(vars(estimator)) == before


@has_callbacks
def test_clones_keep_callbacks(estimator, X, y):
    recorder = Recorder()
    clone(estimator.set_callbacks(recorder)).fit(X, y)
    assert recorder.subtasks >= 1


@has_callbacks
def test_a_progress_bar_can_be_shown(estimator, X, y, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    estimator.set_callbacks(ProgressBar()).fit(X, y)
    assert "100%" in capsys.readouterr().out
