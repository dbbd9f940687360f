"""Users' utilities as chains: responses whose order the noise can change, and those that it cannot.

Axes: U users, N responses, E = U N entries, R chains.

A user's utilities, in units of her noise, fall into chains with gaps between them that no noise bridges. What lies in
a chain above beats all of a chain below for certain, so that each chain is a small problem of its own, in which only
differences matter: chains of about the same length share their nodes and matrices, whosever they are.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ualign_env._compile import compiled
from ualign_env._types import Floats, Ints

LENGTHS = (0.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)  # up to which chains share matrices


@dataclass(frozen=True)
class Chains:
    """Chains of all users, user by user, and from the best to the worst of a user.

    Attributes:
        n: N.
        responses: `[E]` the responses of a user from the best to the worst.
        depths: `[E]` how far each lies below the best of its chain.
        starts: `[R + 1]` where each chain begins among the entries, and the end.
        users: `[R]` whose it is.
        lengths: `[R]` depth of its worst response.
    """

    n: int
    responses: npt.NDArray[np.int32]
    depths: Floats
    starts: Ints
    users: Ints
    lengths: Floats

    @classmethod
    def of(cls, scaled: Floats, apart: float) -> "Chains":
        """Returns the chains of `[U, N]` utilities in units of the noise."""
        order = np.argsort(-scaled, axis=1, kind="stable")
        sorted_ = np.take_along_axis(scaled, order, axis=1)
        begins = np.ones(scaled.shape, bool)
        begins[:, 1:] = sorted_[:, :-1] - sorted_[:, 1:] > apart
        n, flat, first = scaled.shape[1], sorted_.ravel(), np.flatnonzero(begins.ravel())
        starts = np.append(first, flat.size)
        depths = np.repeat(flat[first], np.diff(starts)) - flat
        return cls(n, order.astype(np.int32).ravel(), depths, starts, first // n, depths[starts[1:] - 1])

    @cached_property
    def groups(self) -> list[tuple[float, Ints]]:
        """Pairs of a length and the chains that are no longer, but longer than the length before."""
        which = np.searchsorted(LENGTHS, self.lengths)
        found = [(length, np.flatnonzero(which == i)) for i, length in enumerate(LENGTHS)]
        return [(length, rows) for length, rows in found if rows.size]

    @cached_property
    def long(self) -> Ints:
        """The chains that are longer than any that share matrices."""
        return np.flatnonzero(self.lengths > LENGTHS[-1])

    def masses_above(self, policies: Floats) -> Floats:
        """Returns `[T, R]`: what each of `[T, N]` policies does in better chains of the same user."""
        found = np.zeros((len(policies), self.users.size))
        _masses_above(self.starts, self.users, self.responses, policies, found)
        return found

    def places(self, rows: Ints) -> Floats:
        """Returns `[rows, N]`: how high each response lies over the best of a chain, infinitely outside of it."""
        found = np.empty((rows.size, self.n))
        _places(rows, self.starts, self.users, self.responses, self.depths, found)
        return found


@compiled
def _masses_above(starts, users, responses, policies, found):
    for t in range(found.shape[0]):
        for r in range(1, users.size):
            if users[r] == users[r - 1]:
                mass = found[t, r - 1]
                for e in range(starts[r - 1], starts[r]):
                    mass += policies[t, responses[e]]
                found[t, r] = mass


@compiled
def _places(rows, starts, users, responses, depths, found):
    n = found.shape[1]
    for i in range(rows.size):
        r = rows[i]
        first = users[r] * n
        for e in range(first, first + n):
            inside = -depths[e] if e < starts[r + 1] else -np.inf
            found[i, responses[e]] = np.inf if e < starts[r] else inside
