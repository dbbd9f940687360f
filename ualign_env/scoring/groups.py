"""Rewards for samples of one prompt that are judged together, as trainers of language models draw them.

Axes: B groups, U users, G completions of a group, k + 1 of which a user is shown together.

A completion's reward is the chance that a random user picks it among itself and k of the other G - 1, drawn without
replacement. Where a user likes L of the others less and E equally, she picks it against k that are all among the L,
and its chance among copies is that of a random place among the E + 1: the mean over j = L, ..., L + E of the chance
C(j, k) / C(G - 1, k) that all k are among j. The rewards of a group sum to G / (k + 1), and given a completion its
reward is, on average over the rest of the group, what it earns against k samples of the policy: `deviation_payoffs`.

Source: the identity of Vandermonde for the mean; the game of Cai and Zheng, arXiv 2601.08777.
"""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._multisets import all_among
from ualign_env._types import Floats, Ints

#: What is done with users who did not judge every completion of a group.
Missing = Literal["exclude user", "worst"]

_AT_ONCE = 10_000_000  # scores ordered at a time


def group_rewards(
    scores: npt.ArrayLike, k: int, weights: npt.ArrayLike | None = None, *, missing: Missing = "exclude user"
) -> Floats:
    """Returns the chance that a random user picks each completion among itself and k of the others in its group.

    Args:
        scores: `[U, G]` for one group or `[B, U, G]` for several, higher is better; only a user's order within a group
            matters, and equal scores mean that she is indifferent. NaN: the user has not judged the completion.
        k: how many of the others a completion meets, from 1 to G - 1.
        weights: `[U]`, or `[B, U]` for each group its own, non-negative weights of the users (default: equal).
        missing: where a user has not judged all of a group, whether she is left out of it (`"exclude user"`, the
            others' weights make up for hers), or likes least, and equally, what she has not judged (`"worst"`).

    Returns:
        `[G]` or `[B, G]` rewards from 0 to 1. They sum to G / (k + 1) in every group.

    Raises:
        ValueError: if the shapes don't fit, a score is infinite, k is not below G, or nobody with weight has judged a
            group.
    """
    table = _checks.number_array("scores", scores)
    if table.ndim not in (2, 3) or 0 in table.shape:
        raise ValueError(f"scores have shape {table.shape}, but must be [users, G] or [groups, users, G]")
    if table.dtype.kind in "iu" and max(int(table.max()), -int(table.min())) > 2**53:
        raise ValueError(
            f"scores reach {max(int(table.max()), -int(table.min()))}, but only integers up to 2^53 are exact"
        )
    groups = (table if table.ndim == 3 else table[None]).astype(np.float64, copy=False)
    n_groups, n_users, size = groups.shape
    if np.isinf(groups).any():
        where = [int(i) for i in np.argwhere(np.isinf(table))[0]]
        raise ValueError(f"scores{where} is {table[tuple(where)]}, but must be finite, or NaN where it is missing")
    if _checks.count("k", k, 1) >= size:
        raise ValueError(f"k is {k}, but must be below the size of a group, which is {size}: k others are drawn")
    shares = _shares(weights, n_groups, n_users)
    groups, shares = completed(groups, shares, missing)
    rewards = np.empty((n_groups, size))
    among = all_among(size - 1, np.array([k]))[:, 0]
    step = max(1, _AT_ONCE // (n_users * size))
    for first in range(0, n_groups, step):
        rows = slice(first, first + step)
        each = _chances_of_users(groups[rows], among)
        rewards[rows] = np.einsum("bu,bug->bg", shares[rows], each)
    return rewards if table.ndim == 3 else rewards[0]


def _shares(weights: npt.ArrayLike | None, n_groups: int, n_users: int) -> Floats:
    """Returns `[B, U]` weights of the users, which sum to 1 in each group."""
    given = np.ones(n_users) if weights is None else _checks.number_array("weights", weights)
    if given.ndim != 2:
        return np.broadcast_to(_checks.weights(given, n_users, "users"), (n_groups, n_users))
    if len(given) != n_groups:
        raise ValueError(f"weights are of {len(given)} groups, but there are {n_groups}")
    return np.array([_checks.weights(row, n_users, "users") for row in given])


def _chances_of_users(scores: Floats, among: Floats) -> Floats:
    """Returns `[B, U, G]` each user's chance of picking each completion.

    Args:
        scores: `[B, U, G]` without NaN.
        among: `[G]` the chance to meet none but some j others.
    """
    order = np.argsort(scores, axis=2, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=2)
    places = np.broadcast_to(np.arange(scores.shape[2]), scores.shape)
    new = np.ones(scores.shape, bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(new, places, 0), axis=2)
    last = np.ones(scores.shape, bool)
    last[..., :-1] = new[..., 1:]
    behind = np.minimum.accumulate(np.where(last, places, scores.shape[2])[..., ::-1], axis=2)[..., ::-1] + 1
    found = np.empty(scores.shape)
    np.put_along_axis(found, order, _mean_chance(first, behind - first - 1, among), axis=2)
    return found


def completed(groups: Floats, shares: Floats, missing: Missing) -> tuple[Floats, Floats]:
    """Returns `[B, U, G]` scores without gaps, and `[B, U]` weights of those who count in each group.

    Raises:
        ValueError: if there is no such way, or nobody counts in a group.
    """
    _checks.one_of("way to treat missing scores", missing, get_args(Missing))
    unknown = np.isnan(groups)
    if missing == "worst":
        least = np.where(unknown, np.inf, groups).min(axis=2, keepdims=True)
        below = np.where(np.isinf(least), 0, np.nextafter(least, -np.inf))
        return np.where(unknown, below, groups), shares
    counted = shares * ~unknown.any(axis=2)
    totals = counted.sum(axis=1, keepdims=True)
    if not totals.all():
        raise ValueError(
            f"no user has judged all {groups.shape[2]} completions of group {int(np.argmin(totals))}, so that nobody "
            "is left; missing='worst' counts what was not judged as liked least"
        )
    return np.where(unknown, 0, groups), counted / totals


def chances_against(scores: Floats, others: Floats, k: int) -> Floats:
    """Returns `[U, R]` each user's chance of picking each of R completions against k of the G of a group.

    Args:
        scores: `[U, G]` of the group.
        others: `[U, R]` of completions beside it.
        k: from 1 to G.
    """
    worse = (scores[:, None, :] < others[:, :, None]).sum(axis=2)
    tied = (scores[:, None, :] == others[:, :, None]).sum(axis=2)
    return _mean_chance(worse, tied, all_among(scores.shape[1], np.array([k]))[:, 0])


def _mean_chance(worse: Ints, tied: Ints, among: Floats) -> Floats:
    """Returns the mean of the chances to meet none but some j others, over j = worse, ..., worse + tied."""
    sums = np.concatenate([[0.0], among.cumsum()])
    return np.where(tied == 0, among[worse], (sums[worse + tied + 1] - sums[worse]) / (tied + 1))
