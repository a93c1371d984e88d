"""The commands of ``python -m sparsestat``."""

import numpy as np
import pytest
from matplotlib import image

from sparsestat import __main__ as command
from sparsestat._jit import KERNELS, cache_folder


def test_demo_prints_a_table_and_draws_a_figure(tmp_path, capsys):
    figure = tmp_path / "demo.png"
    assert command.main(["demo", "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    assert "442 patients, 64 terms" in printed
    diabetes, _, _ = printed.partition("Leukaemia")
    rows = {line.split("(")[0]: line for line in diabetes.splitlines() if "(" in line}
    assert {"L1", "MCP", "SCAD"} <= rows.keys()
    for name in ("L1", "MCP", "SCAD"):
        terms, error, spread = (float(v) for v in rows[name].split(")")[1].split()[:3])
        assert 3 <= terms <= 20  # a small model ...
        assert 50 < error < 60  # ... that predicts about as well as any on these data
        assert 0 < spread < 3
        assert "bmi" in rows[name]
    assert "38 patients, 3051 genes" in printed
    _, _, genes = printed.partition("genes kept")
    for name, least, most in (("L1", 3, 20), ("MCP", 1, 8)):
        (row,) = [line for line in genes.splitlines() if line.startswith(name)]
        count = int(row.split("/38")[0].split()[-2])
        right = int(row.split("/38")[0].split()[-1])
        assert least <= count <= most
        assert right >= 31  # guessing the larger class is right 27 times
        assert "M27891_at" in row  # cystatin C, the gene that separates the classes best
    pixels = image.imread(figure)
    assert pixels.shape[0] > 500
    assert pixels.std() > 0.05


def test_warm_up_readies_every_kernel(capsys):
    assert command.main(["warmup"]) == 0
    assert (
        f"{sum(len(k.dispatchers) for k in KERNELS)} kernels ready" in capsys.readouterr().out
    )
    by_penalty = {k.__name__: len(k.dispatchers) for k in KERNELS}
    assert by_penalty["descend"] >= 9
    assert by_penalty["refresh_columns"] == by_penalty["refresh_compressed"] == 2


def test_info_names_versions_and_cache(capsys):
    assert command.main(["info"]) == 0
    printed = capsys.readouterr().out
    assert f"numpy         {np.__version__}" in printed
    assert str(cache_folder()) in printed


def test_unknown_commands_are_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["train"])
    assert "invalid choice: 'train'" in capsys.readouterr().err
