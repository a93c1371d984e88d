"""The leukaemia data are those of multtest, whole, and each caller's own."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind

import sparsestat
from sparsestat.datasets import load_golub


@pytest.fixture(scope="module")
def golub():
    return load_golub()


def test_arrays_have_the_stated_shapes_and_types(golub):
    assert golub.X.shape == (38, 3051)
    assert golub.y.shape == (38,)
    assert golub.accession.shape == golub.description.shape == (3051,)
    assert golub.X.dtype == np.float64
    assert golub.X.flags.f_contiguous
    for strings in golub[1:]:
        assert strings.dtype.kind == "U"


def test_values_are_finite_and_genes_are_named(golub):
    assert np.isfinite(golub.X).all()
    assert len(set(golub.accession)) == 3051
    assert np.char.str_len(golub.accession).min() > 0
    assert np.char.str_len(golub.description).min() > 0


def test_first_27_patients_are_all_and_the_last_11_aml(golub):
    assert golub.y.tolist() == ["ALL"] * 27 + ["AML"] * 11


def test_values_are_the_five_decimals_of_multtest(golub):
    # The first gene's first five patients, as R prints them.
    first = [-1.45769, -1.39420, -1.42779, -1.40715, -1.42668]
    assert golub.X[:5, 0].tolist() == first
    np.testing.assert_array_equal(golub.X, np.round(golub.X, 5))


def test_each_patient_is_standardized_over_the_genes(golub):
    # 5e-6 is the rounding of the values.
    np.testing.assert_allclose(golub.X.mean(axis=1), 0, atol=5e-6)
    np.testing.assert_allclose(golub.X.std(axis=1, ddof=1), 1, atol=5e-6)


def test_lower_limit_of_the_intensities_shows_in_every_patient(golub):
    minimum = golub.X.min(axis=1, keepdims=True)
    assert (minimum == golub.X).sum(axis=1).min() > 300


def test_zyxin_separates_the_classes_best(golub):
    aml = golub.y == "AML"
    t = ttest_ind(golub.X[aml], golub.X[~aml], equal_var=False).statistic
    best = np.abs(t).argmax()
    assert golub.accession[best] == "X95735_at"
    assert golub.description[best] == "Zyxin"
    assert t[best] == pytest.approx(10.5778, abs=1e-4)


def test_changing_one_result_leaves_the_next_untouched(golub):
    changed = load_golub()
    for array in changed:
        array[...] = "x" if array.dtype.kind == "U" else 0
    for fresh, original in zip(load_golub(), golub, strict=True):
        np.testing.assert_array_equal(fresh, original)


def test_result_is_immutable(golub):
    with pytest.raises(AttributeError):
        golub.X = None


def test_data_load_from_a_zip_archive(tmp_path):
    package = Path(sparsestat.__file__).parent
    archive = tmp_path / "sparsestat.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in [package / "__init__.py", *sorted(package.glob("datasets/**/*"))]:
            if path.suffix in {".py", ".npz"}:
                target.write(path, path.relative_to(package.parent))
    code = (
        "import sparsestat; from sparsestat.datasets import load_golub; "
        "print('.zip' in sparsestat.__file__, load_golub().X.shape)"
    )
    # From another directory, so that the archive comes before the checkout.
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == "True (38, 3051)", run.stderr
