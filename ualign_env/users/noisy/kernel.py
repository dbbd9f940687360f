"""Payoffs against samples of policies over many responses, for users who choose noisily.

Axes: N responses, T policies of a mixture, R chains, C grid points, Q nodes, J nodes near a point.

A policy is spread over a grid of utilities by Lagrange weights, one matrix gives the chance that a sample lies above
each node, its k-th power is integrated by another, and each response gathers its payoff with the same weights: since
spreading and gathering are adjoint, payoffs average to 1 / (k + 1) to rounding, whatever the grid. Matrices of long
chains are bands, which tables hold.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ualign_env._compile import compiled, inner
from ualign_env._threads import in_threads
from ualign_env._types import Floats, Ints
from ualign_env.users.noisy.chains import Chains
from ualign_env.users.noisy.laws import Law

_PER_UNIT = 20  # grid points
_POINTS = 12  # of a polynomial
_BEFORE = 5  # of these, left of the point's own place
_LAGRANGE = np.array([1.0 / np.prod([float(i - j) for j in range(_POINTS) if j != i]) for i in range(_POINTS)])
_AT_ONCE = 512  # chains
_ENTRY = 100.0  # nanoseconds
_LEAST = -600.0  # logarithm of a chance: what is less is as good as 0, and slow to compute with
_SPARSE = 4  # entries of a matrix that are multiplied in the time of one of a band


def payoffs(chains: Chains, law: Law, weights: Floats, policies: Floats, mixture: Floats, k: int) -> Floats:
    """Returns `[N]`: the chance of each response against k samples of `policies[t]`, averaged by `mixture[t]`.

    Args:
        chains: of U users.
        law: of their noise.
        weights: `[U]` of the users.
        policies: `[T, N]` distributions, or what nearly is one.
        mixture: `[T]` chances.
        k: number of samples.
    """
    totals = policies.sum(axis=1)
    policies, mixture = policies / totals[:, None], mixture * totals**k
    above, slots = chains.masses_above(policies), rounded(k)
    jobs = [
        (length, rows[i : i + _AT_ONCE])
        for length, rows in _ways(chains, law, slots)
        for i in range(0, rows.size + 1, _AT_ONCE)
    ]
    found = np.zeros((len(jobs), policies.shape[1]))
    users = (chains.starts, chains.responses, chains.depths)

    def one(i: int) -> None:
        length, rows = jobs[i]
        shares = weights[chains.users[rows]]
        if length is None:
            lengths = chains.lengths[rows]
            bands = _bands(law, slots)
            _add_by_bands(rows, *users, above, lengths, shares, policies, mixture, k, *bands, _LAGRANGE, found[i])
            return
        beyond, densities = _matrices(law, length, slots)
        shown = np.zeros((rows.size, beyond.shape[1]))
        for t, policy in enumerate(policies):
            grid = np.zeros((rows.size, len(beyond)))
            _spread(rows, *users, policy, _LAGRANGE, grid)
            lost = np.clip(above[t, rows, None] + grid @ beyond, 0.0, 1.0)
            with np.errstate(divide="ignore"):
                shown += mixture[t] * np.exp(np.maximum(k * np.log1p(-lost), _LEAST))
        _gather(rows, *users, shown @ densities, shares, _LAGRANGE, found[i])

    in_threads(one, len(jobs), work=_ENTRY * chains.depths.size * len(policies))
    return found.sum(axis=0)


def _ways(chains: Chains, law: Law, slots: int) -> Iterator[tuple[float | None, Ints]]:
    """Yields chains that share matrices, with their length, and at last all that have too few responses for these."""
    sizes, sparse = np.diff(chains.starts), [chains.long]
    near = _bands(law, slots)[0].shape[1]
    for length, rows in chains.groups:
        points, nodes = _n_points(length), law.nodes(-length, slots)[0].size
        crowded = _SPARSE * near * np.minimum(_POINTS * sizes[rows], points) > points * nodes
        sparse.append(rows[~crowded])
        yield length, rows[crowded]
    yield None, np.concatenate(sparse)


def rounded(slots: int) -> int:
    """Returns a number of slots for whose nodes matrices are kept: the next power of two."""
    return 1 << slots.bit_length()


def _n_points(length: float) -> int:
    """Returns C, for chains of a length."""
    return int(length * _PER_UNIT) + _POINTS + 2


@lru_cache(maxsize=16)  # the largest take 60 MB
def _matrices(law: Law, length: float, slots: int) -> tuple[Floats, Floats]:
    """Returns `[C, Q]` chances of lying above each node, and `[Q, C]` densities with the nodes' weights."""
    t, weights = law.nodes(-length, slots)
    places = -(np.arange(_n_points(length)) - _BEFORE) / _PER_UNIT
    away = t[:, None] - places
    return np.ascontiguousarray(law.sf(away).T), np.ascontiguousarray(law.pdf(away) * weights[:, None])


