"""N:M sparsity: so many nonzero coefficients in each block of consecutive ones."""

from dataclasses import dataclass

import numpy as np

from sparsestat.penalties.joint import SupportConstraint, check_count, largest

__all__ = ["NM"]


@dataclass(frozen=True, repr=False)
class NM(SupportConstraint):
    """The constraint that each block of m consecutive coefficients has at most n nonzero.

    For features in an order, of which few in each window are wanted: spectral bands, lags,
    neighbouring genes. The last block is shorter where m does not divide their number.

    Parameters
    ----------
    n : int, default=2
        How many coefficients of a block may be nonzero, >= 1 and <= m.
    m : int, default=4
        The length of a block, >= 1.

    Raises
    ------
    TypeError, ValueError
        If `n` and `m` are not integers >= 1 with n <= m.

    References
    ----------
    A. Zhou, Y. Ma, J. Zhu, et al. (2021). Learning N:M fine-grained structured sparse
    neural networks from scratch. International Conference on Learning Representations.

    Examples
    --------
    >>> from sparsestat.penalties import NM
    >>> NM(n=1, m=2).prox([3.0, -1.0, 2.0, 0.5, 0.1], step=1.0, alpha=1.0)
    array([3. , 0. , 2. , 0. , 0.1])
    """

    n: int = 2
    m: int = 4

    def __post_init__(self) -> None:
        check_count(self, "n")
        check_count(self, "m")
        if self.n > self.m:
            raise ValueError(
                f"The 'n' parameter of NM must be at most 'm', {self.m}. Got {self.n}."
            )

    def units(self, n_features: int) -> np.ndarray:
        """Return the number of each coefficient's unit: each is one of its own."""
        return np.arange(n_features)

    def pools(self, n_units: int) -> np.ndarray:
        """Return the number of each coefficient's block."""
        return np.arange(n_units) // self.m

    @property
    def room(self) -> int:
        """How many coefficients of a block may be in."""
        return self.n

    def choose(self, sizes: np.ndarray) -> np.ndarray:
        """Return which coefficients to keep: the n largest of each block."""
        blocks = np.zeros((-(-sizes.size // self.m), self.m))
        blocks.flat[: sizes.size] = sizes
        return largest(blocks, self.n).ravel()[: sizes.size]
