"""The search for best subsets in least squares: steps that need no fits between them."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from sparsestat.solvers.problem import Problem
from sparsestat.solvers.result import Solution
from sparsestat.solvers.search import Rule, Search, State
from sparsestat.solvers.support import Fit, LeastSquaresModel
from sparsestat.solvers.tableau import COLLINEAR, Prices, Tableau, follow_exchanges, tableau

__all__ = ["StepwiseSearch", "search_of"]

# After so many features have come and gone a tableau is worked out anew.
MOVES = 100
# More features than this enter many at a time.
MANY = 100


class StepwiseSearch(Search):
    """The search for least squares over single features without bounds.

    One tableau follows the models from one to the next.
    """

    model: LeastSquaresModel

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._table: Tableau | None = None
        self._charges: tuple[np.ndarray, ...] | None = None
        self._size = 0
        self._moves = 0
        tiny = np.finfo(np.float64).tiny
        self._floor = COLLINEAR * np.maximum(self.problem.curvatures, tiny)

    def grow(self, state: State, rule: Rule) -> State:
        """Let the features enter that gain most, one at a time if they are few."""
        if self._missing(state, rule) > MANY or not math.isfinite(rule.room):
            return super().grow(state, rule)
        return state  # as they will where features are exchanged

    def climb(self, state: State, rule: Rule) -> State:
        """Grow one by one, exchanging at each size."""
        if self._missing(state, rule) > MANY or not math.isfinite(rule.room):
            return super().grow(state, rule)
        for size in range(1, int(rule.room) + 1):
            state = self.polish(state, rule._replace(room=float(size)))
        return state

    def shrink(self, state: State, rule: Rule) -> State:
        """Leave it to the exchanges to let features go."""
        return state

    def polish(self, state: State, rule: Rule, known: Iterable[State] = ()) -> State:
        """Bring a model to size, then exchange features as long as the objective falls."""
        prices = self._prices(state, rule)
        while True:
            self._ready(state)
            before = self._moves
            settled = self._follow(prices)
            if self._moves == before:
                return state
            other = self._state(rule)
            sized = prices.fill and other.fit.w.size != state.fit.w.size
            if not sized and not self.is_lower(other, state):
                return state
            state = other
            if settled:
                return state

    def _follow(self, prices: Prices) -> bool:
        """Exchange features; tell whether no exchange promises anything."""
        model, left = self.model, MOVES - self._moves
        while left > 0:
            self._size, moves, wanted = follow_exchanges(
                self._table, self._size, prices, *model.known, self._rounding, left
            )
            self._moves += moves
            left -= moves
            if wanted < 0:
                return left > 0
            model.gram(np.array([wanted]))
            self._widen()
        return False

    def _widen(self) -> None:
        """See that another feature finds room in the tableau."""
        table, k = self._table, self._size
        if table is not None and k == table.w.size:
            self._table = table._replace(
                T=np.concatenate([table.T, np.empty_like(table.T)]),
                inverse=np.pad(table.inverse, (0, k)),
                w=np.pad(table.w, (0, k)),
                rows=np.pad(table.rows, (0, k)),
            )

    def _prices(self, state: State, rule: Rule) -> Prices:
        """Return what the features cost that may enter or leave."""
        if self._charges is None or self._charges[0] is not rule.charges:
            of = self.units.of
            unit = np.maximum(of, 0)
            fixed = np.where(self.problem.weights == 0.0, -np.inf, np.inf)
            charges = np.where(of >= 0, rule.charges[unit], fixed)
            self._charges = (rule.charges, charges, rule.pools[unit])
        counts = np.bincount(rule.pools[state.inside], minlength=int(rule.pools.max()) + 1)
        _, charges, pools = self._charges
        fill = math.isfinite(rule.room)
        return Prices(charges, self._floor, pools, counts, float(rule.room), fill)

    def _ready(self, state: State) -> None:
        """Have the tableau of a model: the last one, if it is that."""
        table, problem, features = self._table, self.problem, state.fit.features
        if (
            table is None
            or self._moves >= MOVES
            or self._size != features.size
            or not table.member[features].all()
        ):
            rows, c = self.model.gram(features), problem.gradient_at_zero
            room = max(2 * features.size, 16)
            self._table = tableau(rows, c, problem.curvatures, features, room)
            self._size, self._moves = features.size, 0

    def _state(self, rule: Rule) -> State:
        table: Any = self._table
        self._n_iter += 1
        features, w = table.rows[: self._size], table.w[: self._size]
        c, q = self.problem.gradient_at_zero[features], table.q[features]
        value = self.model.value(w, c, q)
        order = features.argsort()
        fit = Fit(features[order], w[order], 0.0, value, 1)
        inside = table.member[self.units.members[:, 0]]
        return self._priced(inside, fit, rule)

    def solution(self, state: State, *args: Any) -> Solution:
        """Make the record of a solution, fitted anew."""
        fit = self.model.fit(state.fit.features, state.fit)
        return super().solution(state._replace(fit=fit), *args)


def search_of(problem: Problem, tol: float, max_iter: int) -> Search:
    """Return the search that suits a problem."""
    search = Search(problem, tol, max_iter)
    suits = (
        isinstance(search.model, LeastSquaresModel)
        and search.model.is_free
        and search.units.members.shape[1] == 1
        and search.units.count > 0
    )
    return StepwiseSearch(problem, tol, max_iter) if suits else search
