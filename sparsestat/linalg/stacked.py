"""Several responses on one design: a block-diagonal matrix that is never formed."""

from functools import cached_property
from typing import Any

import numpy as np

from sparsestat.linalg.screening import GradientState, record_all

__all__ = ["StackedBlock", "StackedDesign"]


class StackedDesign:
    """The design X (x) I of K responses with n x p data each.

    Row i K + k is sample i of response k, column j K + k feature j of response k: vectors
    are arrays of shape (n, K), or (p, K), flattened.

    Parameters
    ----------
    design : DenseDesign or CentredSparseDesign
        X.
    n_responses : int
        K.
    """

    exact_gram = False

    @property
    def has_columns(self) -> bool:
        """Whether columns can be read."""
        return bool(self.base.has_columns)

    def __init__(self, design: Any, n_responses: int) -> None:
        self.base = design
        self.n_responses = n_responses
        self.shape = (design.shape[0] * n_responses, design.shape[1] * n_responses)

    @cached_property
    def norms(self) -> np.ndarray:
        """The norms of the columns over the root of the number of rows."""
        return np.repeat(self.base.norms, self.n_responses) / np.sqrt(self.n_responses)

    def gradient(self, r: np.ndarray) -> np.ndarray:
        """Return the design's transpose times r, over the number of rows."""
        each = r.reshape(-1, self.n_responses).T
        columns = [self.base.gradient(np.ascontiguousarray(part)) for part in each]
        return np.column_stack(columns).ravel() / self.n_responses

    def predict(self, b: np.ndarray) -> np.ndarray:
        """Return the design times b."""
        each = b.reshape(-1, self.n_responses).T
        return np.column_stack([self.base.predict(part) for part in each]).ravel()

    def refresh(
        self, r: np.ndarray, limits: np.ndarray, head: int, state: GradientState
    ) -> int:
        """Recompute all gradients; return how many."""
        record_all(state, self.gradient(r), head)
        return self.shape[1]

    def block(self) -> "StackedBlock":
        """Return an empty working block of this design."""
        return StackedBlock(self)


class StackedBlock:
    """Columns being worked on: each feature of X is held once, for whichever responses."""

    def __init__(self, design: StackedDesign) -> None:
        self._responses = design.n_responses
        self._held = np.empty(0, dtype=np.intp)  # features of X
        self._features = np.empty(0, dtype=np.intp)
        self.base = design.base.block()

    @property
    def size(self) -> int:
        """The number of columns."""
        return self._features.size

    @property
    def responses(self) -> np.ndarray:
        """The response that each column belongs to."""
        return self._features % self._responses

    @property
    def places(self) -> np.ndarray:
        """The position in the base block of each column's feature."""
        order = np.argsort(self._held)
        wanted = self._features // self._responses
        return order[np.searchsorted(self._held, wanted, sorter=order)]

    def append(self, features: np.ndarray) -> None:
        """Add columns."""
        new = np.setdiff1d(features // self._responses, self._held)
        self.base.append(new)
        self._held = np.concatenate([self._held, new])
        self._features = np.concatenate([self._features, features])

    def keep(self, positions: np.ndarray) -> None:
        """Drop all columns but those at `positions`."""
        self._features = self._features[positions]
        used = np.flatnonzero(np.isin(self._held, self._features // self._responses))
        self.base.keep(used)
        self._held = self._held[used]

    def predict(self, w: np.ndarray) -> np.ndarray:
        """Return the columns times w."""
        matrix = np.zeros((self._responses, self._held.size))
        matrix[self.responses, self.places] = w
        return np.column_stack([self.base.predict(part) for part in matrix]).ravel()

    def gradient(self, r: np.ndarray, first: int = 0) -> np.ndarray:
        """Return the transpose of the columns from `first` on times r, over the rows."""
        products = self.base.gradient(r.reshape(-1, self._responses).T) / self._responses
        return products[self.responses[first:], self.places[first:]]
