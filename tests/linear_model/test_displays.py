"""Displays show what the fitted estimators hold."""

import matplotlib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sparsestat import (
    L1,
    MCP,
    CVDisplay,
    PathDisplay,
    PenalizedClassifierCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
    penalized_path,
)


@pytest.fixture(autouse=True)
def no_window():
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        plt.switch_backend("Agg")
        yield
        plt.close("all")


@pytest.fixture(scope="module")
def model(tall):
    return PenalizedRegressorCV(20, eps=0.01, penalty=L1(), selection="one_se").fit(
        tall.X, tall.y
    )


@pytest.fixture(scope="module")
def three_classes(tall):
    y = np.digitize(tall.y, np.quantile(tall.y, [0.3, 0.6])) * 10
    return PenalizedClassifierCV(8, eps=0.05, penalty=L1(), cv=3).fit(tall.X, y)


@pytest.fixture(scope="module")
def separated(tall):
    """A model whose path ends where two features separate the classes."""
    y = tall.X[:, 0] + tall.X[:, 1] > 0.0
    return PenalizedClassifierCV(12, eps=0.02, penalty=MCP(3.0, adaptive=True), cv=3).fit(
        tall.X, y
    )


def test_every_coefficient_of_the_path_is_drawn(model):
    display = PathDisplay.from_estimator(model, max_names=3)
    coefs = model.path_.coefs.toarray()
    assert len(display.lines_) == np.count_nonzero(coefs.any(axis=1))
    drawn = np.array([line.get_ydata() for line in display.lines_])
    assert_allclose(np.sort(drawn[:, -1]), np.sort(coefs[coefs.any(axis=1), -1]))
    named = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    largest = np.argsort(-np.abs(model.coef_))[:3]
    assert named == [f"x{j}" for j in largest]
    assert (
        f"largest of {model.support_.size}" in display.ax_.get_legend().get_title().get_text()
    )
    assert display.ax_.xaxis_inverted()
    assert display.figure_ is display.ax_.figure


def test_scales_multiply_and_names_are_taken(model, tall):
    scales = np.arange(1.0, tall.X.shape[1] + 1.0)
    names = [f"gene {j}" for j in range(tall.X.shape[1])]
    display = PathDisplay.from_path(
        model.path_, alpha=model.alpha_, feature_names=names, scales=scales
    )
    j = int(np.argmax(np.abs(model.coef_ * scales)))
    (line,) = [line for line in display.lines_ if line.get_label() == names[j]]
    assert_allclose(line.get_ydata(), scales[j] * model.path_.coefs.toarray()[j])


def test_a_path_without_a_choice_is_drawn_plainly(tall):
    path = penalized_path(tall.X, tall.y, penalty=L1(), alphas=[1.0, 0.1, 0.0])
    display = PathDisplay.from_path(path)
    assert display.ax_.get_legend() is None
    assert display.ax_.get_xscale() == "symlog"


def test_given_axes_are_used(model):
    from matplotlib import pyplot as plt

    _, (one, other) = plt.subplots(1, 2)
    assert PathDisplay.from_estimator(model, ax=one).ax_ is one
    assert CVDisplay.from_estimator(model, ax=other).ax_ is other


def test_the_path_of_one_class_is_drawn(three_classes):
    display = PathDisplay.from_estimator(three_classes, target=10)
    assert_array_equal(display.coefs, three_classes.path_[1].coefs.toarray())
    for target in (None, 5):
        with pytest.raises(
            ValueError, match=r"target must be one of the classes \[0, 10, 20\]"
        ):
            PathDisplay.from_estimator(three_classes, target=target)
    shown = CVDisplay.from_estimator(three_classes)
    assert_array_equal(shown.n_nonzero, three_classes.cv_results_["n_nonzero"])


def test_scores_and_their_errors_are_drawn(model):
    display = CVDisplay.from_estimator(model)
    results = model.cv_results_
    assert_array_equal(display.line_.get_xdata(), model.alphas_)
    assert_array_equal(display.line_.get_ydata(), results["mean_test_score"])
    low = display.band_.get_paths()[0].vertices[:, 1].min()
    assert_allclose(low, (results["mean_test_score"] - results["standard_error"]).min())
    (chosen,) = {line.get_xdata()[0] for line in display.ax_.lines} - {model.alphas_[0]}
    assert chosen == model.alpha_
    assert display.ax_.get_ylabel() == "mean test score"


def test_the_scoring_is_named(tall):
    model = PenalizedRegressorCV(3, eps=0.1, scoring="r2").fit(tall.X, tall.y)
    assert CVDisplay.from_estimator(model).ax_.get_ylabel() == "mean test score (r2)"


@pytest.mark.parametrize("criterion", ["aic", "bic", "ebic"])
def test_criteria_are_drawn_where_they_say_something(wide, criterion):
    model = PenalizedRegressorCV(30, eps=1e-3, penalty=L1(), criterion=criterion)
    model.fit(wide.X, wide.y)
    display = CVDisplay.from_estimator(model)
    assert display.ax_.get_ylabel() == criterion.upper()
    assert display.band_ is None
    finite = np.isfinite(model.criterion_)
    assert not finite.all()
    assert_array_equal(np.isfinite(display.line_.get_ydata()), finite)


def test_strengths_without_a_finite_solution_are_left_out(separated):
    missing = ~separated.path_.finite
    assert missing.any()
    display = CVDisplay.from_estimator(separated)
    assert_array_equal(np.isnan(display.values), ~separated.cv_results_["finite"])
    assert np.isnan(display.values)[missing].all()
    coefs = PathDisplay.from_estimator(separated).coefs
    assert_array_equal(np.isnan(coefs).all(axis=0), missing)


@pytest.mark.parametrize("display", [PathDisplay, CVDisplay])
def test_only_fitted_estimators_with_a_path_can_be_shown(display, tall):
    with pytest.raises(NotFittedError):
        display.from_estimator(PenalizedRegressorCV())
    with pytest.raises(TypeError, match="PenalizedRegressorCV or PenalizedClassifierCV"):
        display.from_estimator(PenalizedRegressor().fit(tall.X, tall.y))


def test_what_was_fitted_is_shown_whatever_the_parameters_say_now(tall):
    model = PenalizedRegressorCV(3, eps=0.1, penalty=L1()).fit(tall.X, tall.y)
    model.set_params(criterion="bic")
    assert CVDisplay.from_estimator(model).ax_.get_ylabel() == "mean test score"


def test_misfits_are_refused(model):
    with pytest.raises(ValueError, match="feature_names must have one entry a feature, 30"):
        PathDisplay.from_path(model.path_, feature_names=["a"])
    with pytest.raises(ValueError, match="scales must have one entry a feature"):
        PathDisplay.from_path(model.path_, scales=np.ones(3))
    with pytest.raises(ValueError, match="alpha must be one of the strengths"):
        PathDisplay.from_path(model.path_, alpha=-1.0)
