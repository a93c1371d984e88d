"""Bad labels, classes, folds and criteria are refused by name, and leave no trace.

What classifiers share with regression is in test_bad_input.py; here is what is theirs.
"""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from sparsestat import (
    L1,
    MCP,
    LogisticLoss,
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
    SquaredLoss,
    penalized_path,
)

N, P = 24, 4
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, P))
Y = np.where(X[:, 0] + RNG.standard_normal(N) > 0.0, "case", "absent")
THREE = np.array(["ape", "bee", "cat"])[np.arange(N) % 3]
CODES = (Y == "case").astype(int)
for array in (X, Y, THREE, CODES):
    array.flags.writeable = False

REFUSED = (TypeError, ValueError)
FIT_ARGUMENTS = ("X", "y", "sample_weight", "offset")
FAST = {"penalty": L1()}
ENTRIES = [PenalizedClassifier, partial(PenalizedClassifierCV, 3, cv=2)]


@pytest.fixture(params=ENTRIES, ids=["PenalizedClassifier", "PenalizedClassifierCV"])
def entry(request):
    return request.param


def check_refused(entry, names, arguments):
    """Check that ``fit`` refuses by name and that the estimator stays unfitted."""
    given = {"X": X, "y": Y}
    given |= {name: arguments[name] for name in FIT_ARGUMENTS if name in arguments}
    parameters = {name: arguments[name] for name in arguments if name not in FIT_ARGUMENTS}
    estimator = entry(**FAST | parameters)
    before = set(vars(estimator))
    with pytest.raises(REFUSED, match=names):
        estimator.fit(**given)
    assert set(vars(estimator)) == before
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def replaced(labels, *values):
    """Return a copy of labels, of dtype object, that ends in other values."""
    labels = labels.astype(object)
    labels[len(labels) - len(values) :] = values
    return labels


# --- labels -------------------------------------------------------------------

BAD_LABELS = {
    "NaN": np.where(np.arange(N) == 5, np.nan, CODES),
    "infinity": np.where(np.arange(N) == 5, np.inf, CODES),
    "NaN among strings": replaced(Y, np.nan),
    "None among strings": replaced(Y, None),
    "None among numbers": replaced(CODES, None),
    "a missing integer": pd.Series(CODES, dtype="Int64").mask(np.arange(N) == 5),
    "a missing string": pd.Series(Y, dtype="string").mask(np.arange(N) == 5),
    "a missing category": pd.Series(Y, dtype="category").mask(np.arange(N) == 5),
    "nothing but None": np.full(N, None),
    "a number among strings": replaced(Y, 1),
    "a string among numbers": replaced(CODES, "case"),
    "continuous numbers": X[:, 1],
    "halves": CODES + 0.5,
    "complex numbers": CODES + 0j,
    "bytes": Y.astype(bytes),
    "dictionaries": np.full(N, {}, dtype=object),
    "pairs": [(0, 1)] * N,
    "two columns": np.column_stack([CODES, CODES]),
    "three dimensions": CODES[:, None, None],
    "sparse": sparse.csr_array(CODES[:, None]),
    "too few": Y[1:],
    "too many": np.append(Y, "case"),
    "none": Y[:0],
    "no array": None,
    "a number": 1,
    "a string": "case",
}


@pytest.mark.parametrize("y", BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels_that_are_none_are_refused(entry, y):
    check_refused(entry, r"\by\b", {"y": y})


@pytest.mark.parametrize("name", ["a number among strings", "a string among numbers"])
def test_labels_of_several_types_are_said_to_be_so(entry, name):
    check_refused(entry, r"\by\b.* of one type", {"y": BAD_LABELS[name]})


def test_numbers_of_dtype_object_are_refused_for_what_they_are(entry):
    # As in scikit-learn, but not for being "continuous values".
    check_refused(entry, r"\by\b.* dtype object", {"y": CODES.astype(object)})


@pytest.mark.parametrize("label", ["case", 3, True, 2.0])
def test_one_class_is_named(entry, label):
    names = rf"^y must hold at least two classes\. Got one class: {label!r}"
    check_refused(entry, names, {"y": np.full(N, label)})


def test_one_class_with_weight_is_named(entry):
    weight = np.where(Y == "case", 0.0, 1.0)
    names = r"^y must hold at least two classes.*'absent', among samples with weight"
    check_refused(entry, names, {"sample_weight": weight})


def test_a_column_of_labels_is_flattened_with_a_warning(entry):
    plain = entry(**FAST).fit(X, Y)
    with pytest.warns(UserWarning, match="column-vector y"):
        model = entry(**FAST).fit(X, Y[:, None])
    assert_array_equal(model.coef_, plain.coef_)


# --- arrays -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "arguments"),
    [
        (r"\bX\b", {"X": X[:0], "y": Y[:0]}),
        (r"\bX\b", {"X": X[:, :0]}),
        (r"\bX\b", {"X": X[:, 0]}),
        (r"\bX\b", {"X": np.where(X > 1.0, np.nan, X)}),
        (r"\by\b", {"X": X[1:]}),
        ("sample_weight", {"sample_weight": np.ones(N - 1)}),
        ("sample_weight", {"sample_weight": np.zeros(N)}),
        ("sample_weight", {"sample_weight": -np.ones(N)}),
        ("offset", {"offset": np.ones(N - 1)}),
        ("offset", {"offset": 1.0}),
        ("offset", {"offset": np.full(N, np.inf)}),
        ("penalty_weights", {"penalty_weights": np.ones(P + 1)}),
    ],
)
def test_other_arrays_are_named(entry, names, arguments):
    check_refused(entry, names, arguments)


