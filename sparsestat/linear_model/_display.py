"""Figures of paths and of the choice of a strength on them."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sparsestat.linear_model._cross_validation import PathModel, count_features
from sparsestat.linear_model._path import PathResult

__all__ = ["CVDisplay", "PathDisplay"]


class PathDisplay:
    """Coefficients along a path of strengths.

    Made by :meth:`from_estimator` or :meth:`from_path`.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_features, n_alphas)
        nan where there is no finite solution, which the figure shades.
    names : sequence of str, length n_features
    alpha : float or None
        The strength that is marked; features with a nonzero coefficient there have
        colours and are named.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each feature that is nonzero somewhere, named ones last.

    See Also
    --------
    CVDisplay : How the strength was chosen.

    Examples
    --------
    >>> from sparsestat import PathDisplay, PenalizedRegressorCV
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(100, 200, 3, snr=10.0, random_state=0)
    >>> model = PenalizedRegressorCV(eps=0.05).fit(data.X, data.y)
    >>> display = PathDisplay.from_estimator(model)
    >>> display.ax_.get_ylabel()
    'coefficient'
    """

    def __init__(
        self, *, alphas: np.ndarray, coefs: np.ndarray, names: Any, alpha: float | None
    ) -> None:
        self.alphas = alphas
        self.coefs = coefs
        self.names = names
        self.alpha = alpha

    @classmethod
    def from_estimator(
        cls,
        estimator: PathModel,
        *,
        target: Any = None,
        feature_names: Any = None,
        scales: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "PathDisplay":
        """Draw the path of a fitted estimator.

        Parameters
        ----------
        estimator : PenalizedRegressorCV or PenalizedClassifierCV
            Fitted.
        target : label, default=None
            The class whose path is drawn, needed if there are more than two; or the number
            of the response, from 0 on, if there are several.
        feature_names, scales, ax, **kwargs
            As in :meth:`from_path`; the names default to those the estimator has seen.

        Returns
        -------
        PathDisplay

        Raises
        ------
        TypeError, ValueError
            If the estimator has no path, or `target` is not one of its classes.
        """
        paths = _fitted(estimator).path_
        if isinstance(paths, list):
            classes = getattr(estimator, "classes_", None)
            names = np.arange(len(paths)) if classes is None else classes
            found = np.flatnonzero(names == target)
            if found.size != 1:
                kind = "responses" if classes is None else "classes"
                raise ValueError(
                    f"target must be one of the {kind} {names.tolist()}. Got {target!r}."
                )
            paths = paths[found[0]]
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        return cls.from_path(
            paths,
            alpha=estimator.alpha_,
            feature_names=feature_names,
            scales=scales,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_path(
        cls,
        path: PathResult,
        *,
        alpha: float | None = None,
        feature_names: Any = None,
        scales: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "PathDisplay":
        """Draw a path.

        Parameters
        ----------
        path : PathResult
        alpha : float, default=None
            One of its strengths, to be marked.
        feature_names : array-like of str, shape (n_features,), default=None
        scales : array-like of shape (n_features,), default=None
            What coefficients are multiplied by, such as the standard deviations of the
            columns, which make coefficients of different units comparable.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **kwargs
            Passed to :meth:`plot`.

        Returns
        -------
        PathDisplay
        """
        n_features = path.coefs.shape[0]
        if feature_names is None:
            feature_names = [f"x{j}" for j in range(n_features)]
        coefs = np.where(path.finite, path.coefs.toarray(), np.nan)
        for name, values in (("feature_names", feature_names), ("scales", scales)):
            if values is not None and len(values) != n_features:
                raise ValueError(
                    f"{name} must have one entry a feature, {n_features}. Got {len(values)}."
                )
        if scales is not None:
            coefs = coefs * np.asarray(scales)[:, None]
        if alpha is not None and alpha not in path.alphas:
            raise ValueError(f"alpha must be one of the strengths of the path. Got {alpha}.")
        display = cls(alphas=path.alphas, coefs=coefs, names=feature_names, alpha=alpha)
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, max_names: int = 10) -> "PathDisplay":
        """Draw the coefficients over the strength, which falls from left to right.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        max_names : int, default=10
            How many features to name in a legend, those with the largest coefficients
            at the marked strength.

        Returns
        -------
        self
        """
        ax = _axes(ax)
        marked = np.empty(0, dtype=int)
        if self.alpha is not None:
            at = np.nan_to_num(self.coefs[:, np.flatnonzero(self.alphas == self.alpha)[0]])
            marked = np.argsort(-np.abs(at))[: np.count_nonzero(at)]
        used = np.nan_to_num(self.coefs).any(axis=1)
        others = np.setdiff1d(np.flatnonzero(used), marked)
        self.lines_ = [
            ax.plot(self.alphas, self.coefs[j], color="0.8", lw=0.8)[0] for j in others
        ]
        for rank, j in enumerate(marked):
            label = str(self.names[j]) if rank < max_names else None
            color = f"C{rank % 10}" if rank < max_names else "0.5"
            self.lines_ += ax.plot(self.alphas, self.coefs[j], color=color, label=label)
        if marked.size and max_names > 0:
            more = marked.size - max_names
            title = f"largest of {marked.size}" if more > 0 else None
            beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "frameon": False}
            ax.legend(title=title, fontsize="small", title_fontsize="small", **beside)
        ax.axhline(0.0, color="0.4", lw=0.8)
        _strength_axis(ax, self.alphas, self.alpha, np.isnan(self.coefs).any(axis=0))
        ax.set_ylabel("coefficient")
        self.ax_, self.figure_ = ax, ax.figure
        return self


class CVDisplay:
    """How a strength was chosen: cross-validated scores, or an information criterion.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
    values : ndarray of shape (n_alphas,)
        Mean test scores, or values of the criterion; nan where there is no finite
        solution, which the figure shades, or the criterion says little.
    errors : ndarray of shape (n_alphas,) or None
        Standard errors of the scores.
    n_nonzero : ndarray of int, shape (n_alphas,)
    alpha : float
        The strength chosen.
    label : str
        What the values are.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
    band_ : matplotlib PolyCollection or None
        One standard error to either side.

    Examples
    --------
    >>> from sparsestat import CVDisplay, PenalizedRegressorCV
    >>> from sparsestat.datasets import make_sparse_regression
    >>> data = make_sparse_regression(100, 200, 3, snr=10.0, random_state=0)
    >>> model = PenalizedRegressorCV(eps=0.05, criterion="ebic").fit(data.X, data.y)
    >>> CVDisplay.from_estimator(model).ax_.get_ylabel()
    'EBIC'
    """

    def __init__(
        self,
        *,
        alphas: np.ndarray,
        values: np.ndarray,
        errors: np.ndarray | None,
        n_nonzero: np.ndarray,
        alpha: float,
        label: str,
    ) -> None:
        self.alphas = alphas
        self.values = values
        self.errors = errors
        self.n_nonzero = n_nonzero
        self.alpha = alpha
        self.label = label

    @classmethod
    def from_estimator(cls, estimator: PathModel, *, ax: Any = None) -> "CVDisplay":
        """Draw what chose the strength of a fitted estimator.

        Parameters
        ----------
        estimator : PenalizedRegressorCV or PenalizedClassifierCV
            Fitted.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.

        Returns
        -------
        CVDisplay

        Raises
        ------
        TypeError
            If the estimator chooses no strength.
        """
        fitted = _fitted(estimator)
        paths = fitted.path_ if isinstance(fitted.path_, list) else [fitted.path_]
        errors, label = None, estimator.criterion.upper()
        if hasattr(fitted, "cv_results_"):
            results = fitted.cv_results_
            values = np.where(results["finite"], results["mean_test_score"], np.nan)
            errors, label = results["standard_error"], "mean test score"
            if estimator.scoring is not None:
                label += f" ({getattr(estimator.scoring, '__name__', estimator.scoring)})"
        else:
            values = np.where(np.isinf(fitted.criterion_), np.nan, fitted.criterion_)
        display = cls(
            alphas=fitted.alphas_,
            values=values,
            errors=errors,
            n_nonzero=count_features(paths),
            alpha=fitted.alpha_,
            label=label,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> "CVDisplay":
        """Draw the values over the strength, numbers of features along the top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self
        """
        ax = _axes(ax)
        self.band_ = None
        if self.errors is not None:
            low, high = self.values - self.errors, self.values + self.errors
            self.band_ = ax.fill_between(self.alphas, low, high, color="0.85", lw=0.0)
        (self.line_,) = ax.plot(self.alphas, self.values, color="0.2")
        _strength_axis(ax, self.alphas, self.alpha, np.isnan(self.values))
        ax.set_ylabel(self.label)
        places = np.unique(np.linspace(0, self.alphas.size - 1, 6).round().astype(int))
        top = ax.secondary_xaxis("top")
        top.minorticks_off()
        top.set_xticks(self.alphas[places], [str(n) for n in self.n_nonzero[places]])
        top.set_xlabel("number of features")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _fitted(estimator: Any) -> Any:
    if not isinstance(estimator, PathModel):
        raise TypeError(
            "estimator must be a PenalizedRegressorCV or PenalizedClassifierCV. "
            f"Got {estimator!r}."
        )
    check_is_fitted(estimator)
    return estimator


def _axes(ax: Any) -> Any:
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax


def _strength_axis(
    ax: Any, alphas: np.ndarray, chosen: float | None, missing: np.ndarray
) -> None:
    """Let the strength fall from left to right; mark the chosen one, shade missing ones."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    if alphas.min() > 0.0:
        ax.set_xscale("log")
        if alphas.max() < 100.0 * alphas.min():  # few powers of ten: label numbers between
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    elif alphas.max() > 0.0:
        ax.set_xscale("symlog", linthresh=alphas[alphas > 0.0].min())
    # Each run of missing strengths, half a step to either side.
    between = 0.5 * (alphas[1:] + alphas[:-1])
    edges = np.concatenate([alphas[:1], between, alphas[-1:]])
    (changes,) = np.diff(missing, prepend=False, append=False).nonzero()
    for first, end in changes.reshape(-1, 2):
        ax.axvspan(edges[first], edges[end], color="0.94", lw=0.0, zorder=0)
    if not ax.xaxis_inverted():
        ax.invert_xaxis()
    if chosen is not None:
        ax.axvline(chosen, color="0.4", ls="--", lw=1.0)
    ax.set_xlabel(r"strength $\alpha$")
    ax.spines[["top", "right"]].set_visible(False)
