"""Loops over users with rankings, compiled by numba.

Axes: U user types, N responses, T policies of a mixture, K players, B rows of slots, R ranks of one user.

Every kernel handles a range of users, releases the interpreter lock, and adds to arrays of its own. Threads take the
ranges, which are cut at fixed places and whose sums are added in order, so that a result does not depend on the number
of threads, to the last bit.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ualign_env._compile import compiled, inner
from ualign_env._threads import in_threads
from ualign_env._types import Floats, Ints
from ualign_env.users.rankings.guards import Ranks, check_indices, check_k, check_policies

_CHUNK = 512  # users a range


def deviation_payoffs(ranks: Ranks, weights: Floats, policies: Floats, mixture: Floats, k: int) -> Floats:
    """Returns `[N]`: the chance of each response against k samples of `policies[t]`, averaged by `mixture[t]`."""
    check_k(k)
    check_policies(ranks, policies)
    series = _series(k)
    exact = 2 * len(series) > k

    def work(first: int, last: int, out: Floats) -> None:
        _deviation_payoffs(ranks[first:last], weights[first:last], policies, mixture, k, series, exact, out)

    return sum_over_users(work, ranks, (ranks.shape[1],), cost=6 * policies.shape[0])


def leave_one_out_payoffs(ranks: Ranks, weights: Floats, profile: Floats) -> Floats:
    """Returns `[K, N]`: the chance of each response, played by player i against the other players of `profile`."""
    check_policies(ranks, profile)
    players = profile.shape[0]
    # the integrand is a polynomial of degree K - 1 in t, for which this many Gauss-Legendre nodes are exact
    nodes, node_weights = gauss_legendre((players + 1) // 2)

    def work(first: int, last: int, out: Floats) -> None:
        _leave_one_out_payoffs(ranks[first:last], weights[first:last], profile, nodes, node_weights, out)

    return sum_over_users(work, ranks, profile.shape, cost=3 * players * nodes.size)


def deviation_jacobian(ranks: Ranks, weights: Floats, policy: Floats, k: int) -> Floats:
    """Returns `[N, N]`: the derivative of the payoff of the row's response by the policy's share of the column's."""
    check_k(k)
    check_policies(ranks, policy)
    n = ranks.shape[1]
    lower, tilt = _series(k - 1), _odd_series(k - 1)
    exact = 2 * len(lower) > k

    def work(first: int, last: int, out: Floats) -> None:
        _deviation_jacobian(ranks[first:last], weights[first:last], policy, k, lower, tilt, exact, out)

    return sum_over_users(work, ranks, (n, n), cost=0.2 * n, chunk=_square_chunk(ranks))


def pairwise(ranks: Ranks, weights: Floats) -> Floats:
    """Returns `[N, N]`: the share of users who prefer row to column, ties counted half."""

    def work(first: int, last: int, out: Floats) -> None:
        _pairwise(ranks[first:last], weights[first:last], out)

    n = ranks.shape[1]
    return sum_over_users(work, ranks, (n, n), cost=0.2 * n, chunk=_square_chunk(ranks))


def shares(ranks: Ranks, weights: Floats, slots: Ints) -> Floats:
    """Returns `[B, K]`: the chance that each of the K responses shown in a row of `slots` is picked."""
    check_indices("slots", slots, ranks.shape[1])
    out = np.zeros(slots.shape)
    _shares(ranks, weights, slots, out)
    return out


def type_shares(ranks: Ranks, types: Ints, slots: Ints) -> Floats:
    """Returns `[B, K]`: the same for one user of each row's type."""
    check_indices("slots", slots, ranks.shape[1])
    check_indices("types", types, len(ranks))
    out = np.zeros(slots.shape)
    _type_shares(ranks, types, slots, out)
    return out


def restricted_ranks(ranks: Ranks, columns: Ints) -> Ranks:
    """Returns `[U, M]`: the ranks of M of the responses among themselves, from 0 without gaps."""
    check_indices("responses", columns, ranks.shape[1])
    out = np.empty((ranks.shape[0], columns.size), ranks.dtype)
    starts = range(0, ranks.shape[0], _CHUNK)

    def one(i: int) -> None:
        _restricted_ranks(ranks[starts[i] : starts[i] + _CHUNK], columns, out[starts[i] : starts[i] + _CHUNK])

    in_threads(one, len(starts), work=ranks.size)
    return out


def sum_over_users(
    work: Callable[[int, int, Floats], None], ranks: Ranks, shape: tuple[int, ...], cost: float, chunk: int = _CHUNK
) -> Floats:
    """Returns the sum of what `work` adds to an array of `shape`; `cost` is in nanoseconds a rank."""
    starts = range(0, ranks.shape[0], chunk)
    partial = np.zeros((len(starts), *shape))
    in_threads(lambda i: work(starts[i], starts[i] + chunk, partial[i]), len(starts), work=ranks.size * cost)
    total = partial[0]
    for part in partial[1:]:
        total += part
    return total