def test_an_offset_needs_two_classes(entry):
    names = r"offset needs two classes\. Got 3 classes"
    check_refused(entry, names, {"y": THREE, "offset": np.zeros(N)})


@pytest.mark.parametrize(
    "method", ["decision_function", "predict", "predict_proba", "predict_log_proba"]
)
def test_an_offset_needs_two_classes_in_predictions_as_well(entry, method):
    model = entry(**FAST).fit(X, THREE)
    with pytest.raises(ValueError, match="offset needs two classes"):
        getattr(model, method)(X, offset=np.zeros(N))
    model.fit(X, Y)
    for bad in (np.zeros(N - 1), np.zeros((N, 1)), 1.0, np.full(N, np.nan), ["a"] * N):
        with pytest.raises(REFUSED, match="offset"):
            getattr(model, method)(X, offset=bad)
    with pytest.raises(ValueError, match=r"X has 3 features.* expecting 4 features"):
        getattr(model, method)(X[:, :3])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(entry(), method)(X)


# --- parameters ---------------------------------------------------------------

BAD_PARAMETERS = {
    "class_weight": [
        "heavy",
        2.0,
        [1.0, 2.0],
        {"case": -1.0},
        {"case": 0.0},
        {"case": np.nan},
        {"case": np.inf},
        {"case": None},
        {"case": "two"},
        {"other": 2.0},
        {"case": 1e308, "absent": 1e-308},
    ],
    "loss": ["squared_error", "hinge", None, SquaredLoss(), LogisticLoss, 1],
    "solver": ["gram", "working_set", "liblinear", None],
    "penalty": ["l1", MCP, 3.0],
    "l2": [-1e-9, np.nan, "1"],
    "positive": ["yes", None],
    "tol": [0.0, np.nan],
    "max_iter": [0, 1.5],
}
BAD_STRENGTH = {"alpha": [-1e-9, np.nan, np.inf, "1", None], "warm_start": [2, "no"]}
BAD_CHOICE = {
    "criterion": ["mallows", "BIC", None, 1],
    "selection": ["max", None],
    "scoring": ["best", 3],
    "cv": [0, 1, 2.5, "five", [], [([0, 1], [])]],
    "alphas": [0, 2.5, [-0.1], [np.nan], []],
    "eps": [0.0, 1.0],
    "n_jobs": [0, 1.5],
}


def cases(table):
    return [
        pytest.param(name, value, id=f"{name}={value!r}"[:45])
        for name, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), cases(BAD_PARAMETERS))
def test_a_bad_parameter_of_the_model_is_named(entry, name, value):
    check_refused(entry, name, {name: value})


@pytest.mark.parametrize(("name", "value"), cases(BAD_STRENGTH))
def test_a_bad_strength_or_start_is_named(name, value):
    check_refused(PenalizedClassifier, name, {name: value})


@pytest.mark.parametrize(("name", "value"), cases(BAD_CHOICE))
def test_a_bad_parameter_of_the_choice_is_named(name, value):
    check_refused(PenalizedClassifierCV, rf"\b{name}\b", {"alphas": 3, name: value})


@pytest.mark.parametrize("criterion", ["aic", "bic", "ebic"])
def test_one_standard_error_is_refused_for_criteria_that_have_none(criterion):
    check_refused(
        PenalizedClassifierCV,
        "selection='one_se' needs criterion='cv'",
        {"criterion": criterion, "selection": "one_se"},
    )


@pytest.mark.parametrize(
    ("name", "value"),
    cases(
        {
            "criterion": ["mallows", "BIC", None, 1],
            "noise_variance": [0.0, -1.0, np.nan, np.inf, "1", [1.0]],
        }
    ),
)
def test_a_bad_criterion_or_noise_variance_of_regression_is_named(name, value):
    arguments = {"y": X[:, 0], "criterion": "bic", name: value}
    check_refused(PenalizedRegressorCV, rf"\b{name}\b", arguments)


@pytest.mark.parametrize("loss", ["log_loss", LogisticLoss()], ids=str)
@pytest.mark.parametrize("estimator", [PenalizedRegressor, PenalizedRegressorCV])
def test_regression_refuses_the_loss_of_classification(estimator, loss):
    check_refused(estimator, "loss", {"y": X[:, 0], "loss": loss})


