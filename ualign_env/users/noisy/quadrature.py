"""Chances at nodes, summed over users: everything about noisy choices that needs no haste.

Axes: R chains, Q nodes, N responses, M multisets, k responses shown.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ualign_env._threads import in_threads
from ualign_env._types import Floats, Ints
from ualign_env.users.noisy.chains import Chains
from ualign_env.users.noisy.kernel import rounded
from ualign_env.users.noisy.laws import Law

_NUMBERS = 2_000_000  # in memory at once, a thread
_KEPT = 500_000  # numbers at the nodes of users who are asked again and again
_AT_ONCE = 16  # blocks
_NUMBER = 50.0  # nanoseconds


@dataclass(frozen=True)
class Block:
    """Chains that share nodes.

    Attributes:
        shares: `[R, Q]` weights of the users whose chains they are, times those of the nodes.
        above: `[R, Q, N]` chance that a response shown in a slot is above each node.
        below: `[R, Q, N]` chance that it is below.
        rate: `[R, Q, N]` derivative of the logarithm of `below` by the node's place.
    """

    shares: Floats
    above: Floats
    below: Floats
    rate: Floats

    def all_below(self, policy: Floats, k: int) -> Floats:
        """Returns `[R, Q]`: the chance that k samples of an `[N]` policy, or of what nearly is one, are below."""
        total = policy.sum()
        lost = np.clip(self.above @ (policy / total), 0.0, 1.0)
        with np.errstate(divide="ignore", under="ignore", invalid="ignore"):
            return total**k * (np.exp(k * np.log1p(-lost)) if k else np.ones(lost.shape))

    def densities(self) -> Floats:
        """Returns `[R, Q, N]`: the derivative of `below`."""
        return self.below * self.rate

    def tops(self, sets: Ints) -> tuple[Floats, Floats]:
        """Returns `[R, Q, M]`: the chance that all of each row of `[M, k]` are below, and its derivative."""
        shape = (*self.shares.shape, len(sets))
        below, rate = np.ones(shape), np.zeros(shape)
        for column in sets.T:
            below *= self.below[:, :, column]
            rate += self.rate[:, :, column]
        return below, below * rate

    def parts(self, sets: Ints) -> Iterator[slice]:
        """Yields ranges of multisets whose chances fit into memory."""
        step = max(1, _NUMBERS // self.shares.size)
        return (slice(i, i + step) for i in range(0, len(sets), step))


class Quadrature:
    """The chains of some users, at nodes."""

    def __init__(self, chains: Chains, law: Law, weights: Floats) -> None:
        """Prepares for users with `[U]` weights."""
        self._chains, self._law, self._weights = chains, law, weights
        self._kept: dict[int, list[Block]] = {}

    def sum(self, slots: int, work: Callable[[Block], Floats]) -> Floats:
        """Returns the sum of what `work` makes of all blocks, whose nodes are right for so many slots side by side."""
        blocks, numbers = self._blocks(rounded(slots))
        total = np.float64(0)
        for i in range(0, len(blocks), _AT_ONCE):
            some = blocks[i : i + _AT_ONCE]
            found: list[Floats] = [np.empty(0)] * len(some)

            def one(j: int, some=some, found=found) -> None:
                found[j] = work(some[j]())

            in_threads(one, len(some), work=_NUMBER * numbers)
            total = total + sum(found)
        return np.asarray(total)

    def _blocks(self, slots: int) -> tuple[list[Callable[[], Block]], int]:
        """Returns what makes blocks, and how many numbers they hold in all."""
        chains, jobs, numbers = self._chains, [], 0
        groups = [*chains.groups, *((chains.lengths[r], chains.long[i : i + 1]) for i, r in enumerate(chains.long))]
        for length, rows in groups:
            nodes = self._law.nodes(-length, slots)
            step = max(1, _NUMBERS // (nodes[0].size * chains.n))
            jobs += [(rows[i : i + step], *nodes) for i in range(0, rows.size, step)]
            numbers += rows.size * nodes[0].size * chains.n
        if numbers > _KEPT:
            return [lambda job=job: self._block(*job) for job in jobs], numbers
        if slots not in self._kept:
            self._kept[slots] = [self._block(*job) for job in jobs]
        return [lambda block=block: block for block in self._kept[slots]], numbers

    def _block(self, rows: Ints, t: Floats, weights: Floats) -> Block:
        x = t[None, :, None] - self._chains.places(rows)[:, None, :]
        shares = self._weights[self._chains.users[rows], None] * weights
        with np.errstate(under="ignore"):
            return Block(shares, self._law.sf(x), self._law.cdf(x), self._law.rate(x))
