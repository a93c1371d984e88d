"""Survival data in the order in which risk sets are cumulative."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["RiskSets"]


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Right-censored survival data, sorted by stratum and from the latest time to the earliest.

    The risk set of an event time is then the part of a stratum up to the last row with this
    time. Those censored at a time are at risk at it, and come before its events; so whoever
    is at risk without an event at the time is the part of the stratum up to its first event.

    A group is what ties: the events of one stratum at one time.

    Parameters
    ----------
    order : ndarray of int, shape (n,)
        The samples in sorted order: what follows counts rows of it.
    weight : ndarray of shape (n,)
        Positive.
    bounds : ndarray of int, shape (n_strata + 1,)
        First rows of the strata, then n.
    events : ndarray of int, shape (n_events,)
        Rows with an event.
    groups : ndarray of int, shape (n_events,)
        The group of each event.
    starts : ndarray of int, shape (n_groups,)
        Positions in `events` where the groups begin.
    group_bounds : ndarray of int, shape (n_strata + 1,)
        First groups of the strata, then n_groups.
    times : ndarray of shape (n_groups,)
    earlier : ndarray of int, shape (n,)
        The latest group at or before the time of a row, for rows with an event strictly
        before it; n_groups if there is none.
    """

    order: np.ndarray
    weight: np.ndarray
    bounds: np.ndarray
    events: np.ndarray
    groups: np.ndarray
    starts: np.ndarray
    group_bounds: np.ndarray
    times: np.ndarray
    earlier: np.ndarray

    @classmethod
    def of(
        cls,
        time: np.ndarray,
        event: np.ndarray,
        weight: np.ndarray | None = None,
        strata: np.ndarray | None = None,
    ) -> "RiskSets":
        """Sort survival data.

        Parameters
        ----------
        time : ndarray of shape (n,)
        event : ndarray of bool, shape (n,)
            Whether the time is that of an event; else it is censored.
        weight : ndarray of shape (n,), optional
        strata : ndarray of shape (n,), optional
            Any numbers.
        """
        n = time.size
        stratum = np.zeros(n, dtype=np.intp)
        if strata is not None:
            stratum = np.unique(strata, return_inverse=True)[1]
        order = np.lexsort((event, -time, stratum))
        time, event, stratum = time[order], event[order], stratum[order]
        count = int(stratum[-1]) + 1
        bounds = np.searchsorted(stratum, np.arange(count + 1))
        events = np.flatnonzero(event)
        new = np.ones(events.size, dtype=bool)
        new[1:] = (np.diff(time[events]) != 0.0) | (np.diff(stratum[events]) != 0)
        groups, starts = np.cumsum(new) - 1, np.flatnonzero(new)
        first = events[starts]
        group_bounds = np.searchsorted(stratum[first], np.arange(count + 1))
        last = events[np.append(starts[1:], events.size)[: starts.size] - 1]
        earlier = np.searchsorted(last, np.arange(n))
        earlier[events] += 1
        earlier[earlier >= group_bounds[stratum + 1]] = starts.size
        return cls(
            order=order,
            weight=np.ones(n) if weight is None else weight[order],
            bounds=bounds,
            events=events,
            groups=groups,
            starts=starts,
            group_bounds=group_bounds,
            times=time[first],
            earlier=earlier,
        )

    @cached_property
    def places(self) -> np.ndarray:
        """The row of each sample: the inverse of `order`."""
        return np.argsort(self.order)

    @cached_property
    def first(self) -> np.ndarray:
        """The row of the first event of each group."""
        return self.events[self.starts]

    @cached_property
    def sizes(self) -> np.ndarray:
        """The number of events of each group."""
        return np.diff(self.starts, append=self.events.size)

    @cached_property
    def stratum_starts(self) -> np.ndarray:
        """The first row of the stratum of each group."""
        return np.repeat(self.bounds[:-1], np.diff(self.group_bounds))
