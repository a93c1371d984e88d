"""Grids, the identities of scenarios, and random numbers that depend on identity alone."""

import itertools

import numpy as np
import pandas as pd
import pytest

from sparsestat.simulation import grid
from sparsestat.simulation._scenario import DATA, generator, method_stream, scenario_id, shown


def test_the_last_field_of_a_grid_varies_fastest():
    assert grid(n=[1, 2], rho=np.array([0.0, 0.5])) == [
        {"n": 1, "rho": 0.0},
        {"n": 1, "rho": 0.5},
        {"n": 2, "rho": 0.0},
        {"n": 2, "rho": 0.5},
    ]


def test_what_is_no_list_is_one_value():
    assert grid(design="ar1", magnitude=(0.5, 1.5), n=range(2), m=np.array(3)) == [
        {"design": "ar1", "magnitude": (0.5, 1.5), "n": 0, "m": 3},
        {"design": "ar1", "magnitude": (0.5, 1.5), "n": 1, "m": 3},
    ]
    assert grid() == [{}]


@pytest.mark.parametrize(
    "axis", [{0.5}, frozenset([0.5]), (x / 2 for x in [1]), pd.Series([0.5]), iter([0.5])]
)
def test_an_iterable_gives_its_values(axis):
    found = grid(n=[1, 2], rho=axis)
    assert found == [{"n": 1, "rho": 0.5}, {"n": 2, "rho": 0.5}]
    assert scenario_id(found[0]) == scenario_id({"n": 1, "rho": 0.5})


def test_dictionaries_and_strings_are_single_values():
    assert grid(options={"a": 1}, name="ab") == [{"options": {"a": 1}, "name": "ab"}]


def test_a_grid_refuses_a_field_without_values():
    with pytest.raises(ValueError, match="rho has no values"):
        grid(n=[1], rho=[])
    with pytest.raises(ValueError, match="rho has no values"):
        grid(n=[1], rho=iter(()))


def test_an_identity_is_128_bits_that_never_change():
    # Changing these numbers orphans every stored study.
    assert scenario_id({"n": 100, "rho": 0.5}) == "c4ced3cbb479bd67af2a89916d629730"
    assert scenario_id({}) == "44136fa355b3678a1146ad16f7e8649e"
    draws = generator(2026, "0123456789abcdef" * 2, 3, (DATA,)).integers(0, 1000, 5)
    assert draws.tolist() == [95, 163, 98, 918, 856]
    assert method_stream("lasso") == (1, 4208212003, 885046518, 280798871, 3623679434)


def test_an_identity_ignores_order_and_the_type_of_numbers():
    same = [{"n": 100, "rho": 1.0}, {"rho": 1, "n": 100}, {"n": np.int64(100), "rho": 1.0}]
    assert len({scenario_id(scenario) for scenario in same}) == 1
    other = [{"n": 100, "rho": True}, {"n": "100", "rho": 1}, {"n": 100, "rho": None}]
    assert len({scenario_id(scenario) for scenario in same + other}) == 4
    assert scenario_id({"m": (1, 2)}) == scenario_id({"m": [1.0, 2.0]})


@pytest.mark.parametrize("value", [float("nan"), np.ones(2), len, {1: 2}, {1, 2}, 1j])
def test_values_without_a_spelling_are_refused(value):
    with pytest.raises(TypeError, match="values of a scenario must be"):
        scenario_id({"n": value})


def test_infinity_is_a_value():
    assert scenario_id({"snr": float("inf")}) != scenario_id({"snr": float("-inf")})


def test_every_identity_has_its_own_random_numbers():
    identities = [scenario_id({"n": n}) for n in range(5)]
    streams = [(DATA,), method_stream("a"), method_stream("b")]
    cells = list(itertools.product((0, 1, 2**40), identities, range(5), streams))
    firsts = {generator(*cell).integers(0, 2**63) for cell in cells}
    assert len(firsts) == len(cells)


def test_random_numbers_of_neighbours_are_uncorrelated():
    identity = scenario_id({"n": 1})
    draws = np.array(
        [generator(0, identity, k, (DATA,)).standard_normal(100) for k in range(200)]
    )
    r = np.corrcoef(draws)[np.triu_indices(200, 1)]
    # The mean square of a sample correlation is 1 / 99, with relative error sqrt(2 / 19900)
    assert np.mean(r**2) * 99 == pytest.approx(1.0, abs=4 * np.sqrt(2 / 19900))
    assert np.mean(draws) == pytest.approx(0.0, abs=4 / np.sqrt(draws.size))


def test_values_are_shown_so_that_rows_can_be_grouped_by_them():
    assert shown([1, [2, 3]]) == (1, (2, 3))
    assert shown({"a": 1}) == "{'a': 1}"
    assert type(shown(np.float64(0.5))) is float