@lru_cache(maxsize=16)
def gauss_legendre(n: int) -> tuple[Floats, Floats]:
    """Returns n nodes in [0, 1] and their weights, exact for polynomials of degree 2n - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def _square_chunk(ranks: Ranks) -> int:
    """Returns the users a range for results of N^2 numbers: four ranges at most, so that these need little memory."""
    return max(_CHUNK, -(-ranks.shape[0] // 4))


@lru_cache(maxsize=64)
def _series(k: int) -> Floats:
    """Returns `[7]` coefficients C(k, 2j) / (4^j (2j + 1)) of `mean((1 + x s)^k, -1/2 <= s <= 1/2)` in x^2."""
    coefficients = [1.0]
    for j in range(1, 7):
        step = max(k - 2 * j + 2, 0) * max(k - 2 * j + 1, 0) / (2 * j * (2 * j - 1))
        coefficients.append(coefficients[-1] * step / 4)
    return np.array([c / (2 * j + 1) for j, c in enumerate(coefficients)])


@lru_cache(maxsize=64)
def _odd_series(k: int) -> Floats:
    """Returns `[7]` coefficients C(k, 2j+1) / (4^(j+1) (2j + 3)) of `mean(s (1 + x s)^k) / x, -1/2 <= s <= 1/2`."""
    coefficients = [float(k) / 4]
    for j in range(1, 7):
        step = max(k - 2 * j + 1, 0) * max(k - 2 * j, 0) / (2 * j * (2 * j + 1))
        coefficients.append(coefficients[-1] * step / 4)
    return np.array([c / (2 * j + 3) for j, c in enumerate(coefficients)])


@inner
def _power(base, k, out):
    """Sets `out = base ** k` for an integer k by repeated squaring; `base` is used up."""
    out[:] = 1.0
    while True:
        if k & 1:
            for i in range(out.size):
                out[i] *= base[i]
        k >>= 1
        if k == 0:
            return
        for i in range(out.size):
            base[i] *= base[i]


@inner
def mass_by_rank(row, policy, mass, below):
    """Adds up a policy over each rank of one user, and over all worse ranks; returns the number of ranks.

    What lies below rank r is `below[r + 1]`; with r itself it is `below[r]`.
    """
    mass[:] = 0.0
    worst = 0
    for y in range(row.size):
        mass[row[y]] += policy[y]
        worst = max(worst, row[y])
    below[worst + 1] = 0.0
    for r in range(worst, -1, -1):
        below[r] = below[r + 1] + mass[r]
    return worst + 1


@compiled
def _deviation_payoffs(ranks, weights, policies, mixture, k, series, exact, out):
    """Adds every user's integral of (F + t p)^k over t in [0, 1]: F lies below a response, p is tied with it.

    Where p is small next to F, (A^(k+1) - F^(k+1)) / ((k+1) p) with A = F + p cancels. There the integral is
    expanded around the midpoint F + p/2 instead: with k p <= F + p/2 the seven terms reach 1e-16, and for
    k <= 13 they are the whole polynomial. All their terms are positive, so nothing cancels.
    """
    n = ranks.shape[1]
    mass, middle, middle_power, chance = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    below, base, below_power = np.empty(n + 1), np.empty(n + 1), np.empty(n + 1)
    for u in range(ranks.shape[0]):
        row = ranks[u]
        for t in range(policies.shape[0]):
            n_ranks = mass_by_rank(row, policies[t], mass, below)
            for r in range(n_ranks):
                middle[r] = below[r + 1] + 0.5 * mass[r]
            base[:n_ranks] = middle[:n_ranks]
            _power(base[:n_ranks], k, middle_power[:n_ranks])
            if not exact:
                base[: n_ranks + 1] = below[: n_ranks + 1]
                _power(base[: n_ranks + 1], k, below_power[: n_ranks + 1])
            weight = weights[u] * mixture[t]
            for r in range(n_ranks):
                if exact or k * mass[r] <= middle[r]:
                    x = mass[r] / middle[r] if middle[r] > 0.0 else 0.0  # the least float has half 0
                    x *= x
                    total = series[6]
                    for j in range(5, -1, -1):
                        total = total * x + series[j]
                    chance[r] = weight * middle_power[r] * total
                else:
                    telescoped = below[r] * below_power[r] - below[r + 1] * below_power[r + 1]
                    chance[r] = weight * telescoped / ((k + 1) * mass[r])
            for y in range(n):
                out[y] += chance[row[y]]


@compiled
def _deviation_jacobian(ranks, weights, policy, k, lower, tilt, exact, out):
    """Adds every user's derivatives of the integral of (F + t p)^k by F, for what is worse, and by p, for ties.

    They are k times the integrals of (F + t p)^(k-1) and of t (F + t p)^(k-1): (A^k - F^k) / p and (A^k - g) / p with
    A = F + p, or series around the midpoint where these cancel, as in `_deviation_payoffs`.
    """
    n = ranks.shape[1]
    mass, middle, middle_power = np.empty(n), np.empty(n), np.empty(n)
    below, base, below_power = np.empty(n + 1), np.empty(n + 1), np.empty(n + 1)
    by_worse, by_tied = np.empty(n), np.empty(n)
    for u in range(ranks.shape[0]):
        row = ranks[u]
        n_ranks = mass_by_rank(row, policy, mass, below)
        for r in range(n_ranks):
            middle[r] = below[r + 1] + 0.5 * mass[r]
        base[:n_ranks] = middle[:n_ranks]
        _power(base[:n_ranks], k - 1, middle_power[:n_ranks])
        if not exact:
            base[: n_ranks + 1] = below[: n_ranks + 1]
            _power(base[: n_ranks + 1], k, below_power[: n_ranks + 1])
        for r in range(n_ranks):
            if exact or k * mass[r] <= middle[r]:
                x = mass[r] / middle[r] if middle[r] > 0.0 else 0.0
                even, odd = lower[6], tilt[6]
                for j in range(5, -1, -1):
                    even = even * x * x + lower[j]
                    odd = odd * x * x + tilt[j]
                by_worse[r] = weights[u] * k * middle_power[r] * even
                by_tied[r] = weights[u] * k * middle_power[r] * (0.5 * even + x * odd)
            else:
                telescoped = below[r] * below_power[r] - below[r + 1] * below_power[r + 1]
                payoff = telescoped / ((k + 1) * mass[r])
                by_worse[r] = weights[u] * (below_power[r] - below_power[r + 1]) / mass[r]
                by_tied[r] = weights[u] * (below_power[r] - payoff) / mass[r]
        for y in range(n):
            rank, worse, tied = row[y], by_worse[row[y]], by_tied[row[y]]
            if n_ranks == n:  # tied with itself alone
                for z in range(n):
                    out[y, z] += worse if row[z] > rank else 0.0
                out[y, y] += tied
            else:
                for z in range(n):
                    out[y, z] += (worse if row[z] > rank else 0.0) + (tied if row[z] == rank else 0.0)


@compiled
def _leave_one_out_payoffs(ranks, weights, profile, nodes, node_weights, out):
    """Adds every user's integral of the product over j != i of (F_j + t p_j), for every player i."""
    players, n = profile.shape
    mass, below = np.empty((players, n)), np.empty((players, n + 1))
    chance, after = np.empty((players, n)), np.empty(players + 1)
    for u in range(ranks.shape[0]):
        row = ranks[u]
        n_ranks = 0
        for j in range(players):
            n_ranks = mass_by_rank(row, profile[j], mass[j], below[j])
        chance[:, :n_ranks] = 0.0
        for r in range(n_ranks):
            for q in range(nodes.size):
                # products of all players after i, then of all before i: no division, so zeros do no harm
                after[players] = 1.0
                for j in range(players - 1, -1, -1):
                    after[j] = after[j + 1] * (below[j, r + 1] + nodes[q] * mass[j, r])
                before = node_weights[q]
                for i in range(players):
                    chance[i, r] += before * after[i + 1]
                    before *= below[i, r + 1] + nodes[q] * mass[i, r]
        for i in range(players):
            for y in range(n):
                out[i, y] += weights[u] * chance[i, row[y]]


