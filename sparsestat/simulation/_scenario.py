"""Scenarios: what they are called, and the random numbers that belong to them."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Scenario", "generator", "grid", "scenario_id", "shown"]

Scenario = Mapping[str, Any]

DATA = 0  # the stream of the data; those of the methods begin with METHOD
METHOD = 1


def grid(**axes: Any) -> list[dict[str, Any]]:
    """Return all combinations of values, the last axis varying fastest.

    Parameters
    ----------
    **axes
        For each field of the scenarios a list, range, array or other iterable of its
        values, or a single value that all scenarios share. Strings, tuples and
        dictionaries are single values.

    Returns
    -------
    list of dict
        Lists of scenarios can be added and filtered before they go into a study. Random
        numbers depend on all fields: a field more, even a constant one, changes them.

    Raises
    ------
    ValueError
        If an axis is empty.

    Examples
    --------
    >>> from sparsestat.simulation import grid
    >>> grid(n_samples=[100, 200], rho=0.5)
    [{'n_samples': 100, 'rho': 0.5}, {'n_samples': 200, 'rho': 0.5}]
    """
    values = {name: _axis(axis) for name, axis in axes.items()}
    for name, axis in values.items():
        if not axis:
            raise ValueError(f"{name} has no values: a grid needs at least one of each field.")
    return [
        dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())
    ]


def _axis(axis: Any) -> list[Any]:
    if isinstance(axis, np.ndarray):
        return list(axis.tolist()) if axis.ndim else [axis.item()]
    is_value = isinstance(axis, str | bytes | tuple | Mapping)
    return [axis] if is_value or not isinstance(axis, Iterable) else list(axis)


def scenario_id(scenario: Scenario) -> str:
    """Return 128 bits, in hexadecimal, that name a scenario by its fields and values.

    Neither the order of the fields nor the type of a number matters: 1 and 1.0 are the same.
    """
    canonical = json.dumps(_plain(scenario), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; refuse what has no unique spelling."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and not math.isnan(value):
        return int(value) if value.is_integer() else value
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(entry) for key, entry in value.items()}
    raise TypeError(
        "the values of a scenario must be numbers, strings, booleans, None, or lists, tuples "
        f"and dictionaries of these. Got {value!r}: give it a name here and look the name up "
        "in generate."
    )


def shown(value: Any) -> Any:
    """Return a value as it stands in a table, where rows are grouped by it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return tuple(shown(entry) for entry in value)
    return str(value) if isinstance(value, Mapping) else value


def generator(
    seed: int, identity: str, replication: int, stream: Sequence[int]
) -> np.random.Generator:
    """Return the random numbers of one replication of a scenario.

    They are a function of the arguments alone: what else is run, where and in which order
    changes nothing.
    """
    key = (*words(identity), replication, *stream)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def method_stream(name: str) -> tuple[int, ...]:
    """Return the stream of a method's own random numbers."""
    return (METHOD, *words(hashlib.sha256(name.encode()).hexdigest()))


def words(digits: str) -> tuple[int, ...]:
    """Return the first 128 bits of hexadecimal digits as four words."""
    return tuple(int(digits[i : i + 8], 16) for i in range(0, 32, 8))
