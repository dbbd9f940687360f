"""The face of all maximal lotteries, from margins: which responses they use, and in which directions they differ.

The maximal lotteries of skew-symmetric margins M are the polytope

    { pi >= 0, sum(pi) = 1, slack(pi) = M^T pi >= 0 },

and since `pi @ M @ pi = 0`, each satisfies `pi * slack(pi) = 0`. One of them is strictly complementary: each response
has a positive share or a positive slack (Goldman and Tucker, 1956). So the essential responses, which some maximal
lottery uses, are those with slack 0 in all of them; and around the strictly complementary lottery, the others' slacks
being positive there, the face has the dimension of { pi on the essential responses: M^T pi = 0 there, sum(pi) = 1 }.

Axes: N responses, m essential ones, d the face's dimension.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve

from ualign_env._types import Floats
from ualign_env.solvers.interior_point import direction, longest

_STOP = 1e-13  # level; the rounding of slacks is about 1e-16, and shares and slacks are both far above their product
_CENTRED = 1e-4  # least product of share and slack, relative to the mean: keeps away from other corners of the face
_TO_THE_BOUND = 0.99
_SHORTEST = 1e-3  # step
_ROUNDING = 1e-6  # what the lottery's last digits, at that level, may have to do with what is exact
_SINGULAR = 1e-12  # singular values of margins that are 0: those of the changes that ties between shares allow


@dataclass(frozen=True, eq=False)
class Face:
    """The maximal lotteries: `interior + directions @ c` on the support, where it and `slacks` of it are not negative.

    Attributes:
        support: `[m]` the essential responses.
        interior: `[m]` a maximal lottery that uses all of them.
        directions: `[m, d]` orthonormal; none changes the sum.
        slacks: `[N - m, m]` what each other response loses by against each essential one.
        strict: whether share and slack were told apart for every response within the steps allowed.
        iterations: Newton steps taken.
    """

    support: npt.NDArray[np.intp]
    interior: Floats
    directions: Floats
    slacks: Floats
    strict: bool
    iterations: int


def face(margins: Floats, max_iterations: int) -> Face:
    """Returns the face of all maximal lotteries.

    Takes O(N^3) time a step, and about 15 steps.

    Args:
        margins: `[N, N]` share of users who prefer row to column minus share of those who prefer column to row;
            those of tied responses are exactly 0.
        max_iterations: limit on the Newton steps.
    """
    policy, essential, iterations, strict = _strictly_complementary(margins, max_iterations)
    support, others = np.flatnonzero(essential), np.flatnonzero(~essential)
    slacks = np.ascontiguousarray(margins[np.ix_(support, others)].T)
    interior = policy[support] / policy[support].sum()
    if strict:
        basis = _null_space(margins[np.ix_(support, support)])
        within = basis @ (basis.T @ interior)
        if np.abs(within - interior).max() <= _ROUNDING and min(within.min(), (slacks @ within).min(initial=1.0)) > 0:
            directions = basis @ _orthogonal(basis.sum(axis=0))
            return Face(support, within / within.sum(), directions, slacks, True, iterations)
    return Face(support, interior, np.empty((support.size, 0)), slacks, False, iterations)


def _strictly_complementary(margins: Floats, max_iterations: int) -> tuple[Floats, npt.NDArray[np.bool_], int, bool]:
    """Returns a lottery near the middle of the face, which are essential, steps, and whether they led there.

    Follows the solutions of `slack = level + M^T pi`, `pi * slack = level / N` down to level 0, where they tend to
    the point of the face with the largest product of all that can be positive. The uniform lottery is near that of
    level 2, and every step keeps the linear equations. In the end, a share or its slack falls with the level, and the
    other hardly changes: that tells them apart where both are still small.

    Sources: S. Mehrotra, "On the Implementation of a Primal-Dual Interior Point Method", 1992; A. S. El-Bakry, R. A.
    Tapia and Y. Zhang, "A Study of Indicators for Identifying Zero Variables in Interior-Point Methods", 1994.
    """
    n = len(margins)
    policy = np.full(n, 1 / n)
    essential = np.ones(n, bool)
    if not margins.any():
        return policy, essential, 0, True
    system = margins.T / np.abs(margins).max()
    slack = 2.0 + system @ policy
    nothing = np.zeros(n)
    for iteration in range(max_iterations + 1):
        mu = policy @ slack / n
        if n * mu <= _STOP or iteration == max_iterations:
            return policy, essential, iteration, bool(n * mu <= _STOP)
        np.fill_diagonal(system, slack / policy)
        factors = lu_factor(system, check_finite=False)
        ones = lu_solve(factors, np.ones(n), check_finite=False)
        to_policy, to_slack, _ = direction(factors, ones, policy, slack, nothing, nothing)
        step = longest(policy, to_policy, slack, to_slack)
        reached = (policy + step * to_policy) @ (slack + step * to_slack) / n
        products = mu * (reached / mu) ** 3 - to_policy * to_slack
        to_policy, to_slack, _ = direction(factors, ones, policy, slack, nothing, products)
        step = min(1.0, _TO_THE_BOUND * longest(policy, to_policy, slack, to_slack))
        while step > _SHORTEST:
            products = (policy + step * to_policy) * (slack + step * to_slack)
            if products.min() >= _CENTRED * products.mean():
                break
            step /= 2
        essential = to_policy / policy > to_slack / slack
        policy, slack = policy + step * to_policy, slack + step * to_slack
    raise AssertionError("the last iteration returns")


def _null_space(margins: Floats) -> Floats:
    """Returns `[m, d + 1]` an orthonormal basis of what the margins map to 0; by theory there is something."""
    if not margins.any():
        return np.eye(len(margins))
    _, sizes, rows = np.linalg.svd(margins)
    rank = min(int((sizes > _SINGULAR).sum()), len(margins) - 1)
    return rows[rank:].T


def _orthogonal(vector: Floats) -> Floats:
    """Returns `[q, q - 1]` an orthonormal basis of what is orthogonal to a vector, by Householder's reflection."""
    normal = vector / np.linalg.norm(vector)
    normal[0] += np.copysign(1.0, normal[0])
    return np.eye(vector.size)[:, 1:] - 2 / (normal @ normal) * np.outer(normal, normal[1:])
