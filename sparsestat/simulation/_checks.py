"""What the parts of a study must be."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from numbers import Integral
from typing import Any

from sparsestat.simulation._measure import Estimand, Measure
from sparsestat.simulation._scenario import Scenario, scenario_id, shown
from sparsestat.simulation.measures import mean

# What the columns of results are called beside the fields and the measures
RESERVED = (
    *("scenario", "method", "replication", "seconds", "warning", "error", "traceback"),
    *("measure", "estimate", "mcse", "n", "n_failed", "random_state"),
)


def checked_scenarios(scenarios: Any) -> tuple[Scenario, ...]:
    if isinstance(scenarios, Mapping) or not isinstance(scenarios, Iterable):
        raise TypeError(
            "scenarios must be a list of dictionaries, such as grid() makes. "
            f"Got {scenarios!r}."
        )
    found = tuple(scenarios)
    if not found:
        raise ValueError("scenarios must not be empty: a study without fields has one, {}.")
    seen: set[Any] = set()
    for scenario in found:
        if not isinstance(scenario, Mapping) or not all(isinstance(k, str) for k in scenario):
            raise TypeError(f"a scenario must be a dictionary of its fields. Got {scenario!r}.")
        if set(scenario) != set(found[0]):
            raise ValueError(
                f"all scenarios must have the same fields. Got {list(found[0])} and "
                f"{list(scenario)}: set what does not apply to None."
            )
        # Tables could not tell True from 1, though their identities differ.
        looks = tuple(shown(scenario[field]) for field in found[0])
        if seen & {looks, scenario_id(scenario)}:
            raise ValueError(f"scenarios must differ. Got {dict(scenario)} twice.")
        seen |= {looks, scenario_id(scenario)}
    return tuple({field: scenario[field] for field in found[0]} for scenario in found)


def checked_methods(methods: Any) -> dict[str, Any]:
    require_named("methods", methods)
    for name, method in methods.items():
        is_estimator = hasattr(method, "fit") and hasattr(method, "get_params")
        if isinstance(method, type) or not (is_estimator or callable(method)):
            raise TypeError(
                f"method {name!r} must be an estimator (an instance, not a class) or a "
                f"function of the data. Got {method!r}."
            )
    return dict(methods)


def checked_measures(measures: Any, methods: Mapping[str, Any]) -> dict[str, Measure]:
    require_named("measures", measures)
    found = {}
    for name, measure in measures.items():
        if isinstance(measure, Estimand):
            raise TypeError(
                f"measure {name!r} is an estimand: say what of it is to be measured, such as "
                "measures.bias(estimand), or the usual things: measures.performance(estimand)."
            )
        if not isinstance(measure, Measure):
            if not callable(measure):
                raise TypeError(
                    f"measure {name!r} must be a function of a fit and the data, or be made by "
                    f"a function of sparsestat.simulation.measures. Got {measure!r}."
                )
            measure = mean(measure)
        if measure.reference is not None and measure.reference not in methods:
            raise ValueError(
                f"measure {name!r} compares with the method {measure.reference!r}, which is "
                f"none of {list(methods)}."
            )
        found[name] = measure
    return found


def require_named(what: str, things: Any) -> None:
    if not isinstance(things, Mapping) or not things:
        raise TypeError(f"{what} must be a dictionary by name, not empty. Got {things!r}.")
    for name in things:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{what} must have strings as names. Got {name!r}.")


def require_integer(name: str, value: Any, smallest: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < smallest:
        raise ValueError(f"{name} must be an integer of at least {smallest}. Got {value!r}.")


def require_distinct(fields: Sequence[str], columns: Sequence[str]) -> None:
    count = Counter([*RESERVED, *fields, *columns])
    taken = [name for name, times in count.items() if times > 1]
    if taken:
        raise ValueError(
            f"{', '.join(map(repr, taken))} cannot name a field or a measure: the results have "
            "another column of that name. Use a longer one, such as n_samples or l2_error."
        )


def require_extra() -> None:
    for package in ("pyarrow", "tqdm"):
        if find_spec(package) is None:
            raise ImportError(
                f"simulation studies need {package}, which is not installed: "
                "pip install pyarrow tqdm"
            )
