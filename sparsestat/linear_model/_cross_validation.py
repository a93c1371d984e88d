"""Paths whose strength is chosen by cross-validation or an information criterion."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer

from sparsestat._parallel import parallel_map
from sparsestat._sklearn import StrOptions, progress
from sparsestat.base import Data, naming
from sparsestat.linear_model._criterion import CRITERIA, evaluate
from sparsestat.linear_model._model import PenalizedModel
from sparsestat.linear_model._path import (
    PATH_CONSTRAINTS,
    PathResult,
    choose_alphas,
    collect,
    outputs,
)
from sparsestat.linear_model._posing import FramedProblem, flattest
from sparsestat.linear_model._warnings import Miss, warn_unless_converged
from sparsestat.losses import loss_of
from sparsestat.solvers import Solution, Status

__all__ = ["CV_CONSTRAINTS", "Folds", "PathModel", "as_folds", "count_features"]

CV_CONSTRAINTS: dict[str, list[Any]] = {
    "criterion": [StrOptions({"cv", *CRITERIA})],
    "cv": ["cv_object"],
    "scoring": [str, callable, None],
    "selection": [StrOptions({"min", "one_se"})],
    "n_jobs": [Integral, None],
    **PATH_CONSTRAINTS,
}

Folds = list[tuple[np.ndarray, np.ndarray]]


class PathModel(PenalizedModel):
    """What the estimators share that fit a path and choose a strength on it."""

    alphas: Any
    eps: float
    criterion: str
    selection: str
    scoring: Any
    n_jobs: int | None
    fit_intercept: bool

    @abstractmethod
    def _targets(self, y: np.ndarray) -> list[np.ndarray]:
        """Return the responses of the problems that make the model, from y as validated."""

    @abstractmethod
    def _mean_score(self, held: Data, predictors: np.ndarray) -> float:
        """Score predictors of held-out data, shape (n, n_targets), by the loss."""

    @abstractmethod
    def _stand_in(self, predictors: np.ndarray) -> Any:
        """Return an estimator that a scorer takes for one with these predictors."""

    def _count(self, scored: Data) -> float:
        """Return how many samples there are to estimate coefficients from."""
        return scored.size

    def _fold_weight(self, scored: Data, rows: np.ndarray) -> float:
        """Return the weight of a fold's score, from its held-out rows."""
        return float(rows.size if scored.weight is None else scored.weight[rows].sum())

    def _fit_path(self, data: Data, scored: Data, X: Any, y: Any, folds: Folds) -> None:
        """Fit the path, choose a strength on it, store the attributes.

        `scored` are the same data with the weights that scores, and the number of samples
        in criteria, go by.
        """
        if self.criterion != "cv" and self.selection != "min":
            raise ValueError(
                f"selection={self.selection!r} needs criterion='cv', which has standard "
                f"errors. Got criterion={self.criterion!r}."
            )
        for name in ("cv_results_", "criterion_", "degrees_of_freedom_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        kept = data.weighted()
        targets = self._targets(kept.y)
        framed = self._model().frame(kept, targets)
        n_outputs = sum(problem.n_outputs for problem in framed)
        flattest(framed).warn_unless_convex()
        alphas = choose_alphas(self.alphas, self.eps, framed)
        with progress(self, "alpha", alphas.size, X, y) as report:
            steps: list[tuple[Solution, ...]] = []
            for step in zip(*(problem.solve(alphas) for problem in framed), strict=True):
                steps.append(step)
                n_iter = sum(solution.n_iter for solution in step)
                if report(partial(self._fitted, step, n_outputs, data.X.dtype, n_iter)):
                    break
        alphas = alphas[: len(steps)]
        rows = [[one for solution in step for one in outputs(solution)] for step in steps]
        paths = [
            collect(alphas, solutions, data.X.dtype) for solutions in zip(*rows, strict=True)
        ]
        misses = [
            Miss(solution.kkt_violation, alpha, solution.status)
            for alpha, step in zip(alphas, steps, strict=True)
            for solution in step
            if not solution.converged
        ]
        total = len(framed) * alphas.size
        self.alphas_ = alphas
        self.path_ = paths[0] if len(paths) == 1 else paths
        # Where the path has no finite solution there is none to choose.
        eligible = np.all([path.finite for path in paths], axis=0)
        if not eligible.any():
            eligible[0] = True
        if self.criterion == "cv":
            chosen, more = self._cross_validate(data, scored, folds, eligible)
            misses += more
            total *= len(folds) + 1
        else:
            chosen = self._minimise_criterion(scored, kept, framed, steps, eligible)
        self.alpha_ = float(alphas[chosen])
        misses = [miss for miss in misses if miss.status is Status.MAX_ITER]
        misses += [
            Miss(s.kkt_violation, self.alpha_, s.status)
            for s in steps[chosen]
            if s.status is Status.UNBOUNDED
        ]
        warn_unless_converged(misses, total, framed[0].tol, self.max_iter)
        n_iter = sum(solution.n_iter for step in steps for solution in step)
        self.__dict__.update(self._fitted(steps[chosen], n_outputs, data.X.dtype, n_iter))

    def _cross_validate(
        self, data: Data, scored: Data, folds: Folds, eligible: np.ndarray
    ) -> tuple[int, list[Miss]]:
        """Score the path on every fold; return the choice and what missed the tolerance."""
        alphas = self.alphas_
        results = parallel_map(
            lambda fold: self._score_fold(data, scored, *fold), folds, self.n_jobs
        )
        misses = [miss for _, misses in results for miss in misses]
        endless = [miss.alpha for miss in misses if miss.status is Status.UNBOUNDED]
        finite = eligible & ~np.isin(alphas, endless)  # else scores are what tol makes them
        if not finite.any():
            finite = eligible
        scores = np.array([scores for scores, _ in results])
        weights = np.array([self._fold_weight(scored, test) for _, test in folds])
        mean = np.average(scores, axis=0, weights=weights)
        error = _standard_error(scores, mean, weights)
        paths = self.path_ if isinstance(self.path_, list) else [self.path_]
        self.cv_results_ = {
            "alpha": alphas,
            "mean_test_score": mean,
            "standard_error": error,
            "n_nonzero": count_features(paths),
            "finite": finite,
            "test_scores": scores,
        }
        return _select(mean, error, self.selection, finite), misses

    def _scorer(self) -> Callable:
        """Return a function (held-out data, predictors of one strength) -> score."""
        scorer = get_scorer(self.scoring) if isinstance(self.scoring, str) else self.scoring

        def by_scorer(held: Data, predictors: np.ndarray) -> float:
            weight = {} if held.weight is None else {"sample_weight": held.weight}
            with naming("scoring"):
                result = scorer(self._stand_in(predictors), held.X, held.y, **weight)
            if not (isinstance(result, Real) and math.isfinite(result)):
                raise ValueError(f"scoring must return finite numbers. Got {result!r}, say.")
            return float(result)

        return by_scorer

    def _score_fold(
        self, data: Data, scored: Data, train: np.ndarray, test: np.ndarray
    ) -> tuple[list[float], list[Miss]]:
        """Fit the path to the training rows; return test scores and misses."""
        training = data.take(train).weighted()
        paths: list[PathResult] = []
        misses: list[Miss] = []
        for problem in self._model().frame(training, self._targets(training.y)):
            steps = [outputs(solution) for solution in problem.solve(self.alphas_)]
            found = [collect(self.alphas_, one, np.float64) for one in zip(*steps, strict=True)]
            misses += found[0].misses
            paths += found
        if self.scoring is None:
            return self._loss_scores(scored, train, test, paths), misses
        return held_out_scores(self._scorer(), scored.take(test).weighted(), paths), misses

    def _loss_scores(
        self, scored: Data, train: np.ndarray, test: np.ndarray, paths: list[PathResult]
    ) -> list[float]:
        """Score the paths on the held-out rows by the loss, at every strength."""
        return held_out_scores(self._mean_score, scored.take(test).weighted(), paths)

    def _minimise_criterion(
        self,
        scored: Data,
        kept: Data,
        framed: list[FramedProblem],
        steps: Sequence[Iterable[Solution]],
        eligible: np.ndarray,
    ) -> int:
        """Evaluate the information criterion along the path; return the choice."""
        size, count = scored.size, self._count(scored)
        if not math.isfinite(size):
            raise ValueError("sample_weight adds up to more than float64 holds: rescale.")
        variance, targets = getattr(self, "noise_variance", None), self._targets(kept.y)
        values = np.array(
            [
                [
                    evaluate(
                        self.criterion,
                        problem,
                        alpha,
                        solution,
                        shares=kept.shares,
                        y=target,
                        loss=loss_of(self.loss),
                        n_intercepts=self.fit_intercept * _intercepts(problem),
                        size=size,
                        count=count,
                        noise_variance=variance,
                    )
                    for problem, solution, target in zip(framed, step, targets, strict=True)
                ]
                for alpha, step in zip(self.alphas_, steps, strict=True)
            ]
        ).sum(axis=1)
        self.criterion_, self.degrees_of_freedom_ = values.T
        # Nor do models say much that use up more than half of the samples, on average.
        most = max(0.5 * count * len(framed), self.degrees_of_freedom_[eligible].min())
        eligible = eligible & (self.degrees_of_freedom_ <= most)
        self.criterion_[~eligible] = np.inf
        return int(np.argmin(self.criterion_))


def _intercepts(problem: FramedProblem) -> int:
    """Count intercepts that can be told apart: those of classes add up to zero."""
    classes = problem.n_outputs > 1 and not problem.several_responses
    return problem.n_outputs - classes


def as_folds(splits: Iterable[Any], n_samples: int) -> Folds:
    """Return the training and held-out rows of each fold, as indices."""
    rows = np.arange(n_samples)
    folds = []
    for parts in splits:
        try:
            train, test = (rows[part] for part in parts)
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(
                f"cv must yield pairs of training and held-out rows. Got {parts!r}."
            ) from error
        if not (train.size and test.size):
            raise ValueError("cv yields a fold with no training or no held-out rows.")
        folds.append((train, test))
    if not folds:
        raise ValueError("cv yields no folds.")
    return folds


def held_out_scores(score: Callable, held: Data, paths: list[PathResult]) -> list[float]:
    """Score the predictors of held-out data, one path an output, at every strength."""
    predictors = np.stack([path.predict(held.X) for path in paths], axis=1)
    if held.offset is not None:
        predictors += held.offset.reshape(len(held.offset), -1)[:, :, None]
    return [score(held, predictors[..., a]) for a in range(predictors.shape[-1])]


def count_features(paths: list[PathResult]) -> np.ndarray:
    """Return how many features have a nonzero coefficient for some target."""
    return np.diff(sum(abs(path.coefs) for path in paths).tocsc().indptr)


def _standard_error(scores, mean, weights) -> np.ndarray:
    """Return the standard error of weighted means over folds; nan for a single fold."""
    if len(scores) < 2:
        return np.full_like(mean, np.nan)
    variance = np.average((scores - mean) ** 2, axis=0, weights=weights)
    return np.sqrt(variance / (len(scores) - 1))


def _select(mean, error, selection, eligible) -> int:
    """Return the index of the chosen strength; strengths come largest first."""
    mean = np.where(eligible, mean, -np.inf)
    best = int(np.argmax(mean))
    if selection == "min":
        return best
    return int(np.flatnonzero(mean >= mean[best] - np.nan_to_num(error[best]))[0])
