"""The command line: ``python -m benchmarks NAME``."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"

BENCHMARKS = {
    "path": "time of whole regularisation paths at matched accuracy",
    "logistic": "the same for logistic regression",
    "families": "the same for Poisson, gamma and Huber regression",
    "cox": "the same for proportional hazards",
    "multinomial": "the same for more than two classes together",
    "quantile": "the same for quantile regression",
    "groups": "the same for penalties of groups",
    "multitask": "the same for several responses that share their features",
    "constraints": "the same for coefficients that sum to zero",
    "selection": "rules that choose the strength, on known truths",
    "lasso_mcp_scad": "lasso, MCP and SCAD on simulated data: prediction and selection",
    "cold_start": "CPU time of the first fit in a new process",
    "study_overhead": "what a simulation study costs over a bare loop",
}
OTHERS = {
    "all": "all of the above",
    "table": "write the tables of docs/benchmarks.md from the results",
}
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True)
class Options:
    """What a run was asked for."""

    output: Path
    repeats: int = 5
    smoke: bool = False
    resume: bool = False
    only: tuple[str, ...] = ()
    command: str = ""


def parser() -> argparse.ArgumentParser:
    names = {**BENCHMARKS, **OTHERS}
    result = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="\n".join(f"{name:<15} {what}" for name, what in names.items()),
    )
    result.add_argument("name", nargs="?", choices=names, metavar="NAME")
    result.add_argument("--smoke", action="store_true", help="tiny sizes: does it run?")
    result.add_argument("--repeats", type=int, help="timed rounds; 5, or 1 with --smoke")
    result.add_argument("--only", nargs="+", default=[], metavar="SHAPE", help="these alone")
    result.add_argument("--resume", action="store_true", help="skip what is recorded already")
    result.add_argument(
        "--output",
        type=Path,
        help="folder of the records; benchmarks/results, or a temporary one with --smoke",
    )
    return result


def without_output(given: Sequence[str]) -> list[str]:
    """Return arguments without the folder of the records: it says nothing about a result."""
    kept = list(given)
    if "--output" in kept:
        at = kept.index("--output")
        del kept[at : at + 2]
    return [word for word in kept if not word.startswith("--output=")]


def main(argv: Sequence[str] | None = None) -> None:
    given = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(given)
    if arguments.name is None:
        parser().print_help()
        return
    # Numerical libraries read these once, when they are loaded: none is, up to here.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    output = arguments.output
    if output is None:
        output = Path(tempfile.mkdtemp("-benchmarks")) if arguments.smoke else RESULTS
    if arguments.name == "table":
        import_module("benchmarks.table").write(DOCUMENT, output)
        return
    options = Options(
        output=output,
        repeats=arguments.repeats or (1 if arguments.smoke else 5),
        smoke=arguments.smoke,
        resume=arguments.resume,
        only=tuple(arguments.only),
        command=" ".join(["python -m benchmarks", *without_output(given)]),
    )
    for name in BENCHMARKS if arguments.name == "all" else [arguments.name]:
        import_module(f"benchmarks.{name}").run(options)


if __name__ == "__main__":
    main()
