"""The matrix over a set that grows and shrinks, beside one that is made anew each time."""

import numpy as np

from sparsestat.linalg import GrowingMatrix, submatrix


def test_it_is_the_matrix_of_the_members(rng):
    A = rng.standard_normal((30, 30))
    whole = A @ A.T
    matrix, members = GrowingMatrix(), np.empty(0, dtype=int)
    for step in range(40):
        if step % 4 == 3:
            kept = np.sort(rng.permutation(members.size)[: members.size // 2])
            members = members[kept]
            matrix.keep(kept)
        else:
            others = np.setdiff1d(np.arange(30), members)
            new = rng.permutation(others)[:3]
            members = np.concatenate([members, new])
            matrix.extend(whole[np.ix_(new, members)], 0.5)
        expected = whole[np.ix_(members, members)] + 0.5 * np.eye(members.size)
        np.testing.assert_array_equal(matrix.values, expected)
        assert matrix.size == members.size


def test_submatrices_of_blocks_and_views(rng):
    A = rng.standard_normal((9, 9))
    for H in (A, A[:5, :5], A[2:8, 2:8], A[:1, :1], A[:0, :0]):
        for rows in (np.arange(len(H)), np.arange(len(H))[::-2].copy(), np.arange(0)):
            np.testing.assert_array_equal(submatrix(H, rows), H[np.ix_(rows, rows)])
