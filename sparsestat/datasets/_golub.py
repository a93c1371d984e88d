"""Leukaemia gene expression: a small real data set with far more features than samples."""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class GeneExpression(NamedTuple):
    """Expression of genes in tissue samples of known class.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_genes)
        Expression levels, in Fortran order.
    y : ndarray of shape (n_samples,)
        Class of each sample, a string.
    accession : ndarray of shape (n_genes,)
        Identifier of each gene, a string; no two are equal.
    description : ndarray of shape (n_genes,)
        Each gene in words.

    Examples
    --------
    >>> from sparsestat.datasets import load_golub
    >>> X, y, accession, description = load_golub()
    >>> X.shape, y.shape, accession.shape, description.shape
    ((38, 3051), (38,), (3051,), (3051,))
    """

    X: NDArray[np.float64]
    y: NDArray[np.str_]
    accession: NDArray[np.str_]
    description: NDArray[np.str_]


def load_golub() -> GeneExpression:
    """Load the leukaemia gene expression data of Golub et al. (1999).

    Bone marrow of 38 patients with acute leukaemia, 27 lymphoblastic ("ALL") and
    11 myeloid ("AML"), was measured on oligonucleotide arrays. These patients are
    the training part of the study. The 3051 genes are those that the preprocessing
    of Dudoit, Fridlyand and Speed (2002) keeps, as in the R package multtest. Every
    call gives new arrays.

    Returns
    -------
    GeneExpression
        Named tuple ``(X, y, accession, description)``:

        - ``X``, shape (38, 3051), float64: logarithms of expression, in standard
          deviations, to five decimals. Each row, a patient, has mean 0 and standard
          deviation 1 over the genes; the columns are neither centred nor scaled.
        - ``y``, shape (38,): "ALL" (the first 27 patients) or "AML".
        - ``accession``, shape (3051,): probe sets of the array, such as "X95735_at".
        - ``description``, shape (3051,): the gene in words, cut after 120 characters.

    Notes
    -----
    Intensities were limited to [100, 16000]; genes were left out whose largest
    intensity over the patients is at most 5 times the smallest, or at most 500 above
    it; base 10 logarithms were taken, and the rows standardized. Because of the lower
    limit the smallest value of each row occurs for hundreds of genes.

    References
    ----------
    T. R. Golub et al. (1999). Molecular classification of cancer: class discovery
    and class prediction by gene expression monitoring. Science 286, 531-537.

    S. Dudoit, J. Fridlyand, T. P. Speed (2002). Comparison of discrimination
    methods for the classification of tumors using gene expression data. Journal
    of the American Statistical Association 97, 77-87.

    Examples
    --------
    The gene whose means differ most between the classes, by Welch's t statistic:

    >>> from scipy.stats import ttest_ind
    >>> from sparsestat.datasets import load_golub
    >>> X, y, accession, description = load_golub()
    >>> t = ttest_ind(X[y == "AML"], X[y == "ALL"], equal_var=False).statistic
    >>> best = abs(t).argmax()
    >>> print(accession[best], description[best], t[best].round(2))
    X95735_at Zyxin 10.58
    """
    path = files("sparsestat.datasets").joinpath("data", "golub.npz")
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        # Rounding undoes what storing the five decimals as float32 has done to them.
        X = np.round(stored["X"].astype(np.float64, order="F"), 5)
        y = np.where(stored["y"] == 1, "AML", "ALL")
        return GeneExpression(X, y, stored["accession"], stored["description"])