@compiled
def _pairwise(ranks, weights, out):
    """Adds every user's comparisons of two responses."""
    n = ranks.shape[1]
    for u in range(ranks.shape[0]):
        row = ranks[u]
        whole, half = weights[u], 0.5 * weights[u]
        for i in range(n):
            for j in range(n):
                out[i, j] += (whole if row[i] < row[j] else 0.0) + (half if row[i] == row[j] else 0.0)


@compiled
def _shares(ranks, weights, slots, out):
    """Adds every user's weight to the slots that hold her most preferred response, in equal parts."""
    rows, players = slots.shape
    for b in range(rows):
        for u in range(ranks.shape[0]):
            best = ranks[u, slots[b, 0]]
            ties = 0
            for i in range(players):
                rank = ranks[u, slots[b, i]]
                if rank < best:
                    best = rank
                    ties = 1
                elif rank == best:
                    ties += 1
            for i in range(players):
                if ranks[u, slots[b, i]] == best:
                    out[b, i] += weights[u] / ties


@compiled
def _type_shares(ranks, types, slots, out):
    for b in range(slots.shape[0]):
        row = ranks[types[b]]
        best, ties = row[slots[b, 0]], 0
        for i in range(slots.shape[1]):
            rank = row[slots[b, i]]
            if rank < best:
                best = rank
                ties = 1
            elif rank == best:
                ties += 1
        for i in range(slots.shape[1]):
            if row[slots[b, i]] == best:
                out[b, i] = 1.0 / ties


@compiled
def _restricted_ranks(ranks, columns, out):
    """Writes every user's ranks of some responses, counted anew."""
    place = np.empty(ranks.shape[1], ranks.dtype)
    for u in range(ranks.shape[0]):
        place[:] = 0
        for j in range(columns.size):
            place[ranks[u, columns[j]]] = 1
        taken = 0
        for r in range(place.size):
            if place[r]:
                place[r] = taken
                taken += 1
        for j in range(columns.size):
            out[u, j] = place[ranks[u, columns[j]]]
