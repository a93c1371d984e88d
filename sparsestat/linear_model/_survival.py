"""Right-censored responses, and what models of proportional hazards share."""

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from sparsestat.base import Data, check_vector, is_missing, naming, validate
from sparsestat.linear_model._refit import Refit, Response
from sparsestat.losses import CoxLoss
from sparsestat.metrics import concordance_index

__all__ = ["Survival", "read_survival", "split_survival"]

RECORD = np.dtype([("event", "?"), ("time", "f8"), ("stratum", "i8")])
FORMS = (
    "y must be a structured array, or a data frame, with one boolean field (whether the event "
    "was seen) and one numeric field (the time of the event or of censoring), in any order, "
    "such as np.array([(True, 3.5), (False, 8.0)], dtype=[('event', bool), ('time', float)])"
)


def split_survival(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return events and times of a right-censored response, as arrays.

    Raises
    ------
    ValueError
        If `y` does not say which of two fields is the event, or a time is not finite.
    """
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")
    if not hasattr(y, "columns"):
        y = np.asarray(y)
        if y.dtype.names is None:
            what = f"an array of dtype {y.dtype} and shape {y.shape}, without fields"
            raise ValueError(f"{FORMS}. Got {what}.")
        if y.ndim != 1:
            raise ValueError(f"y must be one-dimensional. Got shape {y.shape}.")
    names = list(y.dtype.names if isinstance(y, np.ndarray) else y.columns)
    fields = {name: np.asarray(y[name]) for name in names}
    kinds = [values.dtype.kind for values in fields.values()]
    if len(fields) != 2 or kinds.count("b") != 1 or not set(kinds) & set("fiu"):
        got = ", ".join(f"{name!r} of dtype {v.dtype}" for name, v in fields.items())
        raise ValueError(f"{FORMS}. Got fields {got or 'none'}.")
    event, time = sorted(fields.values(), key=lambda values: values.dtype.kind != "b")
    if event.ndim != 1:
        raise ValueError(f"y must hold one event a row. Got shape {event.shape}.")
    return event, check_vector("y", time)


def read_survival(
    X: Any,
    y: Any,
    sample_weight: Any = None,
    offset: Any = None,
    strata: Any = None,
    *,
    estimator: Any = None,
    reset: bool = True,
) -> tuple[Data, np.ndarray | None]:
    """Check training data with a right-censored response.

    Returns
    -------
    data : Data
        Its y holds records of event, time and number of the stratum.
    labels : ndarray of shape (n_strata,) or None
        Of the strata.
    """
    if y is not None and estimator is not None and not hasattr(y, "columns"):
        y = np.asarray(y)
    event, time = split_survival(y)
    data = validate(X, time, sample_weight, offset, estimator=estimator, reset=reset)
    response = np.empty(time.size, dtype=RECORD)
    response["event"], response["time"], response["stratum"] = event, time, 0
    labels = None
    if strata is not None:
        labels, response["stratum"] = read_strata(strata, time.size)
    return data._replace(y=response), labels


def read_strata(strata: Any, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of strata, sorted, and the number of each sample's."""
    with naming("strata"):
        strata = column_or_1d(strata)
        if strata.size != size:
            raise ValueError(
                f"strata must have one label for each of {size} samples. Got {strata.size}."
            )
        missing = map(is_missing, strata) if strata.dtype == object else strata != strata
        if any(missing):
            raise ValueError("strata must not hold missing labels.")
        return np.unique(strata, return_inverse=True)


class Survival(Refit):
    """What the penalised Cox models share: prediction, baselines, the score."""

    ties: str
    fit_intercept = False  # the baseline takes its place
    baseline_hazard_: Any

    @property
    def loss(self) -> CoxLoss:
        """The loss that the parameters describe."""
        return CoxLoss(self.ties)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _store_baselines(self, data: Data, labels: np.ndarray | None) -> None:
        """Estimate the baseline hazard of each stratum at the coefficients of the fit."""
        y, eta = data.y, np.asarray(data.X @ self.coef_, dtype=np.float64)
        likelihood = self.loss.likelihood(y["time"], y["event"], data.weight, y["stratum"])
        baselines = likelihood.baseline(eta if data.offset is None else eta + data.offset)
        self.event_times_ = np.unique(np.concatenate([part.times for part in baselines]))
        self.baseline_hazard_ = (
            baselines[0]
            if labels is None
            else dict(zip(labels[np.unique(y["stratum"])].tolist(), baselines, strict=True))
        )

    def refit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        strata: Any = None,
        **fit_options: Any,
    ) -> Any:
        """Fit the selected features without penalty; return the results of statsmodels.

        As :meth:`PenalizedRegressor.refit`: a PHReg model of the features with a nonzero
        coefficient, without penalty, `l2`, sign or bounds.

        Parameters
        ----------
        X : {array-like, sparse matrix, LinearOperator} of shape (n_samples, n_features)
            All features, as for ``fit``.
        y : structured array or data frame of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or float, optional
            How many samples each row stands for: whole numbers, with ``ties="breslow"``.
        offset, strata : array-like of shape (n_samples,), optional
        **fit_options
            For the ``fit`` method of PHReg, such as ``groups``.

        Returns
        -------
        PHRegResults

        Raises
        ------
        ValueError
            If the weights are not such; if the selected columns are linearly dependent,
            more than the samples, or none.

        Warns
        -----
        SelectionWarning
            That the selection makes naive p-values and intervals optimistic.
        """
        check_is_fitted(self)
        data, _ = read_survival(
            X, y, sample_weight, offset, strata, estimator=self, reset=False
        )
        data = data.weighted()
        return self._refit(data, [Response(data.y, self.support_)], None, fit_options)

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """Predict the risk: the logarithm of the hazard over the baseline.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the risk; zero by default, also if the model was fitted with an offset.

        Returns
        -------
        ndarray of shape (n_samples,)
            X `coef_` plus offset. Higher risks mean earlier events.
        """
        return self._linear_predictor(X, offset)

    def predict_cumulative_hazard(
        self, X: Any, times: Any = None, *, offset: Any = None, strata: Any = None
    ) -> np.ndarray:
        """Predict cumulative hazards.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        times : array-like of shape (n_times,), optional
            ``event_times_`` by default. After the last event of its stratum the cumulative
            hazard stays as it is.
        offset : array-like of shape (n_samples,), optional
        strata : array-like of shape (n_samples,), optional
            Labels of strata, needed if the model was fitted with them.

        Returns
        -------
        ndarray of shape (n_samples, n_times)
        """
        with np.errstate(over="ignore"):
            return np.exp(self._log_hazards(X, times, offset, strata))

    def predict_survival(
        self, X: Any, times: Any = None, *, offset: Any = None, strata: Any = None
    ) -> np.ndarray:
        """Predict the chances that there has been no event by some times.

        Parameters and shape of the result as in :meth:`predict_cumulative_hazard`, H: the
        chances are exp(-H).
        """
        return np.exp(-self.predict_cumulative_hazard(X, times, offset=offset, strata=strata))

    def _log_hazards(self, X, times, offset, strata) -> np.ndarray:
        risk = self._linear_predictor(X, offset).astype(np.float64)
        times = self.event_times_ if times is None else check_vector("times", times)
        if not isinstance(self.baseline_hazard_, dict):
            if strata is not None:
                raise ValueError("strata were given, but the model was fitted without strata.")
            return risk[:, None] + self.baseline_hazard_.log_at(times)
        if strata is None:
            raise ValueError("strata are needed: the model was fitted with strata.")
        labels, numbers = read_strata(strata, risk.size)
        unknown = [label for label in labels.tolist() if label not in self.baseline_hazard_]
        if unknown:
            known = list(self.baseline_hazard_)
            raise ValueError(f"strata must be among {known}. Got {unknown[0]!r}.")
        steps = [self.baseline_hazard_[label].log_at(times) for label in labels.tolist()]
        return risk[:, None] + np.array(steps)[numbers]

    def score(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, strata: Any = None
    ) -> float:
        """Return the concordance index of the risks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : structured array or data frame of shape (n_samples,)
            As in ``fit``.
        sample_weight, offset, strata : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            See :func:`~sparsestat.metrics.concordance_index`.
        """
        event, time = split_survival(y)
        risk = self.predict(X, offset)
        if strata is not None:
            _, strata = read_strata(strata, risk.size)
        return concordance_index(time, event, risk, sample_weight=sample_weight, strata=strata)
