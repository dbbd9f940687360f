"""The best l responses against a model by an integer program, for users with rankings.

Axes: U user types, N responses, l responses of the opponent.
"""

from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack, vstack

from ualign_env._types import Floats
from ualign_env.users.rankings.guards import Ranks

_SCALE = 1e4  # of the objective, so that HiGHS's absolute tolerance of 1e-6 is one of 1e-10 here


def best(tiers: Floats, ranks: Ranks, weights: Floats, seconds: float) -> tuple[tuple[int, ...] | None, float]:
    """Maximises the sum of steps from tier to tier that each user's best responses reach.

    Variables: how often each response is submitted, and for each user, rank and number of copies c, whether that tier
    is reached, which takes a better response, or c of the rank. Steps shrink with c, so the c-th is never taken before
    those below it.

    Args:
        tiers: `[U, N, l]` chances of being picked, see `set_loops`.
        ranks: `[U, N]`.
        weights: `[U]`.
        seconds: time limit.

    Returns:
        The l responses (None where none were found in time), and what no multiset exceeds.
    """
    n, l = tiers.shape[1:]
    worst = np.concatenate([tiers[:, 1:, -1], np.zeros((len(tiers), 1))], axis=1)
    steps = np.diff(tiers, axis=2, prepend=worst[:, :, None]) * weights[:, None, None]
    ordered = np.arange(n)[None, :, None] <= ranks.max(axis=1)[:, None, None]
    steps = np.where(ordered, np.maximum(steps, 0), 0)
    user, rank, copy = np.nonzero(steps > 1e-15)
    at_rank = (ranks[user] == rank[:, None]).astype(float)
    better = (ranks[user] < rank[:, None]).astype(float)
    reached = eye_array(user.size, format="csr")
    # one by one: tier (r, c) <= better responses + responses of rank r / c
    singly = hstack([csr_array(-(better + at_rank / (copy[:, None] + 1))), reached])
    # together: the tiers of rank r <= responses of rank r + l for every better one
    groups, group = np.unique(user * n + rank, return_inverse=True)
    gathered = csr_array((np.ones(user.size), (group, np.arange(user.size))), shape=(groups.size, user.size))
    of_group = np.empty(groups.size, np.int64)
    of_group[group] = np.arange(user.size)
    together = hstack([csr_array(-(at_rank[of_group] + l * better[of_group])), gathered])
    total = csr_array(np.concatenate([np.ones(n), np.zeros(user.size)])[None, :])
    matrix = vstack([singly, together, total])
    rows = user.size + groups.size
    lower: Any = np.append(np.full(rows, -np.inf), l)
    upper: Any = np.append(np.zeros(rows), l)
    least: Any = np.zeros(n + user.size)
    most: Any = np.append(np.full(n, l), np.ones(user.size))
    result = milp(
        -_SCALE * np.concatenate([np.zeros(n), steps[user, rank, copy]]),
        constraints=LinearConstraint(matrix, lower, upper),
        integrality=np.append(np.ones(n), np.zeros(user.size)),
        bounds=Bounds(least, most),
        options={"time_limit": seconds, "mip_rel_gap": 0},
    )
    if result.x is None:
        return None, 1.0
    responses = tuple(np.repeat(np.arange(n), np.rint(result.x[:n]).astype(int)).tolist())
    return responses, -float(result.mip_dual_bound) / _SCALE