@lru_cache(maxsize=64)
def _bands(law: Law, slots: int) -> tuple[Floats, Floats, int]:
    """Returns tables of nodes near a grid point, in which node and point differ by no more than noise can.

    Returns:
        `[S, J]` chances of lying above each node, by how far the first node is from the first that matters, in points;
        `[S, J]` densities with the nodes' weights; how many points below a grid point nodes begin to matter.
    """
    step, low = round(law.step(slots) * _PER_UNIT), round(law.low * _PER_UNIT)
    high = int(np.ceil(law.reach(slots) * _PER_UNIT))
    away = (np.arange(step)[:, None] + step * np.arange((low + high) // step + 1) - low) / _PER_UNIT
    return law.sf(away), law.pdf(away) * law.step(slots), low


@inner
def _weights(depths, begin, end, lagrange, table, places):
    """Fills `[12, some]` Lagrange weights and `[some]` first grid points of at most so many entries; returns their end.

    The points lie at both sides of a depth alike, so that distances multiply to differences of squares.
    """
    end = min(end, begin + places.size)
    for b in range(end - begin):
        at = depths[begin + b] * 20.0
        first = np.floor(at)
        x = at - first - 0.5
        s = x * x
        f0, f1, f2, f3, f4, f5 = s - 0.25, s - 2.25, s - 6.25, s - 12.25, s - 20.25, s - 30.25
        f01, f23, f45 = f0 * f1, f2 * f3, f4 * f5
        f0123, f2345, f0145 = f01 * f23, f23 * f45, f01 * f45
        p0, p1, p2 = lagrange[0] * f4 * f0123, lagrange[1] * f5 * f0123, lagrange[2] * f2 * f0145
        p3, p4, p5 = lagrange[3] * f3 * f0145, lagrange[4] * f0 * f2345, lagrange[5] * f1 * f2345
        table[0, b], table[11, b] = p0 * (x - 5.5), -p0 * (x + 5.5)
        table[1, b], table[10, b] = p1 * (x - 4.5), -p1 * (x + 4.5)
        table[2, b], table[9, b] = p2 * (x - 3.5), -p2 * (x + 3.5)
        table[3, b], table[8, b] = p3 * (x - 2.5), -p3 * (x + 2.5)
        table[4, b], table[7, b] = p4 * (x - 1.5), -p4 * (x + 1.5)
        table[5, b], table[6, b] = p5 * (x - 0.5), -p5 * (x + 0.5)
        places[b] = np.int32(first)
    return end


@inner
def _spread_chain(begin, end, responses, depths, policy, lagrange, table, places, grid):
    """Adds what a policy does in a chain to `[C]` grid points."""
    while begin < end:
        stop = _weights(depths, begin, end, lagrange, table, places)
        for b in range(stop - begin):
            share, first = policy[responses[begin + b]], np.uintp(places[b])
            for j in range(12):
                grid[first + np.uintp(j)] += share * table[j, b]
        begin = stop


@inner
def _gather_chain(begin, end, responses, depths, values, factor, lagrange, table, places, found):
    """Adds what `[C]` grid points say of a chain's responses."""
    while begin < end:
        stop = _weights(depths, begin, end, lagrange, table, places)
        for b in range(stop - begin):
            first = np.uintp(places[b])
            s0 = s1 = s2 = s3 = 0.0
            for j in range(0, 12, 4):
                at = first + np.uintp(j)
                s0 += values[at] * table[j, b]
                s1 += values[at + np.uintp(1)] * table[j + 1, b]
                s2 += values[at + np.uintp(2)] * table[j + 2, b]
                s3 += values[at + np.uintp(3)] * table[j + 3, b]
            found[responses[begin + b]] += factor * ((s0 + s1) + (s2 + s3))
        begin = stop


@compiled
def _spread(rows, starts, responses, depths, policy, lagrange, grid):
    table, places = np.empty((12, 64)), np.empty(64, np.int32)
    for i in range(rows.size):
        r = rows[i]
        _spread_chain(starts[r], starts[r + 1], responses, depths, policy, lagrange, table, places, grid[i])


@compiled
def _gather(rows, starts, responses, depths, values, shares, lagrange, found):
    table, places = np.empty((12, 64)), np.empty(64, np.int32)
    for i in range(rows.size):
        begin, end = starts[rows[i]], starts[rows[i] + 1]
        _gather_chain(begin, end, responses, depths, values[i], shares[i], lagrange, table, places, found)


@compiled
def _add_by_bands(
    rows,
    starts,
    responses,
    depths,
    above,
    lengths,
    shares,
    policies,
    mixture,
    k,
    chances,
    densities,
    low,
    lagrange,
    found,
):
    step, near = chances.shape
    table, places = np.empty((12, 64)), np.empty(64, np.int32)
    for i in range(rows.size):
        begin, end = starts[rows[i]], starts[rows[i] + 1]
        n_points = int(lengths[i] * 20.0) + 14
        left = -(n_points + low)  # the first node, in points above the best response
        n_nodes = (n_points + 5) // step + 2 + near
        shown = np.zeros(n_nodes)
        for t in range(mixture.size):
            grid = np.zeros(n_points)
            _spread_chain(begin, end, responses, depths, policies[t], lagrange, table, places, grid)
            lost, certain = np.zeros(n_nodes), np.zeros(n_nodes)
            for c in range(n_points):
                if grid[c] != 0.0:
                    q, phase = _window(c, left, low, step)
                    certain[q] += grid[c]
                    _add(lost[q : q + near], grid[c], chances[phase])
            sure = above[t, rows[i]]
            for q in range(n_nodes - 1, -1, -1):
                if q + 1 < n_nodes:
                    sure += certain[q + 1]  # above all nodes before those near its point
                mass = min(max(sure + lost[q], 0.0), 1.0)
                logarithm = k * np.log1p(-mass)
                if logarithm > -600.0:
                    shown[q] += mixture[t] * np.exp(logarithm)
        values, used = np.zeros(n_points), np.zeros(n_points, np.bool_)
        for e in range(begin, end):
            first = int(np.floor(depths[e] * 20.0))
            used[first : first + 12] = True
        for c in range(n_points):
            if used[c]:
                q, phase = _window(c, left, low, step)
                values[c] = _dot(shown[q : q + near], densities[phase])
        _gather_chain(begin, end, responses, depths, values, shares[i], lagrange, table, places, found)


@inner
def _window(point, left, low, step):
    """Returns the first node that matters for a grid point, and how far it is from where nodes begin to matter."""
    begin = -(point - 5) - low - left
    q = (begin + step - 1) // step
    return q, q * step - begin


@inner
def _add(out, factor, row):
    for j in range(row.size):
        out[j] += factor * row[j]


@inner
def _dot(a, b):
    """Returns an inner product, by four sums at a time that the processor adds side by side."""
    s0 = s1 = s2 = s3 = 0.0
    n = a.size - a.size % 4
    for j in range(0, n, 4):
        s0 += a[j] * b[j]
        s1 += a[j + 1] * b[j + 1]
        s2 += a[j + 2] * b[j + 2]
        s3 += a[j + 3] * b[j + 3]
    for j in range(n, a.size):
        s0 += a[j] * b[j]
    return (s0 + s1) + (s2 + s3)
