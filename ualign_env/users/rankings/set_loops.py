"""Loops over users with rankings for opponents with several responses, compiled by numba.

Axes: U user types, N responses, R ranks of one user, T policies of a mixture, M multisets, k responses of a model, l of
its opponent.

What an opponent earns from a user depends on two things only: which of the user's ranks the best of its responses has,
and how many of its responses have that rank. The *tiers* of a user, `[R, l]`, are the chances of being picked for each
rank and number; they grow with the number, ever more slowly, and the best of a worse rank is never above the first of a
better one. So the chance is a monotone submodular function of the multiset, for every kind of model.
"""

import numpy as np

from ualign_env._compile import compiled, inner
from ualign_env._types import Floats, Ints
from ualign_env.users.rankings.guards import Ranks, check_indices, check_policies
from ualign_env.users.rankings.loops import gauss_legendre, mass_by_rank, sum_over_users

_SHORT = 64  # up to this k, the recurrence in k is taken
_CHUNKS = 4  # at most so many ranges of users where the result of each is large


def sample_tiers(ranks: Ranks, policies: Floats, mixture: Floats, k: int, l: int) -> Floats:
    """Returns `[U, N, l]` tiers against k samples of `policies[t]`, averaged by `mixture[t]`."""
    check_policies(ranks, policies)
    out = np.zeros((*ranks.shape, l))
    _sample_tiers(ranks, policies, mixture, k, out)
    return out


