"""Selected models once more without a penalty, by statsmodels: tables, standard errors."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sparsestat.base import Data, validate
from sparsestat.linear_model._model import PenalizedModel
from sparsestat.linear_model._posing import takes_several
from sparsestat.linear_model._statsmodels import model_of, selected_columns
from sparsestat.losses import loss_of

__all__ = ["Refit", "Response", "SelectionWarning"]


class SelectionWarning(UserWarning):
    """Inference that takes no account of how the features were selected.

    Among many features some fit the data by chance, and those are selected. Fitted again
    to the same data they look better than they are: p-values are too small, confidence
    intervals too short and too far from zero.
    """


def warn_of_selection(stacklevel: int) -> None:
    """Warn that selection makes naive p-values optimistic."""
    warnings.warn(
        "p-values and confidence intervals are too optimistic if the features were selected "
        "on these same samples: refit on samples that played no part in the selection, or "
        "read them as descriptions.",
        SelectionWarning,
        stacklevel=stacklevel + 1,
    )


class Response(NamedTuple):
    """What a model explains, by which features, and how its name ends."""

    y: np.ndarray
    support: np.ndarray
    ending: str = ""


class Refit(PenalizedModel):
    """What estimators with a penalty share: a fit of the selected features without it."""

    support_: np.ndarray
    fit_intercept: bool

    def refit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        **fit_options: Any,
    ) -> Any:
        """Fit the selected features without penalty; return the results of statsmodels.

        The model of `loss`, linear in the features with a nonzero coefficient, without
        penalty, `l2`, sign or bounds, whatever they were in ``fit``. The estimator stays
        as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix, LinearOperator} of shape (n_samples, n_features)
            All features, as for ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_responses)
        sample_weight : array-like of shape (n_samples,) or float, optional
            How many samples each row stands for (frequency weights): standard errors are
            those of so many copies of the row, and fall as weights grow. A classifier's
            `class_weight` plays no part, for it counts nothing.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.
        **fit_options
            For the ``fit`` method of the statsmodels model, such as ``cov_type="HC1"``.

        Returns
        -------
        results
            Of statsmodels' OLS for squared error, with weights of GLM; of RLM with the
            norm of Huber at scale one, QuantReg, GLM with the Poisson, gamma or binomial
            family, or MNLogit for ``loss="multinomial"``. Coefficients have the features'
            names, or x0, x1, ..., and "const" for the intercept. With more than two
            classes fitted one against all others, or several responses, a list: for each
            its model, of the features that it has a coefficient for.

        Raises
        ------
        ValueError
            If statsmodels has no model for the loss, or none that takes the weights; if
            the selected columns are linearly dependent, are more than the samples, or are
            none and there is no intercept.

        Warns
        -----
        SelectionWarning
            That the selection makes naive p-values and intervals optimistic.
        """
        check_is_fitted(self)
        labels = is_classifier(self)
        several = not labels and takes_several(loss_of(self._model().loss), y)
        kind = {"labels": labels, "several": several}
        data = validate(X, y, sample_weight, offset, estimator=self, **kind, reset=False)
        data = data.weighted()
        return self._refit(data, self._responses(data.y), y, fit_options)

    def _responses(self, y: np.ndarray) -> list[Response]:
        """Return what statsmodels is to fit."""
        return [Response(y, self.support_)]

    def _refit(
        self, data: Data, responses: list[Response], y: Any, options: dict[str, Any]
    ) -> Any:
        """Fit models to data with positive weights; `y` is the response as given."""
        loss = loss_of(self._model().loss)
        model = model_of(loss)
        if data.offset is not None and len(responses) > 1:
            kind = "two classes" if is_classifier(self) else "one response"
            raise ValueError(f"offset needs {kind}. There are {len(responses)}.")
        name = str(getattr(y, "name", None) or "y")
        results = []
        for response in responses:
            loss.check(response.y)
            part = selected_columns(self, data, response.support, self.fit_intercept)
            part = part._replace(y=response.y, y_name=name + response.ending)
            results.append(model(loss, part, options))
        warn_of_selection(stacklevel=3)
        return results[0] if len(results) == 1 else results
