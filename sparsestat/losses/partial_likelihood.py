"""The partial likelihood of survival data, its derivatives, conjugate and hazards.

With w the weights and W their sum, over terms k that each belong to one event time,

    f(eta) = (1 / W) (sum_k m_k log S_k - sum over events i of w_i eta_i),
    S_k    = sum over j at risk of c_kj w_j exp(eta_j).

Breslow has one term a time: m_k is the weight of the events at it, all c_kj are 1. Efron
has as many terms as events: m_k is their mean weight, and in the l-th term, l = 0 ... d - 1,
they count c_kj = 1 - l / d, all others 1.

pi_kj = c_kj w_j exp(eta_j) / S_k is a distribution on the risk set, and

    W f'  = sum_k m_k pi_k - (w_i if i has an event, else 0),
    W f'' = diag(d) - sum_k m_k pi_k pi_k',    d = sum_k m_k pi_k.

d_i = w_i exp(eta_i) H_i, with H_i the cumulative hazard that i lived through, and row i of
W f'' z is d_i times z_i less the mean, over this hazard, of the risk sets' means of z. So
all takes cumulative sums only.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sparsestat.linalg import log_cumulative_sums
from sparsestat.losses.risk_products import multiply_risks
from sparsestat.losses.risk_sets import RiskSets

__all__ = ["BaselineHazard", "PartialLikelihood", "RiskHessian", "Terms"]


class Terms(NamedTuple):
    """The terms of the partial likelihood, by group.

    Attributes
    ----------
    groups : ndarray of int, shape (n_terms,)
    starts : ndarray of int, shape (n_groups,)
        The first term of each group, in which all count fully.
    shares : ndarray of shape (n_terms,)
        What the events of the group count in the sum over the risk set.
    masses : ndarray of shape (n_terms,)
    """

    groups: np.ndarray
    starts: np.ndarray
    shares: np.ndarray
    masses: np.ndarray

    @classmethod
    def breslow(cls, masses: np.ndarray) -> "Terms":
        """Return one term a group."""
        groups = np.arange(masses.size)
        return cls(groups, groups, np.ones(masses.size), masses)

    @classmethod
    def efron(cls, masses: np.ndarray, sizes: np.ndarray) -> "Terms":
        """Return as many terms a group as it has events."""
        groups, starts = np.repeat(np.arange(sizes.size), sizes), np.cumsum(sizes) - sizes
        place = np.arange(groups.size) - starts[groups]
        return cls(groups, starts, 1.0 - place / sizes[groups], (masses / sizes)[groups])


class Risk(NamedTuple):
    """Sums over risk sets at a linear predictor, as logarithms.

    Attributes
    ----------
    x : ndarray of shape (n,)
        eta + log w, sorted.
    sums : ndarray of shape (n,)
        Cumulative sums of exp(x).
    others, tied : ndarray of shape (n_groups,)
        The parts of the sum over a risk set without and with an event at its time.
    terms : ndarray of shape (n_terms,)
        log S_k.
    """

    x: np.ndarray
    sums: np.ndarray
    others: np.ndarray
    tied: np.ndarray
    terms: np.ndarray


class Hazard(NamedTuple):
    """Hazards at a linear predictor, as logarithms.

    Attributes
    ----------
    steps, own : ndarray of shape (n_groups,)
        The increments at each time, sum_k m_k / S_k; and as they are for the events at it,
        sum_k c_k m_k / S_k.
    cumulative : ndarray of shape (n_groups + 1,)
        Sums up to and with the time of each group; minus infinity for no group.
    lived : ndarray of shape (n,)
        The cumulative hazard that each row lived through, sorted.
    """

    steps: np.ndarray
    own: np.ndarray
    cumulative: np.ndarray
    lived: np.ndarray


class BaselineHazard(NamedTuple):
    """The cumulative baseline hazard of one stratum: a step function, 0 before its first step.

    Attributes
    ----------
    times : ndarray of shape (n_times,)
        Times of events, ascending.
    logs : ndarray of shape (n_times,)
        Logarithms of the cumulative hazard from each time on: it may leave the range of
        floats where covariates are far from zero.
    """

    times: np.ndarray
    logs: np.ndarray

    @property
    def cumulative_hazard(self) -> np.ndarray:
        """The cumulative hazard from each time on."""
        with np.errstate(over="ignore"):
            return np.exp(self.logs)

    def log_at(self, times: np.ndarray) -> np.ndarray:
        """Return the logarithm of the cumulative hazard at some times."""
        steps = np.concatenate([[-np.inf], self.logs])
        return steps[np.searchsorted(self.times, times, side="right")]


@dataclass(frozen=True, eq=False)
class PartialLikelihood:
    """Minus the log partial likelihood over the sum of the weights.

    Methods take linear predictors, in the order of the samples.

    Parameters
    ----------
    sets : RiskSets
    terms : Terms
    """

    sets: RiskSets
    terms: Terms

    @property
    def scale(self) -> float:
        """The factor n / W: residuals are minus n times the gradient."""
        return self.sets.weight.size / float(self.sets.weight.sum())

    @property
    def event_share(self) -> float:
        """The weight of the events over that of all samples."""
        weight = self.sets.weight
        return float(weight[self.sets.events].sum() / weight.sum())

    def event_losses(self, eta: np.ndarray) -> np.ndarray:
        """Return minus the logarithm of each event's chance, of shape (n_events,)."""
        sets, terms, risk = self.sets, self.terms, self._risk(eta)
        by_group = _group_sums(terms.masses * risk.terms, terms.starts)
        mean = by_group / _group_sums(terms.masses, terms.starts)
        return mean[sets.groups] - eta[sets.order[sets.events]]

    def value(self, eta: np.ndarray) -> float:
        """Return minus the weighted log partial likelihood over the sum of the weights."""
        weight = self.sets.weight
        return float(weight[self.sets.events] @ self.event_losses(eta) / weight.sum())

    def residual(self, eta: np.ndarray) -> np.ndarray:
        """Return minus n times the gradient: n / W times the weighted martingale residuals.

        They sum to zero in each stratum.
        """
        risk = self._risk(eta)
        residual = -np.exp(risk.x + _accumulate_hazard(self.sets, self.terms, risk).lived)
        residual[self.sets.events] += self.sets.weight[self.sets.events]
        return _unsort(self.sets, self.scale * residual)

    def curvature(self, eta: np.ndarray) -> np.ndarray:
        """Return the diagonal of n times the Hessian: n / W sum_k m_k pi_k (1 - pi_k)."""
        risk = self._risk(eta)
        lived = _accumulate_hazard(self.sets, self.terms, risk).lived
        terms = self.terms._replace(shares=self.terms.shares**2)
        risk = risk._replace(terms=2.0 * risk.terms)
        squared = _accumulate_hazard(self.sets, terms, risk).lived
        diagonal = np.exp(risk.x + lived) - np.exp(2.0 * risk.x + squared)
        return _unsort(self.sets, self.scale * np.maximum(diagonal, 0.0))

    def hessian(self, eta: np.ndarray) -> "RiskHessian":
        """Return n times the Hessian in eta."""
        return RiskHessian.of(self.sets, self.terms, self._risk(eta), self.scale)

    def hessian_bound(self) -> "RiskHessian":
        """Return a matrix that no Hessian exceeds, times n.

        diag(pi) - pi pi' is at most (I - 11'/m) / 2 for distributions on m outcomes
        (Boehning 1992), which is m / 2 times the same with uniform pi.
        """
        sets, uniform = self.sets, np.zeros(self.sets.weight.size)
        at_risk = sets.first + sets.sizes - sets.stratum_starts
        masses = _group_sums(self.terms.masses, self.terms.starts) * at_risk / 2.0
        terms = Terms.breslow(masses)
        return RiskHessian.of(sets, terms, _sum_risks(sets, terms, uniform), self.scale)

    def expression(self, cp: Any, eta: Any) -> Any:
        """Write the same for cvxpy, the module `cp`, term by term; eta is its expression."""
        sets, terms = self.sets, self.terms
        x = eta[sets.order] + np.log(sets.weight)
        total = -(sets.weight[sets.events] @ eta[sets.order[sets.events]])
        for group, share, mass in zip(terms.groups, terms.shares, terms.masses, strict=True):
            begin, first = sets.stratum_starts[group], sets.first[group]
            counts = np.ones(first + sets.sizes[group] - begin)
            counts[first - begin :] = share
            total += mass * cp.log_sum_exp(x[begin : begin + counts.size] + np.log(counts))
        return total / float(sets.weight.sum())

    def excess(self, eta: np.ndarray, share: float) -> float:
        """Bound f(eta) + f*(u) - u'eta from above, for u = share f'(eta).

        Notes
        -----
        With a the weights of the events over W, f + a'eta is a sum of functions g_k =
        (m_k / W) log S_k, so that f*(u) is the least sum of g_k*(v_k) over all v_k that add
        up to u + a. Let rho be the distribution of the weights of tied events. Then

            v_k = (m_k / W) q_k,    q_k = share pi_k + (1 - share) rho

        do so, since the m_k rho of a time add up to the weights of its events. Each g_k*
        is (m_k / W) sum_j q_kj log(q_kj / (c_kj w_j)), whence

            excess <= (1 / W) sum_k m_k KL(q_k || pi_k),

        which vanishes for the whole gradient. The divergence is convex in q_k, therefore at
        most (1 - share) KL(rho || pi_k); and as every divergence it is at most
        log(1 + chi2(q_k || pi_k)), where the chi-squared divergence is (1 - share)^2
        chi2(rho || pi_k). Both take sums over the tied events only; of each term the
        lesser is taken.
        """
        lack = 1.0 - share
        if lack <= 0.0:
            return 0.0
        sets, terms, risk = self.sets, self.terms, self._risk(eta)
        values, weight = eta[sets.order[sets.events]], sets.weight[sets.events]
        total = _group_sums(weight, sets.starts)
        mean = _group_sums(weight * values, sets.starts) / total
        spread = np.logaddexp.reduceat(np.log(weight) - values, sets.starts) - np.log(total)
        # log(c / S): pi_kj is exp of it times w_j exp(eta_j), rho_j is w_j / total.
        unit = np.log(terms.shares) - risk.terms + np.log(total)[terms.groups]
        divergence = -unit - mean[terms.groups]
        with np.errstate(divide="ignore"):  # log(0) where share is 0
            rest = np.log1p(-(lack**2))
        chi = np.logaddexp(rest, 2.0 * np.log(lack) + spread[terms.groups] - unit)
        bound = np.minimum(lack * divergence, chi)
        return float(terms.masses @ bound) / float(sets.weight.sum())

    def baseline(self, eta: np.ndarray) -> list[BaselineHazard]:
        """Return the cumulative baseline hazard of each stratum, at eta = 0.

        Breslow's estimator, or its form for Efron's treatment of ties.
        """
        sets = self.sets
        logs = _accumulate_hazard(sets, self.terms, self._risk(eta)).cumulative
        return [
            BaselineHazard(sets.times[first:stop][::-1], logs[first:stop][::-1])
            for first, stop in pairwise(sets.group_bounds)
        ]

    def _risk(self, eta: np.ndarray) -> Risk:
        x = eta[self.sets.order] + np.log(self.sets.weight)
        return _sum_risks(self.sets, self.terms, x)