def output_tiers(ranks: Ranks, policies: Floats, l: int) -> Floats:
    """Returns `[U, N, l]` tiers against one sample of each row of `policies`."""
    check_policies(ranks, policies)
    out = np.zeros((*ranks.shape, l))
    _output_tiers(ranks, policies, *gauss_legendre((len(policies) + l + 1) // 2), out)
    return out


def set_tiers(ranks: Ranks, sets: Ints, chances: Floats, l: int) -> Floats:
    """Returns `[U, N, l]` tiers against a multiset drawn from the rows of `sets`."""
    check_indices("sets", sets, ranks.shape[1])
    if len(chances) != len(sets):
        raise IndexError(f"{len(chances)} chances of {len(sets)} multisets")
    out = np.zeros((*ranks.shape, l))
    _set_tiers(ranks, sets, chances, out)
    return out


def add_set_values(ranks: Ranks, weights: Floats, tiers: Floats, sets: Ints) -> Floats:
    """Returns `[M]`: the chance that one of the responses of each row of `sets` is picked."""
    check_indices("sets", sets, ranks.shape[1])

    def work(first: int, last: int, out: Floats) -> None:
        _set_values(ranks[first:last], weights[first:last], tiers[first:last], sets, out)

    chunk = max(512, -(-ranks.shape[0] // _CHUNKS))
    return sum_over_users(work, ranks, (len(sets),), cost=3 * sets.size / ranks.shape[1], chunk=chunk)


def sample_value(ranks: Ranks, weights: Floats, policies: Floats, mixture: Floats, k: int, responses: Ints) -> float:
    """Returns the chance that one of `[l]` responses is picked against k samples of `policies[t]`."""
    check_policies(ranks, policies)
    check_indices("responses", responses, ranks.shape[1])

    def work(first: int, last: int, out: Floats) -> None:
        _sample_value(ranks[first:last], weights[first:last], policies, mixture, k, responses, out)

    return float(sum_over_users(work, ranks, (1,), cost=3 * policies.shape[0])[0])


def sample_gains(
    ranks: Ranks, weights: Floats, policies: Floats, mixture: Floats, k: int, best: Ints, held: Ints, copies: int
) -> Floats:
    """Returns `[copies, N]`: what a first copy of each response would add to a multiset, and what a second.

    Args:
        ranks: `[U, N]`.
        weights: `[U]`.
        policies: `[T, N]`.
        mixture: `[T]`.
        k: samples of the model.
        best: `[U]` rank of the best response of the multiset, N where it is empty.
        held: `[U]` how many of its responses have that rank.
        copies: 1 or 2.
    """
    check_policies(ranks, policies)

    def work(first: int, last: int, out: Floats) -> None:
        rows = slice(first, last)
        _sample_gains(ranks[rows], weights[rows], policies, mixture, k, best[rows], held[rows], out)

    return sum_over_users(work, ranks, (copies, ranks.shape[1]), cost=60 * policies.shape[0])


def tier_gains(ranks: Ranks, weights: Floats, tiers: Floats, best: Ints, held: Ints, copies: int) -> Floats:
    """Returns `[copies, N]` as `sample_gains`, from tiers for at least so many copies more than are held."""
    out = np.zeros((copies, ranks.shape[1]))
    _tier_gains(ranks, weights, tiers, best, held, out)
    return out


def matrix(ranks: Ranks, weights: Floats, sets: Ints, others: Ints) -> Floats:
    """Returns `[M, M']`: the chance of each row of `others` to be picked against each row of `sets`."""
    for rows in (sets, others):
        check_indices("sets", rows, ranks.shape[1])

    def work(first: int, last: int, out: Floats) -> None:
        _matrix(ranks[first:last], weights[first:last], sets, others, out)

    shape = len(sets), len(others)
    chunk = max(512, -(-ranks.shape[0] // _CHUNKS))
    return sum_over_users(work, ranks, shape, cost=2 * len(sets) * len(others) / ranks.shape[1], chunk=chunk)


def sampled_chance(ranks: Ranks, weights: Floats, policy: Floats, k: int, other: Floats, l: int) -> float:
    """Returns the chance that one of l samples of `other` is picked against k samples of `policy`."""
    check_policies(ranks, policy, other)
    # the integrand is a polynomial of degree k + l - 1 in t
    nodes, node_weights = gauss_legendre((k + l + 1) // 2)

    def work(first: int, last: int, out: Floats) -> None:
        _sampled_chance(ranks[first:last], weights[first:last], policy, k, other, l, nodes, node_weights, out)

    return float(sum_over_users(work, ranks, (1,), cost=10 * nodes.size)[0])


@inner
def tied_share(q, k, c):
    """Returns the mean of c / (c + J) for J of k slots tied, each with chance q: what c slots get of a tie.

    It is `c * integral_0^1 t^(c-1) (1 - q + t q)^k dt`. The recurrences follow from integration by parts; each is taken
    where it adds up positive terms or dampens errors.
    """
    if q <= 0.0:
        return 1.0
    if c == 1 or k * q > c:
        share = -np.expm1((k + 1) * np.log1p(-q)) / ((k + 1) * q)
        for m in range(2, c + 1):
            share = m * (1.0 - (1.0 - q) * share) / (q * (k + m))
        return share
    if k <= max(_SHORT, 2 * c):
        share = 1.0
        for j in range(1, k + 1):
            share = (c + j * (1.0 - q) * share) / (c + j)
        return share
    chance = np.exp(k * np.log1p(-q))  # of J = 0; q < 1/2 here
    share, left, j = chance, 1.0 - chance, 0
    while left > 1e-17 and j < k and (chance > 1e-18 or j < k * q):
        chance *= (k - j) / (j + 1.0) * q / (1.0 - q)
        j += 1
        share += chance * c / (c + j)
        left -= chance
    return share


@inner
def _tier(below, mass, k, c):
    """Returns the chance that one of c responses of a rank is picked against k samples."""
    whole = below + mass
    if whole <= 0.0:
        return 0.0
    return whole**k * tied_share(min(mass / whole, 1.0), k, c)


@compiled
def _sample_tiers(ranks, policies, mixture, k, out):
    n = ranks.shape[1]
    mass, below = np.empty(n), np.empty(n + 1)
    for u in range(ranks.shape[0]):
        for t in range(policies.shape[0]):
            n_ranks = mass_by_rank(ranks[u], policies[t], mass, below)
            for r in range(n_ranks):
                for c in range(out.shape[2]):
                    out[u, r, c] += mixture[t] * _tier(below[r + 1], mass[r], k, c + 1)


@compiled
def _output_tiers(ranks, policies, nodes, node_weights, out):
    k, n = policies.shape
    mass, below = np.empty((k, n)), np.empty((k, n + 1))
    for u in range(ranks.shape[0]):
        n_ranks = 0
        for j in range(k):
            n_ranks = mass_by_rank(ranks[u], policies[j], mass[j], below[j])
        for r in range(n_ranks):
            for q in range(nodes.size):
                term = node_weights[q]
                for j in range(k):
                    term *= below[j, r + 1] + nodes[q] * mass[j, r]
                for c in range(out.shape[2]):
                    out[u, r, c] += (c + 1) * term
                    term *= nodes[q]


@compiled
def _set_tiers(ranks, sets, chances, out):
    n = ranks.shape[1]
    for u in range(ranks.shape[0]):
        row = ranks[u]
        for m in range(sets.shape[0]):
            best, tied = n, 0
            for i in range(sets.shape[1]):
                rank = np.int64(row[sets[m, i]])
                if rank < best:
                    best, tied = rank, 1
                elif rank == best:
                    tied += 1
            for c in range(out.shape[2]):
                for r in range(best):
                    out[u, r, c] += chances[m]
                out[u, best, c] += chances[m] * (c + 1) / (c + 1 + tied)


@compiled
def _set_values(ranks, weights, tiers, sets, out):
    for u in range(ranks.shape[0]):
        row, table, weight = ranks[u], tiers[u], weights[u]
        for m in range(sets.shape[0]):
            best, tied = np.int64(row[sets[m, 0]]), 0
            for i in range(1, sets.shape[1]):
                rank = np.int64(row[sets[m, i]])
                if rank < best:
                    best, tied = rank, 0
                elif rank == best:
                    tied += 1
            out[m] += weight * table[best, tied]


@compiled
def _sample_value(ranks, weights, policies, mixture, k, responses, out):
    n = ranks.shape[1]
    mass, below = np.empty(n), np.empty(n + 1)
    for u in range(ranks.shape[0]):
        best, tied = n, 0
        for y in responses:
            rank = np.int64(ranks[u, y])
            if rank < best:
                best, tied = rank, 1
            elif rank == best:
                tied += 1
        for t in range(policies.shape[0]):
            mass_by_rank(ranks[u], policies[t], mass, below)
            out[0] += weights[u] * mixture[t] * _tier(below[best + 1], mass[best], k, tied)


@compiled
def _sample_gains(ranks, weights, policies, mixture, k, best, held, out):
    n = ranks.shape[1]
    mass, below = np.empty(n), np.empty(n + 1)
    first, second = np.empty(n), np.empty(n)
    for u in range(ranks.shape[0]):
        row = ranks[u]
        for t in range(policies.shape[0]):
            n_ranks = mass_by_rank(row, policies[t], mass, below)
            weight = weights[u] * mixture[t]
            now = _tier(below[best[u] + 1], mass[best[u]], k, held[u]) if best[u] < n else 0.0
            for r in range(min(best[u] + 1, n_ranks)):
                tied = held[u] if r == best[u] else 0
                one = _tier(below[r + 1], mass[r], k, tied + 1)
                first[r], second[r] = weight * (one - now), 0.0
                if mass[r] > 0.0 and out.shape[0] > 1:
                    second[r] = weight * (_tier(below[r + 1], mass[r], k, tied + 2) - one)
            for y in range(n):
                if row[y] <= best[u]:
                    out[0, y] += first[row[y]]
                    if out.shape[0] > 1:
                        out[1, y] += second[row[y]]


@compiled
def _tier_gains(ranks, weights, tiers, best, held, out):
    for u in range(ranks.shape[0]):
        now = tiers[u, best[u], held[u] - 1] if held[u] else 0.0
        for y in range(ranks.shape[1]):
            r = np.int64(ranks[u, y])
            if r <= best[u]:
                tied = held[u] if r == best[u] else 0
                out[0, y] += weights[u] * (tiers[u, r, tied] - now)
                if out.shape[0] > 1:
                    out[1, y] += weights[u] * (tiers[u, r, tied + 1] - tiers[u, r, tied])


@inner
def _best_and_tied(row, sets, best, tied):
    """Writes the best rank among the responses of each row of `sets`, and how many have it."""
    for m in range(sets.shape[0]):
        best[m], tied[m] = row[sets[m, 0]], 1
        for i in range(1, sets.shape[1]):
            rank = row[sets[m, i]]
            if rank < best[m]:
                best[m], tied[m] = rank, 1
            elif rank == best[m]:
                tied[m] += 1


@compiled
def _matrix(ranks, weights, sets, others, out):
    best, tied = np.empty(sets.shape[0], np.int64), np.empty(sets.shape[0], np.int64)
    other_best, other_tied = np.empty(others.shape[0], np.int64), np.empty(others.shape[0], np.int64)
    for u in range(ranks.shape[0]):
        _best_and_tied(ranks[u], sets, best, tied)
        _best_and_tied(ranks[u], others, other_best, other_tied)
        for i in range(sets.shape[0]):
            for j in range(others.shape[0]):
                if other_best[j] < best[i]:
                    out[i, j] += weights[u]
                elif other_best[j] == best[i]:
                    out[i, j] += weights[u] * other_tied[j] / (tied[i] + other_tied[j])


@compiled
def _sampled_chance(ranks, weights, policy, k, other, l, nodes, node_weights, out):
    n = ranks.shape[1]
    mass, below = np.empty(n), np.empty(n + 1)
    other_mass, other_below = np.empty(n), np.empty(n + 1)
    for u in range(ranks.shape[0]):
        n_ranks = mass_by_rank(ranks[u], policy, mass, below)
        mass_by_rank(ranks[u], other, other_mass, other_below)
        for r in range(n_ranks):
            if other_mass[r] > 0.0:
                total = 0.0
                for i in range(nodes.size):
                    mine = (below[r + 1] + nodes[i] * mass[r]) ** k
                    total += node_weights[i] * mine * (other_below[r + 1] + nodes[i] * other_mass[r]) ** (l - 1)
                out[0] += weights[u] * l * other_mass[r] * total
