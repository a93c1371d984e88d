"""The search for the best support: models that grow, shrink, and exchange units."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sparsestat.penalties import SupportConstraint
from sparsestat.solvers.composite import JointTerm, SmoothPart, term_of
from sparsestat.solvers.exchange import Exchanges, exchanges
from sparsestat.solvers.problem import LeastSquaresProblem, Problem
from sparsestat.solvers.result import Solution, Status
from sparsestat.solvers.support import Fit, SupportModel, Units, support_model

__all__ = ["Rule", "Search", "State"]

# Of the exchanges that the quadratic model likes best, so many are tried.
TRIES = 5
# Supports grow to size in about so many rounds.
ROUNDS = 8
# Detours go by way of models with so many more units.
DETOUR = 2
# So many sizes are tried beyond the last that was better.
AHEAD = 3
# Changes of the objective below this, relative to the null model's, are rounding.
ROUNDING = 1e-12


class Rule(NamedTuple):
    """Which units may be in a model, and what they cost.

    Attributes
    ----------
    pools : ndarray of int, shape (n_units,)
        The pool of each unit.
    room : float
        How many units of each pool may be in.
    charges : ndarray of shape (n_units,)
        What each unit adds to the objective.
    """

    pools: np.ndarray
    room: float
    charges: np.ndarray

    def roomy(self, inside: np.ndarray) -> np.ndarray:
        """Tell which units belong to pools that have room."""
        counts = np.bincount(self.pools[inside], minlength=int(self.pools.max(initial=0)) + 1)
        return (counts < self.room)[self.pools]


class State(NamedTuple):
    """A model and its objective."""

    inside: np.ndarray
    fit: Fit
    objective: float


class Search:
    """The search for the best support of a problem."""

    def __init__(self, problem: Problem, tol: float, max_iter: int) -> None:
        self.problem = problem
        penalty = problem.penalty
        kept = np.isfinite(problem.weights) & (problem.weights > 0.0)
        of = np.arange(problem.n_features)
        if isinstance(penalty, SupportConstraint):
            of = penalty.units(problem.n_features)
        # Units of excluded features alone would take up room.
        self._numbers, units = np.unique(of[kept], return_inverse=True)
        of = np.full(problem.n_features, -1)
        of[kept] = units
        self.units = Units(of)
        self.model: SupportModel = support_model(problem, self.units, tol, max_iter)
        self.smooth = SmoothPart(problem)
        self._n_iter = 0
        self._pulled: tuple[Fit, np.ndarray] | None = None
        self._no_charges = np.zeros(self.units.count)
        self._free = np.flatnonzero(problem.weights == 0.0)
        self._rounding = ROUNDING * abs(self.smooth.null().value)
        self._curvatures = self.model.curvatures
        members = self.units.members
        sums = np.where(members >= 0, self._curvatures[members], 0.0).sum(axis=1)
        self._steepest = float(sums.max(initial=0.0))
        self._max_iter = max_iter

    def rule(self, penalty: Any, alpha: float) -> Rule:
        """Return the rule of a constraint, or of the l0 penalty at a strength."""
        count = self.units.count
        if isinstance(penalty, SupportConstraint):
            room = penalty.room if alpha > 0.0 else np.inf
            pools = penalty.pools(int(self._numbers.max(initial=-1)) + 1)[self._numbers]
            return Rule(pools, room, self._no_charges)
        weights = self.problem.weights[self.units.members[:, 0]]
        return Rule(np.zeros(count, dtype=np.intp), np.inf, alpha * weights)

    def state(
        self,
        inside: np.ndarray,
        rule: Rule,
        start: Fit | None = None,
        enough: float = np.inf,
    ) -> State:
        """Fit the model with some units, if its objective may fall below `enough`."""
        features = self.units.features(np.flatnonzero(inside))
        features = np.sort(np.concatenate([self._free, features]))
        fit = self.model.fit(features, start, enough - float(rule.charges[inside].sum()))
        self._n_iter += fit.n_iter
        return self._priced(inside, fit, rule)

    def _priced(self, inside, fit, rule) -> State:
        return State(inside, fit, fit.value + float(rule.charges[inside].sum()))

    def of(self, coef: np.ndarray, rule: Rule, start: Fit | None = None) -> State:
        """Fit the model with the units whose coefficients are not all zero."""
        used = self.units.of[coef != 0.0]
        inside = np.zeros(self.units.count, dtype=bool)
        inside[used[used >= 0]] = True
        return self.state(inside, rule, start)

    def exchanges(self, state: State, rule: Rule, *, entering: bool = True) -> Exchanges:
        """Work out what exchanges would do, of those that seem worth it at least.

        Or, if nothing is to be `entering`, what leaving would do.
        """
        problem, fit = self.problem, state.fit
        q = self._pull(fit)
        q = np.where(np.where(q > 0.0, problem.upper > 0.0, problem.lower < 0.0), q, 0.0)
        units = np.flatnonzero(~state.inside & entering)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if not rule.pools.any():
                units = self.model.likely(fit, q, units)
            curvature = self.model.curvature(fit, units)
            return exchanges(self.units, state.inside, units, fit, q, curvature)

    def _pull(self, fit: Fit) -> np.ndarray:
        if self._pulled is None or self._pulled[0] is not fit:
            self._pulled = (fit, self.model.pull(fit))
        return self._pulled[1]

    def grow(self, state: State, rule: Rule) -> State:
        """Let the units enter that gain most, many at a time, until there is no room."""
        if not np.isfinite(rule.room):
            return self.state(np.ones(self.units.count, dtype=bool), rule)
        missing = self._missing(state, rule)
        while missing > 0:
            found = self.exchanges(state, rule)
            order = found.entering[np.argsort(-found.gains)]
            inside, count = state.inside.copy(), max(1, missing // ROUNDS)
            for unit in order:
                if count > 0 and rule.roomy(inside)[unit]:
                    inside[unit] = True
                    count -= 1
            state = self.state(inside, rule, state.fit)
            missing = self._missing(state, rule)
        return state

    def _missing(self, state: State, rule: Rule) -> int:
        sizes = np.bincount(rule.pools)
        return int(np.minimum(sizes, rule.room).sum()) - int(state.inside.sum())

    def shrink(self, state: State, rule: Rule) -> State:
        """Let the units leave that are missed least, one at a time, down to the room."""
        while state.inside.sum() > rule.room:
            found = self.exchanges(state, rule, entering=False)
            inside = state.inside.copy()
            inside[found.leaving[found.losses.argmin()]] = False
            state = self.state(inside, rule, state.fit)
        return state

    def polish(self, state: State, rule: Rule, known: Iterable[State] = ()) -> State:
        """Exchange units as long as the objective falls, or to one of the ends known."""
        ends = {end.inside.tobytes() for end in known}
        for _ in range(self._max_iter):
            if state.inside.tobytes() in ends or self.is_exhausted(state):
                break
            for inside in self._proposals(state, rule):
                other = self.state(inside, rule, state.fit, state.objective)
                if self.is_lower(other, state):
                    state = other
                    break
            else:
                break
        return state

    def is_exhausted(self, state: State) -> bool:
        """Tell whether exchanges would follow rounding, or models that are not fitted.

        Where nothing is left to explain, and where a fit takes all the steps it may.
        """
        if state.fit.n_iter >= self._max_iter:
            return True
        if isinstance(self.problem, LeastSquaresProblem):
            return state.fit.value <= self._rounding
        return self.model.is_unbounded(state.fit)

    def _proposals(self, state: State, rule: Rule) -> Iterator[np.ndarray]:
        """Yield the few models next to this one that promise the lowest objectives."""
        found = self.exchanges(state, rule)
        leaving, entering = found.leaving, found.entering
        saved, charged = rule.charges[leaving], rule.charges[entering]
        roomy = rule.roomy(state.inside)[entering]
        allowed = (rule.pools[leaving][:, None] == rule.pools[entering]) | roomy
        falls = np.empty((leaving.size + 1, entering.size + 1))
        falls[:-1, :-1] = found.gains_after - charged + (saved - found.losses)[:, None]
        falls[:-1, :-1][~allowed] = -np.inf
        falls[-1, :-1] = np.where(roomy, found.gains - charged, -np.inf)
        falls[:-1, -1] = saved - found.losses
        falls[-1, -1] = -np.inf
        falls[~np.isfinite(falls)] = -np.inf  # flat losses have no inverse
        likely = np.argpartition(-falls, min(TRIES, falls.size) - 1, axis=None)[:TRIES]
        for place in likely[np.argsort(-falls.flat[likely])]:
            if falls.flat[place] <= self._rounding:
                return
            i, j = np.unravel_index(place, falls.shape)
            inside = state.inside.copy()
            inside[leaving[i : i + 1]] = False
            inside[entering[j : j + 1]] = True
            yield inside

    def best(self, starts: Iterable[State], rule: Rule, *known: State) -> State:
        """Return the best of what polishing makes of several models, and of ends known."""
        ends = list(known)
        for start in starts:
            ends.append(self.polish(start, rule, ends))
        return min(ends, key=lambda end: end.objective)

    def climb(self, state: State, rule: Rule) -> State:
        """Make a model of size from nothing."""
        return self.grow(state, rule)

    def pursue(self, state: State, rule: Rule, term: JointTerm) -> Iterator[State]:
        """Yield the first and the last model of hard thresholding pursuit.

        Each keeps the largest coefficients after a gradient step from the last one, as long
        as the objective falls.
        """
        root = np.sqrt(np.maximum(self._curvatures, np.finfo(np.float64).tiny))
        steps = 0
        while not self.is_exhausted(state):
            z = root * self.model.coef(state.fit) + self._pull(state.fit) / root
            other = self.of(term.prox(z, 1.0), rule, state.fit)
            settled = np.array_equal(other.inside, state.inside)
            if settled or not self.is_lower(other, state):
                break
            state, steps = other, steps + 1
            if steps == 1:
                yield state
        if steps > 1:
            yield state

    def detour(self, state: State, rule: Rule) -> State:
        """Go by way of larger models, as long as that helps."""
        if not np.isfinite(rule.room) or rule.pools.any():
            return state
        wide = rule._replace(room=rule.room + DETOUR)
        while not self.is_exhausted(state):
            larger = self.polish(self.grow(state, wide), wide)
            other = self.best([self.shrink(larger, rule)], rule, state)
            if not self.is_lower(other, state):
                break
            state = other
        return state

    def is_lower(self, state: State, other: State) -> bool:
        """Tell whether an objective is lower than another by more than rounding."""
        return state.objective < other.objective - self._rounding

    def spent(self) -> int:
        """Return the epochs and Newton steps since it was last asked."""
        spent, self._n_iter = self._n_iter, 0
        return spent

    def look_ahead(self, state: State, rule: Rule) -> State:
        """Let a model grow beyond the next larger ones, which may be worse, to a better one."""
        larger, misses = state, 0
        while (
            misses < AHEAD
            and larger.inside.sum() < self.units.count
            and not self.is_exhausted(larger)
        ):
            size = float(larger.inside.sum() + 1)
            sized = Rule(rule.pools, size, np.zeros(self.units.count))
            larger = self.polish(self.grow(larger, sized), sized)
            priced = self._priced(larger.inside, larger.fit, rule)
            if larger.inside.sum() < size:  # nothing gains any more
                break
            better = self.is_lower(priced, state)
            state, misses = (priced, 0) if better else (state, misses + 1)
        return self.polish(state, rule)

    def solution(
        self,
        state: State,
        problem: Problem,
        alpha: float,
        scale: float,
        tol: float,
        n_iter: int,
    ) -> Solution:
        """Make the record of a solution.

        For constraints the curvature by which the proximal operator judges it is twice the
        largest of a unit. Where no single exchange helps, none is then called for.
        """
        fit = state.fit
        term = term_of(problem, alpha)
        point = self.smooth.point(self.model.coef(fit), fit.intercept)
        q = -self.smooth.gradient(point)
        curvature = 2.0 * self._steepest or 1.0
        certificate = self.smooth.certificate(point)
        solution = term.certify(point, q, certificate, curvature, scale, tol, n_iter)
        if self.model.is_unbounded(fit):
            return replace(solution, status=Status.UNBOUNDED)
        return solution