def _unsort(sets, values):
    """Return sorted columns in the order of the samples."""
    return values.take(sets.places, axis=-1)


def _group_sums(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.add.reduceat(values, starts, axis=-1) if starts.size else values[..., :0]


def _sum_risks(sets: RiskSets, terms: Terms, x: np.ndarray) -> Risk:
    sums = log_cumulative_sums(x, sets.bounds)
    first = sets.first
    others = np.where(first > sets.stratum_starts, sums[first - 1], -np.inf)
    tied = np.logaddexp.reduceat(x[sets.events], sets.starts)
    logs = np.logaddexp(others[terms.groups], np.log(terms.shares) + tied[terms.groups])
    return Risk(x, sums, others, tied, logs)


def _accumulate_hazard(sets: RiskSets, terms: Terms, risk: Risk) -> Hazard:
    top = risk.terms[terms.starts]
    rates = terms.masses * np.exp(top[terms.groups] - risk.terms)
    steps = np.log(_group_sums(rates, terms.starts)) - top
    own = np.log(_group_sums(rates * terms.shares, terms.starts)) - top
    backwards = steps.size - sets.group_bounds[::-1]
    cumulative = np.append(log_cumulative_sums(steps[::-1], backwards)[::-1], -np.inf)
    lived = cumulative[sets.earlier]
    lived[sets.events] = np.logaddexp(lived[sets.events], own[sets.groups])
    return Hazard(steps, own, cumulative, lived)


@dataclass(frozen=True, eq=False)
class RiskHessian:
    """n times the Hessian of a partial likelihood in eta, as an operator.

    Row i of the product with z is d_i (z_i - C_i): C_i is the mean of the risk sets' means
    of z over the hazard that i lived through.

    Parameters
    ----------
    sets : RiskSets
    d : ndarray of shape (n,)
        Sorted.
    shares : ndarray of shape (n,)
        For running means over rows.
    tied : ndarray of shape (n_events,)
        The share of each event among those tied with it.
    others, own_others : ndarray of shape (n_groups,)
        What those without an event at its time count in a group's mean: over the terms with
        weights m_k / S_k, and c_k m_k / S_k.
    steps : ndarray of shape (n_groups,)
        For running means over the groups, from the last, the earliest time, on.
    own : ndarray of shape (n_events,)
        The share of the time of the event in the hazard that it lived through.
    """

    sets: RiskSets
    d: np.ndarray
    shares: np.ndarray
    tied: np.ndarray
    others: np.ndarray
    own_others: np.ndarray
    steps: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, sets: RiskSets, terms: Terms, risk: Risk, scale: float) -> "RiskHessian":
        """Prepare the Hessian at a linear predictor."""
        hazard = _accumulate_hazard(sets, terms, risk)
        rates = terms.masses * np.exp(-risk.terms - hazard.steps[terms.groups])
        alone = np.exp(risk.others[terms.groups] - risk.terms)  # the share of the others
        own_rates = rates * terms.shares
        own_sums = _group_sums(own_rates, terms.starts)
        return cls(
            sets=sets,
            d=scale * np.exp(risk.x + hazard.lived),
            shares=np.exp(risk.x - risk.sums),
            tied=np.exp(risk.x[sets.events] - risk.tied[sets.groups]),
            others=_group_sums(rates * alone, terms.starts),
            own_others=_group_sums(own_rates * alone, terms.starts) / own_sums,
            steps=np.exp(hazard.steps - hazard.cumulative[:-1]),
            own=np.exp(hazard.own[sets.groups] - hazard.lived[sets.events]),
        )

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return the products with some vectors, the rows of `values`, of shape (k, n)."""
        sets = self.sets
        group_of = np.full(sets.order.size, -1)
        group_of[sets.events] = sets.groups
        tied, own = np.zeros(sets.order.size), np.zeros(sets.order.size)
        tied[sets.events], own[sets.events] = self.tied, self.own
        values = np.ascontiguousarray(values, dtype=np.float64)
        products = np.empty_like(values)
        multiply_risks(
            values,
            sets.order,
            sets.bounds,
            sets.group_bounds,
            sets.earlier,
            group_of,
            sets.first,
            self.shares,
            tied,
            self.others,
            self.own_others,
            self.steps,
            own,
            self.d,
            products,
        )
        return products
