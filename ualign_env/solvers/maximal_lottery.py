"""Maximal lotteries: the equilibria for k = 1, and what Nash learning from human feedback (NLHF) looks for."""

import numpy as np
from scipy.optimize import linprog

from ualign_env._types import Floats
from ualign_env.users import Users


def maximal_lottery(users: Users) -> Floats:
    """Returns a distribution over responses that no response is preferred to by more than half of the users.

    Solves the linear program `max v` subject to `sum_y pi(y) margin(y, z) >= v` for all z, whose value is 0. Where the
    maximal lottery is not unique, the solver's choice of a vertex decides.

    Args:
        users: U user types over N responses.

    Returns:
        `[N]` distribution.

    Source: P. C. Fishburn, "Probabilistic Social Choice Based on Simple Voting Comparisons", 1984.
    """
    n = users.n_responses
    pairwise = users.pairwise()
    margins = pairwise - pairwise.T
    result = linprog(
        c=np.append(np.zeros(n), -1.0),
        A_ub=np.column_stack([-margins.T, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(n), 0.0)[None, :],
        b_eq=np.ones(1),
        bounds=[(0, 1)] * n + [(-1, 1)],
    )
    if not result.success:
        raise RuntimeError(f"the linear program of {users!r} was not solved: {result.message}")
    lottery = np.clip(result.x[:n], 0, None)
    return lottery / lottery.sum()