# --- folds --------------------------------------------------------------------


def test_a_class_without_training_rows_in_a_fold_is_named():
    arguments = {"y": np.repeat(["absent", "case"], N // 2), "cv": KFold(2)}
    names = r"\bcv leaves no training rows of class 'absent'"
    check_refused(PenalizedClassifierCV, names, arguments)


def test_a_class_whose_training_rows_have_no_weight_is_named():
    weight = np.where((np.arange(N) < N // 2) & (Y == "case"), 0.0, 1.0)
    check_refused(
        PenalizedClassifierCV,
        r"\bcv leaves no training rows of class 'case'",
        {"cv": KFold(2), "sample_weight": weight},
    )


def test_a_class_of_one_member_cannot_be_cross_validated():
    y = np.where(np.arange(N) == 7, "rare", Y)
    with pytest.warns(UserWarning, match="least populated class"):
        check_refused(
            PenalizedClassifierCV, r"\bcv leaves no .*class 'rare'", {"y": y, "cv": 3}
        )
    model = PenalizedClassifierCV(3, eps=0.5, criterion="bic", **FAST).fit(X, y)
    assert_array_equal(model.classes_, ["absent", "case", "rare"])


@pytest.mark.parametrize("cv", [None, 4, StratifiedKFold(4)], ids=str)
def test_a_class_smaller_than_the_number_of_folds_is_warned_of(cv):
    y = np.where(np.isin(np.arange(N), [3, 16]), "rare", Y)
    model = PenalizedClassifierCV(3, eps=0.5, cv=cv, **FAST)
    with pytest.warns(UserWarning, match="least populated class in y has only 2 members"):
        model.fit(X, y)
    assert np.isfinite(model.cv_results_["mean_test_score"]).all()


def test_more_folds_than_samples_are_refused():
    check_refused(PenalizedClassifierCV, r"\bcv\b", {"cv": N + 1})


# --- failures after a fit -----------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"X": np.full_like(X, np.nan)},
        {"y": np.full(N, "case")},
        {"y": X[:, 0]},
        {"y": THREE, "offset": np.zeros(N)},
        {"sample_weight": np.where(Y == "case", 0.0, 1.0)},
        {"offset": np.full(N, np.nan)},
    ],
)
def test_a_failed_refit_keeps_the_old_fit(entry, arguments):
    model = entry(**FAST).fit(X, Y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=r"\b(y|X|offset|sample_weight)\b"):
        model.fit(**{"X": X, "y": Y} | arguments)
    assert vars(model) == before


@pytest.mark.parametrize("value", [np.nan, "high"])
def test_a_score_that_fails_late_leaves_no_trace(value):
    scores = iter([1.0] * 5 + [value] * 100)
    arguments = {"cv": 2, "alphas": 3, "scoring": lambda *args: next(scores)}
    check_refused(PenalizedClassifierCV, "scoring must return finite numbers", arguments)


def test_a_warm_start_of_another_shape_is_refused_and_keeps_the_old_fit():
    model = PenalizedClassifier(0.1, penalty=L1(), warm_start=True).fit(X, THREE)
    coef = model.coef_
    with pytest.raises(ValueError, match="warm_start=True needs as many features, and classes"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match="warm_start=True needs as many features, and classes"):
        model.fit(X[:, :3], THREE)
    assert model.coef_ is coef
    assert_array_equal(model.classes_, ["ape", "bee", "cat"])
    assert model.n_features_in_ == 4
    assert model.set_params(warm_start=False).fit(X, Y).coef_.shape == (4,)


# --- paths --------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [(1, 2), (0, 2), (-1, 0), (0, 1, 2), (-1, 0, 1), (0,), (1,), (0.0, 0.5), ("no", "yes")],
    ids=str,
)
def test_a_path_refuses_other_labels_than_its_own(labels):
    y = np.array(labels)[np.arange(N) % len(labels)]
    with pytest.raises(REFUSED, match=r"\by\b"):
        penalized_path(X, y, loss="log_loss", penalty=L1(), alphas=3)


def test_a_path_says_which_labels_it_takes_and_what_takes_others():
    with pytest.raises(ValueError, match=r"0 and 1 or as -1 and 1.*PenalizedClassifier"):
        penalized_path(X, CODES + 1, loss="log_loss")


@pytest.mark.parametrize(
    ("loss", "solver"),
    [("log_loss", "gram"), ("log_loss", "working_set"), ("squared_error", "prox_newton")],
)
def test_a_path_refuses_solvers_of_other_losses(loss, solver):
    with pytest.raises(ValueError, match=rf"^solver='{solver}' does not fit: .*squared error"):
        penalized_path(X, CODES, loss=loss, solver=solver)


def test_a_path_of_one_class_with_weight_is_refused():
    with pytest.raises(ValueError, match=r"\by\b"):
        penalized_path(X, CODES, loss="log_loss", sample_weight=CODES)
