"""The models of statsmodels for the losses of this package, of selected features."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import qr
from scipy.sparse.linalg import LinearOperator

from sparsestat._parallel import serial_blas
from sparsestat.base import Data
from sparsestat.linear_model._posing import Model
from sparsestat.losses import LOSSES, CoxLoss, Loss
from sparsestat.penalties import L1
from sparsestat.solvers import Status

__all__ = ["Selected", "model_of", "selected_columns"]


class Selected(NamedTuple):
    """What statsmodels gets.

    Parameters
    ----------
    columns : DataFrame of shape (n, k)
        The selected features, and before them a constant if there is an intercept.
    y : ndarray of shape (n,)
    counts : ndarray of shape (n,) or None
        How many samples each row stands for; None for one each.
    offset : ndarray of shape (n,) or None
    intercept : bool
    y_name : str
    """

    columns: Any
    y: np.ndarray
    counts: np.ndarray | None
    offset: np.ndarray | None
    intercept: bool
    y_name: str = "y"

    @property
    def response(self) -> Any:
        """The response as a series, which brings its name."""
        return self.named(self.y)

    @property
    def rest(self) -> Any:
        """The response less the offset, for models that take none."""
        if self.offset is None:
            return self.response
        return self.named(self.y - self.offset, " - offset")

    def named(self, values: np.ndarray, more: str = "") -> Any:
        """Return values as a series with the name of the response."""
        import pandas as pd

        return pd.Series(values, name=self.y_name + more)

    def repeated(self, what: str) -> "Selected":
        """Return the rows as often as they count, for models that take no weights."""
        if self.counts is None:
            return self
        times = np.rint(self.counts)
        if np.abs(self.counts - times).max() > 1e-9 * times.max():
            raise ValueError(
                f"sample_weight must hold whole numbers in refit for {what}: statsmodels' "
                "model takes no weights, only rows that are repeated."
            )
        rows = np.repeat(np.arange(self.y.size), times.astype(np.intp))
        columns = self.columns.iloc[rows].reset_index(drop=True)
        offset = None if self.offset is None else self.offset[rows]
        return self._replace(columns=columns, y=self.y[rows], counts=None, offset=offset)


def selected_columns(
    estimator: Any, data: Data, support: np.ndarray, intercept: bool
) -> Selected:
    """Return the selected columns as a data frame with names, checked to be independent."""
    import pandas as pd

    n, p = data.X.shape
    names = getattr(estimator, "feature_names_in_", [f"x{j}" for j in range(p)])
    frame = pd.DataFrame(_dense(data.X, support), columns=[str(names[j]) for j in support])
    if intercept:
        constant = "const"
        while constant in names:
            constant += "_"
        frame.insert(0, constant, 1.0)
    _check_independence(frame, data.size)
    counts = None if data.weight is None else data.weight * (data.size / n)
    return Selected(frame, data.y, counts, data.offset, intercept)


def _dense(X: Any, columns: np.ndarray) -> np.ndarray:
    """Return some columns, of float64."""
    if isinstance(X, LinearOperator):
        units = np.zeros((X.shape[1], columns.size))
        units[columns, np.arange(columns.size)] = 1.0
        return np.asarray(X.matmat(units), dtype=np.float64)
    chosen = X[:, columns]
    chosen = chosen.toarray() if sparse.issparse(chosen) else chosen
    return chosen.astype(np.float64)


def _check_independence(frame: Any, size: float) -> None:
    """Raise unless the columns have one least squares fit, with samples to spare."""
    n, k = frame.shape
    if k == 0:
        raise ValueError(
            "refit has nothing to fit: no feature is selected, and there is no intercept."
        )
    if k > n or k >= size:
        raise ValueError(
            f"refit needs more samples than coefficients. Got {min(n, size):g} samples and "
            f"{k} coefficients: take a larger alpha or another criterion."
        )
    columns = frame.to_numpy()
    largest = np.abs(columns).max(axis=0)
    lengths = largest * np.linalg.norm(columns / np.where(largest > 0.0, largest, 1.0), axis=0)
    _, r, order = qr(
        columns / np.where(lengths > 0.0, lengths, 1.0), mode="economic", pivoting=True
    )
    left = np.abs(np.diag(r))
    dependent = order[left <= 4.0 * n * np.finfo(float).eps * left[0]]
    if dependent.size:
        raise ValueError(
            "refit has no unique solution: the selected columns are linearly dependent. "
            f"{', '.join(frame.columns[np.sort(dependent)])} can be made from the others."
        )


# --- one function a model: (loss, part, options of fit) -> results ---------------------


def _squares(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    """Fit least squares; with weights as a GLM: those of WLS are no counts."""
    import statsmodels.api as sm

    if part.counts is None:
        return sm.OLS(part.rest, part.columns).fit(**options)
    if options.get("cov_type", "nonrobust") == "nonrobust":
        options = {"use_t": True} | options  # as OLS does
    return _glm(sm.families.Gaussian(), part, options)


def _huber(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    """Fit an M-estimator with the scale of our loss, which is that of y.

    statsmodels says nothing where the steps that it takes by default are too few.
    """
    import statsmodels.api as sm

    _refuse_cov_type(options, 'cov="H1", "H2" or "H3"')
    part = part.repeated("Huber's loss")
    model = sm.RLM(part.rest, part.columns, sm.robust.norms.HuberT(loss.delta))
    steps = {"conv": "coefs", "tol": 1e-10, "maxiter": 1000}
    return model.fit(**{"scale_est": unit_scale(), **steps, **options})


def unit_scale() -> Any:
    """Return what RLM takes for an estimate of the scale, always one."""
    from statsmodels.robust.scale import HuberScale

    class UnitScale(HuberScale):
        def __call__(self, df_resid: float, nobs: float, resid: Any) -> float:
            return 1.0

        def __reduce__(self) -> Any:  # results can be saved
            return unit_scale, ()

        def __repr__(self) -> str:  # in the summary
            return "1 (fixed)"

    return UnitScale()


def _quantile(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    """Fit quantiles, with more steps than by default: those leave a hundredth, say."""
    import statsmodels.api as sm

    _refuse_cov_type(options, 'vcov="robust" or "iid"')
    part = part.repeated("quantiles")
    model = sm.QuantReg(part.rest, part.columns)
    return model.fit(q=loss.quantile, **{"p_tol": 1e-10, "max_iter": 5000, **options})


def _multinomial(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    """Fit the logarithms of the odds of all classes against the first."""
    import statsmodels.api as sm

    if part.offset is not None:
        raise ValueError("offset needs two classes.")
    part = part.repeated("several classes in one model")
    return sm.MNLogit(part.response, part.columns).fit(**{"disp": 0, **options})


def _hazards(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    import statsmodels.api as sm

    _refuse_cov_type(options, "groups, labels of samples that may depend on each other")
    if not part.y["event"].any():
        raise ValueError("y must hold an event in refit, among samples with weight.")
    if part.counts is not None and loss.ties == "efron":
        raise ValueError(
            "sample_weight has no place in refit with ties='efron': statsmodels' model takes "
            "no weights, and copies of rows would be ties."
        )
    part = part.repeated("Cox models")
    time, strata = part.named(part.y["time"]), part.y["stratum"]
    return sm.PHReg(
        time,
        part.columns,
        status=part.y["event"].astype(float),
        strata=strata if np.ptp(strata) > 0 else None,
        offset=part.offset,
        ties=loss.ties,
    ).fit(**options)


def _poisson(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    import statsmodels.api as sm

    return _glm(sm.families.Poisson(), part, _from_optimum(loss, part) | options)


def _gamma(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    import statsmodels.api as sm

    family = sm.families.Gamma(sm.families.links.Log())
    return _glm(family, part, _from_optimum(loss, part) | options)


def _binomial(loss: Any, part: Selected, options: dict[str, Any]) -> Any:
    import statsmodels.api as sm

    return _glm(sm.families.Binomial(), part, _from_optimum(loss, part) | options)


def _glm(family: Any, part: Selected, options: dict[str, Any]) -> Any:
    import statsmodels.api as sm

    more = {"offset": part.offset, "freq_weights": part.counts}
    given = {name: values for name, values in more.items() if values is not None}
    return sm.GLM(part.response, part.columns, family, **given).fit(**options)


def _from_optimum(loss: Loss, part: Selected) -> dict[str, Any]:
    """Return the optimum as the start for statsmodels.

    Its steps have no line search: those of the gamma family can lead away even from an
    optimum that is near.
    """
    n, k = part.columns.shape
    counts = np.ones(n) if part.counts is None else part.counts
    if k == part.intercept:
        fixed = np.zeros(n) if part.offset is None else part.offset
        return {"start_params": [loss.shift(part.y, counts / counts.sum(), fixed, 0.0)]}
    X = np.asfortranarray(part.columns.to_numpy()[:, int(part.intercept) :])
    data = Data(X, part.y, counts / counts.mean(), part.offset, counts.sum())
    plain = Model(
        loss=loss,
        penalty=L1(),
        l2=0.0,
        fit_intercept=part.intercept,
        standardize=True,
        penalty_weights=None,
        positive=False,
        bounds=None,
        constraints=None,
        solver="auto",
        tol=1e-10,
        max_iter=1000,
    )
    with serial_blas:
        (framed,) = plain.frame(data, [part.y])
        (solution,) = framed.solve([0.0])
    if solution.status is Status.UNBOUNDED:  # statsmodels has words for that
        return {}
    return {"start_params": np.append([solution.intercept] * part.intercept, solution.coef)}


def _refuse_cov_type(options: dict[str, Any], instead: str) -> None:
    if "cov_type" in options:
        raise ValueError(f"cov_type is no option of this model of statsmodels: use {instead}.")


MODELS: dict[str, Callable[[Any, Selected, dict[str, Any]], Any]] = {
    "squared_error": _squares,
    "huber": _huber,
    "quantile": _quantile,
    "poisson": _poisson,
    "gamma": _gamma,
    "log_loss": _binomial,
    "multinomial": _multinomial,
}


def model_of(loss: Loss) -> Callable[[Any, Selected, dict[str, Any]], Any]:
    """Return the function that fits the model of a loss, unless it is the user's own."""
    known = {kind: MODELS[name] for name, kind in LOSSES.items() if name in MODELS}
    known[CoxLoss] = _hazards
    if type(loss) not in known:
        raise ValueError(
            f"refit has no model of statsmodels for {loss}. It has one for "
            f"{', '.join(kind.__name__ for kind in known)}."
        )
    return known[type(loss)]
