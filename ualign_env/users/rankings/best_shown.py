"""What users with rankings find among the responses shown: a favourite, and how good the best of them is.

A user's best response has utility 1, her worst 0, and the others lie between in steps of equal size. Each function
returns `[2]`: the chance that one of a user's favourites is shown, and the mean utility of the best that is shown.

Axes: U user types, N responses, T policies of a mixture, M multisets, k responses shown.
"""

import numpy as np

from ualign_env._compile import compiled, inner
from ualign_env._types import Floats, Ints
from ualign_env.users.rankings.guards import Ranks, check_indices, check_k, check_policies
from ualign_env.users.rankings.loops import sum_over_users


def of_samples(ranks: Ranks, weights: Floats, policies: Floats, mixture: Floats, k: int) -> Floats:
    """Returns what k samples show of one policy, drawn from `[T, N]` by its chance in `[T]`."""
    check_k(k)
    check_policies(ranks, policies)

    def work(first: int, last: int, out: Floats) -> None:
        _of_policies(ranks[first:last], weights[first:last], policies, mixture, k, False, out)

    return sum_over_users(work, ranks, (2,), cost=3 * policies.shape[0])


def of_outputs(ranks: Ranks, weights: Floats, policies: Floats) -> Floats:
    """Returns what one response of each of `[k, N]` policies shows."""
    check_policies(ranks, policies)
    once = np.ones(len(policies))

    def work(first: int, last: int, out: Floats) -> None:
        _of_policies(ranks[first:last], weights[first:last], policies, once, 1, True, out)

    return sum_over_users(work, ranks, (2,), cost=3 * policies.shape[0])


def of_sets(ranks: Ranks, weights: Floats, sets: Ints, chances: Floats) -> Floats:
    """Returns what a multiset shows, a row of `[M, k]` drawn by its chance in `[M]`."""
    check_indices("sets", sets, ranks.shape[1])
    rows = np.ascontiguousarray(sets)

    def work(first: int, last: int, out: Floats) -> None:
        _of_sets(ranks[first:last], weights[first:last], rows, chances, out)

    return sum_over_users(work, ranks, (2,), cost=sets.size / ranks.shape[1])


@compiled
def _of_policies(
    ranks: Ranks, weights: Floats, policies: Floats, mixture: Floats, k: int, together: bool, out: Floats
) -> None:
    n = ranks.shape[1]
    at, missed, best = np.empty(n), np.empty(n), np.empty(n)
    for u in range(ranks.shape[0]):
        missed[:] = 1.0 if together else 0.0  # chance that everything shown is worse than each rank
        for t in range(policies.shape[0]):
            at[:] = 0.0
            for y in range(n):
                at[ranks[u, y]] += policies[t, y]
            worse = 0.0
            for rank in range(n - 1, -1, -1):
                if together:
                    missed[rank] *= worse
                else:
                    missed[rank] += mixture[t] * worse**k
                worse = min(1.0, worse + at[rank])
        before = 1.0
        for rank in range(n):
            best[rank] = before - missed[rank]
            before = missed[rank]
        _add(ranks[u], weights[u], best, out)


@compiled
def _of_sets(ranks: Ranks, weights: Floats, sets: Ints, chances: Floats, out: Floats) -> None:
    best = np.empty(ranks.shape[1])
    for u in range(ranks.shape[0]):
        best[:] = 0.0
        for m in range(sets.shape[0]):
            first = ranks[u, sets[m, 0]]
            for i in range(1, sets.shape[1]):
                first = min(first, ranks[u, sets[m, i]])
            best[first] += chances[m]
        _add(ranks[u], weights[u], best, out)


@inner
def _add(ranks: Ranks, weight: float, best: Floats, out: Floats) -> None:
    """Adds what a user gets whose best response shown has each rank with a chance in `best`, `[N]`."""
    worst = max(1, ranks.max())
    out[0] += weight * best[0]
    for rank in range(worst + 1):
        if rank < best.size:
            out[1] += weight * best[rank] * (1.0 - rank / worst)
