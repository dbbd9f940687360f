"""Samples of pools, drawn without replacement: what they win against a response, or each other, for rankings.

Axes: U user types, N responses, R pools of M samples each, K numbers of samples that are drawn.
"""

import numpy as np

from ualign_env._compile import compiled, inner
from ualign_env._multisets import all_among
from ualign_env._threads import in_threads
from ualign_env._types import Floats, Ints
from ualign_env.users.rankings.guards import Ranks, check_policies
from ualign_env.users.rankings.loops import sum_over_users

_NUMBERS = 4_000_000  # in memory at once, a thread


def pool_payoffs(ranks: Ranks, weights: Floats, pools: Ints, sizes: Ints) -> Floats:
    """Returns `[R, K, N]`: see `Users.pool_payoffs`."""
    check_policies(ranks, pools)
    n, m = ranks.shape[1], _samples(pools, sizes)
    out = np.empty((len(pools), len(sizes), n))
    among = np.ascontiguousarray(all_among(m, sizes).T)
    step = max(1, min(64, _NUMBERS // (n * (m + 2))))
    starts = range(0, len(pools), step)

    def one(i: int) -> None:
        rows = slice(starts[i], starts[i] + step)
        beaten = np.zeros((len(pools[rows]), n, m + 2))
        _add_beaten(ranks, weights, np.ascontiguousarray(pools[rows]), beaten)
        out[rows] = among @ beaten.cumsum(axis=2)[:, :, :-1].transpose(0, 2, 1)

    in_threads(one, len(starts), work=4.0 * ranks.size * len(pools))
    return out


def pool_values(ranks: Ranks, weights: Floats, pool: Ints, other: Ints, sizes: Ints) -> Floats:
    """Returns `[K]`: see `Users.pool_values`."""
    check_policies(ranks, pool, other)
    m = max(_samples(one[None], sizes) for one in (pool, other))
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, m + 1)))])  # of factorials

    def work(first: int, last: int, out: Floats) -> None:
        _add_pool_values(ranks[first:last], weights[first:last], pool, other, sizes, logarithms, out)

    return sum_over_users(work, ranks, (len(sizes),), cost=20.0 * len(sizes))


def _samples(pools: Ints, sizes: Ints) -> int:
    """Returns M, or raises an error for what loops cannot survive: other pools, or draws that they do not hold."""
    m = int(pools[0].sum())
    if pools.dtype.kind not in "iu" or pools.min() < 0 or (pools.sum(axis=1) != m).any():
        raise IndexError("pools must hold equally many samples, none of them less than none")
    if not 0 < sizes.min() <= sizes.max() <= m:
        raise IndexError(
            f"sizes are {sizes.tolist()!s:.100}, but pools hold {m} samples, from 1 to all of which are drawn"
        )
    return m


@inner
def _draw(logarithms, among, of, k, i):
    """Returns the logarithm of C(of, i) C(among, k - i), the ways to draw i of one kind and the others of another."""
    if i > of or k - i > among or i > k:
        return -np.inf
    rest = k - i
    return (
        logarithms[of]
        - logarithms[i]
        - logarithms[of - i]
        + logarithms[among]
        - logarithms[rest]
        - logarithms[among - rest]
    )


@compiled
def _add_pool_values(ranks, weights, pool, other, sizes, logarithms, out):
    """Adds the chance that a user's best is one of k samples of a pool; of i and j equally good ones, i of i + j.

    Her best is at some rank: i samples of the pool lie there and k - i below, and j of the other.
    """
    n = ranks.shape[1]
    at, beside = np.empty(n, np.int64), np.empty(n, np.int64)
    m, l = pool.sum(), other.sum()
    for u in range(ranks.shape[0]):
        row = ranks[u]
        at[:] = 0
        beside[:] = 0
        for y in range(n):
            at[row[y]] += pool[y]
            beside[row[y]] += other[y]
        for s in range(sizes.size):
            k = sizes[s]
            ways = logarithms[m] - logarithms[k] - logarithms[m - k] + logarithms[l] - logarithms[k] - logarithms[l - k]
            below, under = m, l
            total = 0.0
            for rank in range(n):
                below -= at[rank]
                under -= beside[rank]
                for i in range(1, min(k, at[rank]) + 1):
                    one = _draw(logarithms, below, at[rank], k, i)
                    if one == -np.inf:
                        continue
                    for j in range(min(k, beside[rank]) + 1):
                        two = _draw(logarithms, under, beside[rank], k, j)
                        if two > -np.inf:
                            total += np.exp(one + two - ways) * i / (i + j)
            out[s] += weights[u] * total


@compiled
def _add_beaten(ranks, weights, pools, beaten):
    """Adds the differences over j of the chance that a response is preferred to exactly j samples of a pool.

    Among E samples that a user likes as much, a response has each of E + 1 places equally often: where L are worse, it
    is preferred to L, ..., L + E of them.
    """
    n = ranks.shape[1]
    tied, worse = np.empty(n), np.empty(n)
    for u in range(ranks.shape[0]):
        row = ranks[u]
        for r in range(pools.shape[0]):
            tied[:] = 0.0
            last = 0
            for y in range(n):
                tied[row[y]] += pools[r, y]
                last = max(last, row[y])
            below = 0.0
            for rank in range(last, -1, -1):
                worse[rank] = below
                below += tied[rank]
            for y in range(n):
                first, e = int(worse[row[y]]), int(tied[row[y]])
                share = weights[u] / (e + 1)
                beaten[r, y, first] += share
                beaten[r, y, first + e + 1] -= share
